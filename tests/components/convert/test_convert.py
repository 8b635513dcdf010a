"""Published weights as models of ours: what their own packages' networks give for the same music."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from core.tiny import run_python
from numpy.typing import NDArray
from torch import nn

from components.convert.convert import convert
from components.convert.spleeter import state_of
from components.core.bundle import load_model
from components.core.errors import UserError
from components.core.networks.spleeter import SpleeterConfig, build_spleeter
from components.core.segments import separate_all
from components.core.torchaudio_compat import torchaudio


def _mixture(samples: int) -> torch.Tensor:
    return 0.1 * torch.randn(1, 2, samples, generator=torch.Generator().manual_seed(0))


def test_open_unmix_from_its_own_files(tmp_path: Path) -> None:
    package = pytest.importorskip("openunmix.model")
    torch.manual_seed(0)
    theirs = {}
    for target in ("vocals", "drums"):
        network = package.OpenUnmix(nb_bins=257, nb_channels=2, hidden_size=16, max_bin=100).eval()
        torch.save(network.state_dict(), tmp_path / f"{target}-0123abcd.pth")
        theirs[target] = network
    converted = convert("open-unmix", str(tmp_path), tmp_path / "model")
    assert converted.targets == ("drums", "vocals")
    model = load_model(tmp_path / "model")
    magnitude = torch.rand(1, 2, 257, 20)
    with torch.inference_mode():
        masks = model.separator.network(magnitude)
        for number, target in enumerate(model.targets):
            assert (masks[:, number] * magnitude - theirs[target](magnitude.clone())).abs().max() < 1e-5


def test_hybrid_demucs_from_torchaudio_s_file(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = torchaudio.models.HDemucs(list("abcd"), channels=8).eval()
    torch.save(network.state_dict(), tmp_path / "hdemucs_high_trained.pt")
    convert("hdemucs", str(tmp_path), tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert model.targets == ("drums", "bass", "other", "vocals")
    mixture = _mixture(20000)
    with torch.inference_mode():
        assert (model.separator.network(mixture) - network(mixture)).abs().max() < 1e-6


def test_ht_demucs_from_its_package_s_checkpoint(tmp_path: Path) -> None:
    package = pytest.importorskip("demucs.htdemucs")
    torch.manual_seed(0)
    settings: dict[str, Any] = {
        "channels": 8, "depth": 4, "bottom_channels": 16, "t_layers": 1, "t_heads": 2, "nfft": 2048, "dconv_mode": 3,
        "segment": Fraction(39, 5), "use_train_segment": False, "sources": ["drums", "bass", "other", "vocals"],
    }  # fmt: skip
    network = package.HTDemucs(**settings).eval()
    saved = {"klass": package.HTDemucs, "args": (), "kwargs": settings, "state": network.state_dict()}
    torch.save(saved, tmp_path / "955717e8-8726e21a.th")
    convert("htdemucs", str(tmp_path), tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert model.separator.segment == round(7.8 * 44100)
    mixture = _mixture(20000)
    with torch.inference_mode():
        assert (model.separator.network(mixture) - network(mixture)).abs().max() < 1e-6


class _Checkpoint:
    """Variables as TensorFlow names them, made from a separator of ours: each is asked for once."""

    def __init__(self, separator: nn.Module, stems: int) -> None:
        state = separator.state_dict()
        self.variables: dict[str, NDArray[np.float32]] = {}
        for stem in range(stems):
            self._stem(stem, {k.removeprefix(f"network.stems.{stem}."): v for k, v in state.items()})
        self.asked: list[str] = []

    def _stem(self, stem: int, state: Mapping[str, torch.Tensor]) -> None:
        for level in range(6):
            self._kernel("conv2d", 7 * stem + level, state, f"down.{level}")
            self._kernel("conv2d_transpose", 6 * stem + level, state, f"up.{level}.0")
            self._norm(12 * stem + 6 + level, state, f"up.{level}.2")
            if level < 5:
                self._norm(12 * stem + level, state, f"norms.{level}")
        self._kernel("conv2d", 7 * stem + 6, state, "head")

    def _kernel(self, kind: str, number: int, state: Mapping[str, torch.Tensor], name: str) -> None:
        label = f"{kind}_{number}" if number else kind
        self.variables[f"{label}/kernel"] = state[f"{name}.weight"].numpy().transpose(3, 2, 1, 0)
        self.variables[f"{label}/bias"] = state[f"{name}.bias"].numpy()

    def _norm(self, number: int, state: Mapping[str, torch.Tensor], name: str) -> None:
        label = f"batch_normalization_{number}" if number else "batch_normalization"
        names = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
        for theirs, ours in names.items():
            self.variables[f"{label}/{theirs}"] = state[f"{name}.{ours}"].numpy()

    def get_tensor(self, name: str) -> NDArray[np.float32]:
        self.asked.append(name)
        return self.variables[name]


@pytest.mark.parametrize("stems", [2, 4])
def test_spleeter_s_variables_find_their_places(stems: int) -> None:
    torch.manual_seed(0)
    config = SpleeterConfig(widths=(2, 3, 4, 5, 6, 7), frames=64)
    separator = build_spleeter(config, stems, 2)
    for value in separator.state_dict().values():
        if value.is_floating_point():
            torch.nn.init.uniform_(value)
    checkpoint = _Checkpoint(separator, stems)
    state = state_of(checkpoint, stems)
    assert state.keys() == separator.state_dict().keys()
    assert all(torch.equal(value, separator.state_dict()[name]) for name, value in state.items())
    assert sorted(checkpoint.asked) == sorted(checkpoint.variables)


def test_an_onnx_file_separates_like_any_model(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    onnx = pytest.importorskip("onnx")

    class Halves(nn.Module):
        def forward(self, mixture: torch.Tensor) -> torch.Tensor:
            return torch.stack([0.25 * mixture, 0.5 * mixture], dim=1)

    program: Any = torch.onnx.export(Halves(), (torch.zeros(1, 2, 4096),), dynamo=True, verbose=False)
    program.save(str(tmp_path / "halves.onnx"))
    model = onnx.load(str(tmp_path / "halves.onnx"))
    onnx.helper.set_model_props(model, {"targets": "vocals, accompaniment", "rate": "48000"})
    onnx.save(model, str(tmp_path / "halves.onnx"))
    converted = convert("onnx", str(tmp_path / "halves.onnx"), tmp_path / "model")
    assert (converted.targets, converted.rate, converted.channels) == (("vocals", "accompaniment"), 48000, 2)
    loaded = load_model(tmp_path / "model")
    mixture = _mixture(10000)[0].numpy()
    stems = separate_all(loaded.separator, mixture)
    np.testing.assert_allclose(stems.sum(axis=0), mixture, atol=1e-6)
    np.testing.assert_allclose(stems[0], (0.25 + 0.125) * mixture, atol=1e-6)  # and half of the quarter that is left
    with pytest.raises(UserError, match="cannot be trained"):
        loaded.separator.train()(torch.zeros(1, 2, 100))


@pytest.mark.parametrize(
    ("kind", "source", "message"),
    [
        ("open-unmix", "umxhq", "vocals-b62c91ce.pth is not in"),
        ("open-unmix", "nowhere", "is neither umxhq, umx, umxl nor a folder"),
        ("htdemucs", "", "955717e8-8726e21a.th is not in"),
        ("spleeter", "nowhere", "`spleeter separate` downloads"),
        ("onnx", "nowhere.onnx", "is not a file"),
        ("tape", "x", "there are no weights of the kind tape"),
    ],
)
def test_what_is_missing_is_one_line_that_says_where_it_goes(
    kind: str, source: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    with pytest.raises(UserError, match=message) as raised:
        convert(kind, source, tmp_path / "model")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "model").exists()


def test_a_file_with_code_in_it_is_refused(tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (print, ("pwned",))

    (tmp_path / "hdemucs_high_x.pt").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(UserError, match="holds no weights that can be read safely"):
        convert("hdemucs", str(tmp_path), tmp_path / "model")


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    result = run_python("-m", "components.convert", "onnx", "nowhere", str(tmp_path / "model"))
    assert result.returncode == 2
    assert "stemline: nowhere is not a file" in result.stderr
