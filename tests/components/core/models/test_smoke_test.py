"""A model is tried in a process of its own: what takes too long is its fault from when it is loaded on."""

import multiprocessing
from pathlib import Path

import pytest

from components.core.base.errors import UserError
from components.core.models import smoke_test as module
from components.core.models.smoke_test import NotTried, run_smoke_test
from tests.support.tiny_models import save_tiny_model

pytestmark = pytest.mark.slow


def test_a_fetch_that_takes_too_long_is_no_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = save_tiny_model(tmp_path / "model")
    monkeypatch.setattr(module, "_FETCHING", 0.1)
    monkeypatch.setattr(module, "_LOOK_EVERY", 0.05)
    with pytest.raises(NotTried, match=r"could not be tried: it was not fetched and loaded in 0\.1 s"):
        run_smoke_test(str(model))
    assert multiprocessing.active_children() == [], "the process is ended"


def test_a_model_that_takes_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = save_tiny_model(tmp_path / "model")
    monkeypatch.setattr(module, "_SEPARATING", 0.0)
    monkeypatch.setattr(module, "_LOOK_EVERY", 0.01)
    with pytest.raises(UserError, match=r"did not separate 4 s of music in 0 s") as caught:
        run_smoke_test(str(model))
    assert not isinstance(caught.value, NotTried)


def test_one_that_works_says_what_was_seen(tmp_path: Path) -> None:
    seen = run_smoke_test(str(save_tiny_model(tmp_path / "model")))
    assert seen.times_real_time > 0
    assert seen.largest_error < 1e-4
