"""The table of speeds."""

from pathlib import Path

import pytest

from components.core.tracking import provenance
from components.evaluate.results.tables import speed_table
from tests.support.nvidia_driver import install_nvidia_smi


def test_speed_table_does_not_name_an_unused_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_nvidia_smi(tmp_path, ["Some GPU"], monkeypatch)
    assert provenance.hardware() == "1 x Some GPU"
    table = speed_table({"model": 12.341, "mixture": 900.0}).set_index("system")
    assert dict(table["times_real_time"]) == {"model": 12.34, "mixture": 900.0}
    assert set(table["machine"]) == {provenance.processor()}
    assert "GPU" not in provenance.processor()
