"""`python -m components.promote.repair [--adopt]`: have journal and registry say the same, and check the journal.

What a killed promotion or rollback left half done is finished, and an alias that was moved by hand is written down.
With --adopt the registry is right whatever the journal says, for when the live version was deleted from it.
"""

import argparse

from components.core.base.params import load_section
from components.core.base.step_command import run_step
from components.core.release.champion import champion_version
from components.core.release.journal import open_journal
from components.core.release.registry_consistency import misfit
from components.core.tracking import mlflow_runs
from components.promote.config import PromoteConfig, RegisteredName
from components.promote.live import adopt, remembered, settled


def repair(config: PromoteConfig, name: str, adopts: bool = False) -> int:
    """Return the live version (0: none), once journal and registry agree; raises UserError where they cannot."""
    client, journal = mlflow_runs.connect(), open_journal(config.journal)
    if adopts:
        entries, live = journal.of(name), champion_version(client, name, config.alias) or 0
        tag = remembered(client, name)
        followed = not tag or tag in {f"{entry.number} {entry.digest}" for entry in entries}
        known = bool(entries) and entries[-1].version == live and not misfit(client, entries[-1]) and followed
        if (entries or live or tag) and not known:
            adopt(client, config, name, journal, live)
    return settled(client, config, name, journal)


def main() -> None:
    """Parse the command line and repair."""
    parser = argparse.ArgumentParser(prog="python -m components.promote.repair", description=__doc__)
    parser.add_argument("--adopt", action="store_true", help="write down what the registry says")
    run_step(lambda: _work(parser.parse_args()))


def _work(arguments: argparse.Namespace) -> None:
    config, name = load_section("promote", PromoteConfig), load_section("register", RegisteredName).name
    live = repair(config, name, arguments.adopt)
    journal = open_journal(config.journal)
    said = f"version {live} of {name} is @{config.alias}" if live else f"no version of {name} is @{config.alias}"
    print(f"repair: {said}; the journal's {len(journal.entries())} entries at {journal.address} are whole")


if __name__ == "__main__":
    main()
