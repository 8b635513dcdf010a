"""`python -m components.compare.plan --out FILE [--systems a,b] [--models NAME=FOLDER] [--post mwf] [--tracks N] …`

What a comparison trains and scores, as parameters: a job a system. The flow `compare` carries the jobs out. A job with
a `model`, the folder of one that was not trained here, trains nothing.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from components.compare.scores.museval_files import require_scores
from components.compare.systems.baselines import is_fixed
from components.compare.systems.pretrained_models import Pretrained, find_pretrained
from components.compare.systems.row_names import named_places, require_free
from components.compare.systems.trainable import NEED_MORE_DATA, SYSTEMS, System, named
from components.core.base.errors import UserError
from components.core.base.files import write_json
from components.core.base.step_command import run_step

NONE = "none"
"""What `--systems` is where only models that were not trained here are compared."""

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
"""The recipe of `--small`: the same number of crops for every system, a minute or two of training each."""


def main() -> None:
    """Parse the command line and write the plan."""
    parser = argparse.ArgumentParser(prog="python -m components.compare.plan", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the JSON file to write")
    parser.add_argument("--systems", default="", help=f"names, separated by commas (left out: all; {NONE})")
    parser.add_argument("--models", action="append", default=[], help="NAME=FOLDER or NAME=models:/…, of any model")
    parser.add_argument("--scores", action="append", default=[], help="NAME=FOLDER: what joins at the end")
    parser.add_argument("--reference", default="", help="the row that pictures compare with, if any is named")
    parser.add_argument("--rate", type=int, required=True, help="of what is compared, in Hz")
    parser.add_argument("--channels", type=int, required=True, help="of what is compared")
    parser.add_argument("--post", default="mask", help=f"{' and '.join(POSTS)}, separated by commas")
    parser.add_argument("--tracks", type=int, default=0, help="score on so many test tracks (0: all)")
    parser.add_argument("--steps", type=int, default=0, help="train for so many steps (0: as the recipe says)")
    parser.add_argument("--small", action="store_true", help="small networks, trained in minutes")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    _require_counts({"--tracks": arguments.tracks, "--steps": arguments.steps})
    chosen = [name for name in arguments.systems.split(",") if name]
    systems = [] if chosen == [NONE] else named(chosen)
    others, places = named_places("--scores", arguments.scores), named_places("--models", arguments.models)
    require_free("--models", places, (*SYSTEMS, *others))
    require_free("--scores", others, (system.name for system in systems))
    for name, place in others.items():
        require_scores(name, Path(place))  # now, not after the long work
    scoring = _scoring(arguments)
    models = find_pretrained(places, arguments.rate, arguments.channels)
    if not (systems or models):
        raise UserError(f"--systems {NONE} leaves nothing to compare: name models with --models NAME=FOLDER")
    if not chosen:
        print(f"plan: without {', '.join(NEED_MORE_DATA)}, whose stems few data sets have: --systems names it")
    jobs = plan(systems, _recipe(arguments) | scoring, arguments.small) + plan_pretrained(models, scoring)
    _require_reference(arguments.reference, [*_rows(jobs), *others])
    write_json(arguments.out, jobs)


def _rows(jobs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the names that the rows of these jobs will have, floor and ceilings left out."""
    for job in jobs:
        yield from (job["name"], *(f"{job['name']}+{post}" for post in job["parameters"]["evaluate.post"]))


def _require_reference(reference: str, rows: Sequence[str]) -> None:
    if reference and reference not in rows and not is_fixed(reference):
        raise UserError(f"compare.reference: there is no system {reference} in this comparison: {', '.join(rows)}")


def _require_counts(options: Mapping[str, int]) -> None:
    for option, count in options.items():
        if count < 0:
            raise UserError(f"{option} {count}: there are none below 0; leave it out, or say how many")


def _recipe(arguments: argparse.Namespace) -> dict[str, object]:
    steps = {"train.steps": arguments.steps} if arguments.steps else {}
    return {**(SMALL if arguments.small else {}), **steps}


def _scoring(arguments: argparse.Namespace) -> dict[str, object]:
    posts = [name for name in arguments.post.split(",") if name]
    if unknown := [name for name in posts if name not in POSTS]:
        raise UserError(f"--post: there is no {unknown[0]} (there are {', '.join(POSTS)})")
    post = {name: dict(values) for chosen in posts for name, values in POSTS[chosen].items()}
    tracks = {"evaluate.tracks": arguments.tracks} if arguments.tracks else {}
    return {**tracks, "evaluate.post": post}


def plan(systems: Sequence[System], common: Mapping[str, object], small: bool) -> list[dict[str, Any]]:
    """Return the jobs of systems to train, in the order in which they share most, as `_job` has them."""
    return [
        _job(system.name, f"{system.title}, small" if small else system.title, system.targets, {
            **common,
            "cache.targets": list(system.targets),
            "train.network": system.small if small else system.published,
            "train.datasets": {},
        })
        for system in sorted(systems, key=lambda system: len(system.targets))
    ]  # fmt: skip


def plan_pretrained(models: Sequence[Pretrained], scoring: Mapping[str, object]) -> list[dict[str, Any]]:
    """Return the jobs of models that are only scored: each with `model`, its folder, and `origin`, in words."""
    return [
        {**_job(model.name, model.title, model.targets, scoring), "model": str(model.folder), "origin": model.origin}
        for model in models
    ]


def _job(name: str, title: str, targets: Sequence[str], parameters: Mapping[str, object]) -> dict[str, Any]:
    """Return a job: `{name, title, stems, parameters, oracles}`.

    `oracles` are parameters in place of those of that name, for the first job of its `stems` that gets so far.
    """
    return {
        "name": name,
        "title": title,
        "stems": sorted(targets),
        "parameters": {**parameters, "evaluate.systems": ["model"]},
        "oracles": {"evaluate.systems": ["model", *ORACLES]},
    }


if __name__ == "__main__":
    main()
