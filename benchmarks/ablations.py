"""What does each part of the recipe bring? `python -m benchmarks.ablations {ablation,learning-curve} [--steps N]`

Runs one DVC experiment a variant of params.yaml (`dvc exp run -s train`), so `dvc exp show` and MLflow have every one
of them, and prints the table: SDR on the validation tracks, median over 1 s frames, then over tracks. The test tracks
are never looked at. Give all variants the same, short `--steps`; the shipped model's params.yaml is the base:

    cp models/vocal-isolation/params.yaml . && dvc repro cache
    python -m benchmarks.ablations ablation --steps 400
    python -m benchmarks.ablations learning-curve --steps 800

A training that is done already is found again; what was interrupted goes on.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

METRICS = Path("workspace/train/metrics.json")
PARAMS = Path("params.yaml")

_PLAIN = {
    "gain_db": 0.0, "remix_share": 0.0, "part_remix_share": 0.0, "mixup_share": 0.0, "swap_share": 0.0,
    "flip_share": 0.0, "silence_share": 0.0, "warp_share": 0.0,
}  # fmt: skip
_PAPER = {"name": "unet", "widths": [8, 16, 32, 64, 128], "bins": 1024, "frames": 256}
_MUSDB = {target: {"musdb18-7s": 1.0} for target in ("vocals", "accompaniment")}

VARIANTS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    "ablation": {
        "recipe": {},
        "loss-magnitude": {"train.loss": "magnitude"},
        "mask-bounded": {"train.network.mask": "bounded"},
        "network-unet": {"train.network": _PAPER},
        "no-augmentation": {f"train.augment.{name}": value for name, value in _PLAIN.items()},
        "no-part-remix": {"train.augment.part_remix_share": 0.0},
        "no-warp": {"train.augment.warp_share": 0.0},
        "no-mixup": {"train.augment.mixup_share": 0.0},
        "only-musdb": {"train.datasets": _MUSDB},
        "no-ema": {"train.ema_decay": 0.0},
    },
    "learning-curve": {
        "data-25": {"train.data_share": 0.25},
        "data-50": {"train.data_share": 0.5},
        "data-100": {"train.data_share": 1.0},
    },
}
"""Table, variant, and the parameters in which the variant differs from params.yaml."""


def main() -> None:
    """Run the variants of a table one after the other, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=sorted(VARIANTS))
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--only", nargs="*", help="names of variants")
    arguments = parser.parse_args()
    chosen = {
        name: changes for name, changes in VARIANTS[arguments.table].items() if name in (arguments.only or [name])
    }
    before = PARAMS.read_bytes()
    print(f"| variant, {arguments.steps} steps | vocals SDR | accompaniment SDR | best step | minutes |")
    print("|---|---|---|---|---|", flush=True)
    for name, changes in chosen.items():
        try:
            # in the file, not by `-S`: that knows only parameters that stand there already
            _change({"train.steps": arguments.steps, **changes})
            print(_row(name, f"{name}-{arguments.steps}"), flush=True)
        finally:
            PARAMS.write_bytes(before)


def _change(changes: Mapping[str, object]) -> None:
    """Set dotted parameters in params.yaml."""
    yaml = YAML()
    document = yaml.load(PARAMS)
    for path, value in changes.items():
        *sections, name = path.split(".")
        section = document
        for part in sections:
            section = section[part]
        section[name] = value
    yaml.dump(document, PARAMS)


def _row(name: str, experiment: str) -> str:
    started = time.monotonic()
    done = subprocess.run(["dvc", "exp", "run", "--quiet", "--force", "-s", "-n", experiment, "train"], check=False)
    if done.returncode:
        sys.exit(f"{name}: the experiment failed, see above; the same command goes on from here")
    found = json.loads(METRICS.read_text(encoding="utf-8"))
    minutes = (time.monotonic() - started) / 60
    scores = f"{found['vocals_sdr']:.2f} | {found['accompaniment_sdr']:.2f}"
    return f"| {name} | {scores} | {found['step']:.0f} | {minutes:.1f} |"


if __name__ == "__main__":
    main()
