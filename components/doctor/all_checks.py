"""The list of all checks. To add one, write a function `check_<subject>` in a module, and a line here."""

import os
from collections.abc import Sequence
from functools import partial

from components.doctor.check_runs import Check
from components.doctor.finding import Findings, not_used
from components.doctor.machine.devices import check_devices
from components.doctor.machine.disk import check_disk
from components.doctor.machine.memory import check_memory
from components.doctor.machine.software import check_packages, check_programs
from components.doctor.project_folder import check_dvc_lock, check_params, check_repository
from components.doctor.services.clock import check_clock
from components.doctor.services.dvc_remote import check_dvc_remote
from components.doctor.services.journal import check_journal
from components.doctor.services.mlflow_store import check_mlflow
from components.doctor.services.ports import check_ports
from components.doctor.services.prefect_api import check_prefect
from components.doctor.services.store import check_store


def list_checks(stores: Sequence[str]) -> list[Check]:
    """Return the checks of this set-up, with one for each address in `stores`."""
    return [
        Check("packages", "packages", check_packages),
        Check("programs", "programs", check_programs, 60.0),
        Check("devices", "devices", check_devices, 150.0),
        Check("memory", "memory", check_memory),
        Check("servers", "MLflow", check_mlflow, 60.0),
        Check("servers", "Prefect", check_prefect, 60.0),
        Check("servers", "journal", check_journal, 90.0),
        Check("servers", "ports", partial(check_ports, os.environ)),
        *(Check("stores", address, partial(check_store, address), 60.0) for address in stores),
        *([] if stores else [Check("stores", "stores", _advise_store_option)]),
        Check("stores", "DVC remote", check_dvc_remote, 60.0),
        Check("disk", "disk", check_disk, 60.0),
        Check("clock", "clock", partial(check_clock, os.environ), 60.0),
        Check("project", "params.yaml", check_params, 60.0),
        Check("project", "git", check_repository, 60.0),
        Check("project", "DVC lock", check_dvc_lock),
    ]


def _advise_store_option() -> Findings:
    yield not_used("stores", "none was named", "to try the rights on a bucket: --store s3://bucket/folder")
