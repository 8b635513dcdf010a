"""`python -m components.promote.repair [--adopt]`: makes journal and registry agree, and checks the journal.

A promotion or rollback that was killed is finished. An alias that a person moved is written to the journal; a deleted
one is set again. With --adopt the registry is right, and the journal follows.
"""

from typing import Annotated

from typer import Option

from components.core.base.params import load_section
from components.core.base.step_command import run_step_command
from components.core.release.registry_sections import PromoteConfig, load_model_name
from components.promote.journal_and_aliases import open_live_model


def repair(
    adopt: Annotated[
        bool,
        Option(
            "--adopt", help="Write the registry's state into the journal, e.g. after someone deleted the live version."
        ),
    ] = False,
    name: Annotated[str | None, Option(help="A registered model [default: that of params.yaml].")] = None,
) -> None:
    """Finish a promotion that was killed, and make journal and registry agree."""
    config, name = load_section("promote", PromoteConfig), name or load_model_name()
    model = open_live_model(config, name)
    if adopt:
        model.adopt_registry()
    live = model.settle()
    state = f"version {live} of {name} is @{config.alias}" if live else f"no version of {name} is @{config.alias}"
    print(
        f"repair: {state}; the journal at {model.journal.address} has {len(model.journal.entries())} entries and no gap"
    )


if __name__ == "__main__":
    run_step_command(repair, "components.promote.repair")
