"""The smoke test runs a model in a separate process, and starts its clock when the model is loaded."""

from pathlib import Path

import pytest

from components.core.base.errors import UserError
from components.core.models.smoke_test import NotTestedError, TimeLimits, run_smoke_test
from tests.support.tiny_models import save_tiny_model

pytestmark = pytest.mark.slow


def test_smoke_test_does_not_blame_the_model_for_slow_loading(tmp_path: Path) -> None:
    with pytest.raises(NotTestedError, match=r"could not be tested: it was not fetched and loaded in 0\.1 s"):
        run_smoke_test(str(save_tiny_model(tmp_path / "model")), TimeLimits(loading=0.1))


def test_smoke_test_refuses_a_model_that_separates_too_slowly(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"did not separate 4 s of music in 0 s") as caught:
        run_smoke_test(str(save_tiny_model(tmp_path / "model")), TimeLimits(separating=0.0))
    assert not isinstance(caught.value, NotTestedError)


def test_smoke_test_measures_a_model_that_works(tmp_path: Path) -> None:
    result = run_smoke_test(str(save_tiny_model(tmp_path / "model")))
    assert result.times_real_time > 0
    assert result.largest_error < 1e-4
