"""`python -m components.compare.plan`: writes plan.json: the systems that a comparison trains and scores.

It has a job for every system; the flow `compare` runs the jobs.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from components.compare.config import CompareOptions
from components.compare.scores.museval_files import require_museval_files
from components.compare.systems.pretrained_models import Pretrained, find_pretrained
from components.compare.systems.row_names import BASELINES, is_baseline, parse_places, require_unused
from components.compare.systems.system_registry import NEED_MORE_DATA, SYSTEMS, System, find_systems
from components.core.base.errors import UserError
from components.core.base.params import parse_section
from components.core.base.section_options import given_options, with_options
from components.core.base.step_command import run_step_command
from components.core.data.comparison_documents import Job, Plan
from components.core.data.score_tables import MODEL

POSTS: Mapping[str, Mapping[str, object]] = {"mask": {}, "mwf": {"mwf": {"method": "wiener"}}}
"""Post-processings by the paper's names. Every system uses masks already, so `mask` adds none."""

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
"""The recipe of `--small`: a minute or two of training for every system, all with the same number of crops."""


@with_options(CompareOptions)
def write_plan(
    out: Annotated[Path, Option(help="Folder for plan.json.")],
    rate: Annotated[int, Option(help="Sampling rate of the comparison, in Hz.")],
    channels: Annotated[int, Option(help="Channels of the comparison.")],
    reference: Annotated[str | None, Option(help="The row that pictures compare with.")] = None,
    **given: Any,
) -> None:
    """Write the plan of a comparison."""
    options = parse_section("compare", given_options(given, CompareOptions), CompareOptions, "command line")
    names = [name for name in options.systems.split(",") if name] if options.systems else None
    chosen = [] if options.only_models else find_systems(names)
    others, places = parse_places("--scores", options.scores), parse_places("--models", options.models)
    require_unused("--models", places, (*SYSTEMS, *others))
    require_unused("--scores", others, (system.name for system in chosen))
    for name, place in others.items():
        require_museval_files(name, Path(place))  # before hours of training
    scoring = _scoring_parameters(options.post, options.tracks)
    recipe = {**(SMALL if options.small else {}), **({"train.steps": options.steps} if options.steps else {})}
    pretrained = find_pretrained(places, rate, channels)
    if not (chosen or pretrained):
        raise UserError("--only-models leaves nothing to compare: name models with --models NAME=FOLDER")
    if names is None and not options.only_models:
        print(
            f"plan: {', '.join(NEED_MORE_DATA)} is left out, since few data sets have its stems: add it with --systems"
        )
    jobs = [*training_jobs(chosen, recipe | scoring, options.small), *_scoring_jobs(pretrained, scoring)]
    _require_reference(reference, [*_rows(jobs), *others])
    Plan(jobs=tuple(jobs)).write(out)


_FROM_SCRATCH = {"start.model": "", "train.frozen": [], "train.learning_rates": {}}
"""No system starts from a model: it would know more than the others, and its parts have other names."""


def training_jobs(systems: Sequence[System], parameters: Mapping[str, object], small: bool) -> list[Job]:
    """Return the jobs of systems to train, ordered so that neighbours have the same stems."""
    return [
        _job(system.name, f"{system.title}, small" if small else system.title, system.targets, {
            **parameters,
            "cache.targets": list(system.targets),
            "train.network": system.small if small else system.published,
            "train.datasets": {},
            **_FROM_SCRATCH,
        })
        for system in sorted(systems, key=lambda system: len(system.targets))
    ]  # fmt: skip


def _scoring_jobs(models: Sequence[Pretrained], parameters: Mapping[str, object]) -> list[Job]:
    """Return the jobs of models that are only scored."""
    return [
        _job(model.name, model.title, model.targets, parameters).model_copy(
            update={"model": str(model.folder), "origin": model.origin}
        )
        for model in models
    ]


def _job(name: str, title: str, targets: Sequence[str], parameters: Mapping[str, object]) -> Job:
    return Job(
        name=name,
        title=title,
        stems=tuple(sorted(targets)),
        parameters={**parameters, "evaluate.systems": [MODEL]},
        oracles={"evaluate.systems": [MODEL, *BASELINES]},
    )


def _rows(jobs: Sequence[Job]) -> Iterator[str]:
    """Yield the names of the rows of these jobs, without baselines."""
    for job in jobs:
        yield from (job.name, *(f"{job.name}+{post}" for post in job.parameters["evaluate.post"]))


def _require_reference(reference: str | None, rows: Sequence[str]) -> None:
    if reference and reference not in rows and not is_baseline(reference):
        raise UserError(f"compare.reference: this comparison has no system {reference}: choose from {', '.join(rows)}")


def _scoring_parameters(post: str, tracks: int | None) -> dict[str, object]:
    names = [name for name in post.split(",") if name]
    if unknown := [name for name in names if name not in POSTS]:
        raise UserError(f"--post: there is no post-processing {unknown[0]}: choose from {', '.join(POSTS)}")
    chosen = {name: value for each in names for name, value in POSTS[each].items()}
    return {**({"evaluate.tracks": tracks} if tracks else {}), "evaluate.post": chosen}


if __name__ == "__main__":
    run_step_command(write_plan, "components.compare.plan")
