"""From a trained and scored model to a champion: register, gate, promote."""

from components.core.base.params import load_section
from components.core.release.verdict import Verdict
from components.core.release.version import VersionRef
from components.promote.config import PromoteConfig
from pipelines.judging.champion import champion_scores, live_version
from pipelines.running.place import Place


def register_and_judge(place: Place) -> Verdict | None:
    """Register the model of `place` and have the gate judge it; None for the champion itself, judged before."""
    place.run_step("register")
    version = registered(place)
    champion = live_version(version.name, champion_alias(place))
    if champion == version.version:
        return None
    if champion is None:
        place.run_step("gate")
    else:
        scores = champion_scores(place, version.name, champion)
        place.run_step("gate", "--champion", str(champion), "--champion-scores", scores)
    return Verdict.read(place.workspace / "gate")


def registered(place: Place) -> VersionRef:
    """Return the version that `register` made or found in `place`."""
    return VersionRef.read(place.workspace / "register")


def champion_alias(place: Place) -> str:
    """Return the alias of the version that is live, as the parameters of `place` have it."""
    return load_section("promote", PromoteConfig, place.folder / "params.yaml").alias
