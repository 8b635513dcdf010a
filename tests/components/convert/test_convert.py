"""What all kinds of weights have in common: missing ones, unsafe ones, and the command."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from core.tiny import run_python

from components.convert.convert import KINDS, convert
from components.core.errors import UserError


@pytest.mark.parametrize(
    ("kind", "source", "message"),
    [
        ("open-unmix", "umxhq", "vocals-b62c91ce.pth is not in"),
        ("open-unmix", "nowhere", "is neither umxhq, umx, umxl, umxse nor a folder"),
        ("htdemucs", "htdemucs", "955717e8-8726e21a.th is not in"),
        ("hdemucs", "hdemucs_high_trained", "hdemucs_high_trained.pt is not in"),
        ("demucs", "nowhere", "neither a file nor a folder"),
        ("spleeter", "nowhere", "`spleeter separate` downloads"),
        ("onnx", "nowhere.onnx", "is not a file"),
        ("tape", "x", "there are no weights of the kind tape"),
    ],
)
def test_what_is_missing_is_one_line_that_says_where_it_goes(
    kind: str, source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "demucs" in kind:
        pytest.importorskip("demucs")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=message) as raised:
        convert(kind, source, tmp_path / "model")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "model").exists()


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("pwned"),))


@pytest.mark.parametrize(
    ("kind", "name"),
    [("open-unmix", "vocals.pth"), ("demucs", "x.th"), ("hdemucs", "hdemucs_high_x.pt"), ("htdemucs", "x.th")],
)
def test_a_file_with_code_in_it_is_refused(
    kind: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind.endswith("demucs"):
        pytest.importorskip("demucs")
    monkeypatch.chdir(tmp_path)
    for data in (pickle.dumps(_Evil(), protocol=2), None):
        if data is None:
            torch.save({"klass": _Evil(), "state": {}}, tmp_path / name)
        else:
            (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match="holds no weights that can be read safely"):
            convert(kind, str(tmp_path / name), tmp_path / "model")
    assert not (tmp_path / "pwned").exists()
    assert not (tmp_path / "model").exists()


def test_options_belong_to_a_kind(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="open-unmix has no option rate"):
        convert("open-unmix", "umxhq", tmp_path, {"rate": "16000"})
    assert [name for name, kind in KINDS.items() if kind.options] == ["onnx"]


@pytest.mark.slow
def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    arguments = ["onnx", "nowhere", str(tmp_path / "model"), "--rate", "16000"]
    result = run_python("-m", "components.convert", *arguments)
    assert result.returncode == 2
    assert "stemline: nowhere is not a file" in result.stderr
