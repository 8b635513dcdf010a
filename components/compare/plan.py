"""`python -m components.compare.plan --out FILE [--systems a,b] [--post mwf] [--tracks N] [--small]`

What a comparison trains and scores, as parameters: a job a system. The flow `compare` carries the jobs out.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.compare.systems import System, named
from components.core.entry import run_step
from components.core.errors import UserError
from components.core.files import write_json

ORACLES = ("mixture", "ibm", "irm1", "irm2", "mwf")
"""Floor and ceilings, scored once a set of stems: they do not depend on the model."""

POSTS: Mapping[str, Mapping[str, Any]] = {"mask": {}, "mwf": {"mwf": {"method": "wiener"}}}
"""Ways from estimates to stems by the paper's names: masks are what a system does anyway."""

SMALL: Mapping[str, object] = {
    "train.steps": 120,
    "train.batch": 8,
    "train.passes": 1,
    "train.crop_seconds": 1.5,
    "train.warmup_steps": 10,
    "train.learning_rate": 0.001,
    "train.ema_decay": 0.9,
    "train.validate_every": 60,
    "train.validation_seconds": 20.0,
    "train.checkpoint_every": 60,
}
"""The recipe of `--small`: the same number of the same crops for every system, a minute or two of training each."""


def main() -> None:
    """Parse the command line and write the plan."""
    parser = argparse.ArgumentParser(prog="python -m components.compare.plan", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--systems", default="", help="names, separated by commas (none: all)")
    parser.add_argument("--post", default="mask", help=f"{' and '.join(POSTS)}, separated by commas")
    parser.add_argument("--tracks", type=int, default=0, help="score on so many test tracks (0: all)")
    parser.add_argument("--steps", type=int, default=0, help="train for so many steps (0: as the recipe says)")
    parser.add_argument("--small", action="store_true", help="small networks, trained in minutes")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    systems = named([name for name in arguments.systems.split(",") if name])
    common = _common(arguments)
    write_json(arguments.out, plan(systems, common, arguments.small))


def _common(arguments: argparse.Namespace) -> dict[str, object]:
    posts = [name for name in arguments.post.split(",") if name]
    if unknown := [name for name in posts if name not in POSTS]:
        raise UserError(f"--post: there is no {unknown[0]} (there are {', '.join(POSTS)})")
    post = {name: dict(values) for chosen in posts for name, values in POSTS[chosen].items()}
    steps = {"train.steps": arguments.steps} if arguments.steps else {}
    tracks = {"evaluate.tracks": arguments.tracks} if arguments.tracks else {}
    return {**(SMALL if arguments.small else {}), **steps, **tracks, "evaluate.post": post}


def plan(systems: list[System], common: Mapping[str, object], small: bool) -> list[dict[str, Any]]:
    """Return the jobs, in the order in which they share most: `{name, title, parameters}` each."""
    jobs: list[dict[str, Any]] = []
    seen: set[tuple[str, ...]] = set()
    for system in sorted(systems, key=lambda system: len(system.targets)):
        oracles = () if system.targets in seen else ORACLES
        seen.add(system.targets)
        parameters = {
            **common,
            "cache.targets": list(system.targets),
            "train.network": system.small if small else system.published,
            "train.datasets": {},
            "evaluate.systems": ["model", *oracles],
        }
        title = f"{system.title}, small" if small else system.title
        jobs.append({"name": system.name, "title": title, "parameters": parameters})
    return jobs


if __name__ == "__main__":
    main()
