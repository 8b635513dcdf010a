"""A plugin of pytest: the files that take longest start first, so that no process works alone at the end.

`durations.json` holds the seconds of each file. `pytest --store-durations` measures them again and writes the file.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest

FILE = Path(__file__).with_name("durations.json")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that writes the durations."""
    parser.addoption("--store-durations", action="store_true", help=f"write the seconds of each file to {FILE.name}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by the seconds of their file. A file without a known duration starts first."""
    seconds: dict[str, float] = json.loads(FILE.read_text(encoding="utf-8"))
    items.sort(key=lambda item: -seconds.get(item.nodeid.partition("::")[0], float("inf")))


class Stopwatch:
    """Adds up the seconds of each file in the process that reports them."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the setup, the call and the teardown of a test."""
        self.seconds[report.nodeid.partition("::")[0]] += report.duration

    def pytest_sessionfinish(self) -> None:
        """Write what was measured. Files that did not run keep their durations, unless they no longer exist."""
        stored: dict[str, float] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
        measured = {name: round(seconds, 1) for name, seconds in self.seconds.items()}
        kept = {name: seconds for name, seconds in (stored | measured).items() if Path(name).is_file()}
        FILE.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    """Register the stopwatch if the option is set, in the process that gets the reports of all tests."""
    if config.getoption("--store-durations") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Stopwatch(), "stopwatch")
