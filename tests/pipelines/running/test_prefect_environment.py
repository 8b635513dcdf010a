"""Prefect's settings reach its clients, also in a worker's process, which imports Prefect before our modules."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SAID = """
import json
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, PREFECT_CLIENT_RETRY_EXTRA_CODES, PREFECT_HOME
codes = sorted(PREFECT_CLIENT_RETRY_EXTRA_CODES.value())
print(json.dumps([PREFECT_CLIENT_MAX_RETRIES.value(), codes, str(PREFECT_HOME.value())]))
"""


def _run_code(code: str, folder: Path, **more: str) -> tuple[int, list[int], str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "STEMLINE_"))}
    variables = clean | {"PYTHONPATH": str(ROOT), "STEMLINE_WORKSPACE": str(folder / "workspace")} | more
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=variables, capture_output=True, text=True, check=True
    )
    tries, codes, home = json.loads(ended.stdout.splitlines()[-1])
    return tries, codes, home


def test_clients_retry_while_the_database_of_the_server_restarts(tmp_path: Path) -> None:
    tries, codes, home = _run_code(f"import pipelines.running\n{SAID}", tmp_path)
    assert (tries, codes, home) == (7, [500], str(tmp_path / "workspace" / "prefect"))


def test_settings_reach_a_process_that_already_imported_prefect(tmp_path: Path) -> None:
    """PREFECT_HOME stays unchanged, since it holds a worker's results and profile."""
    own = str(tmp_path / "worker")
    (tmp_path / "worker").mkdir()
    code = f"import prefect.context\nimport pipelines.running\n{SAID}"
    assert _run_code(code, tmp_path, PREFECT_HOME=own) == (7, [500], own)


@pytest.mark.slow
@pytest.mark.parametrize("first", ["", "import prefect.context\n"])
def test_settings_of_the_user_stay(first: str, tmp_path: Path) -> None:
    more = {"PREFECT_CLIENT_MAX_RETRIES": "2", "PREFECT_CLIENT_RETRY_EXTRA_CODES": "504"}
    tries, codes, _ = _run_code(f"{first}import pipelines.running\n{SAID}", tmp_path, **more)
    assert (tries, codes) == (2, [504])
