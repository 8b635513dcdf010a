"""All checks, in the order that they are told in. A new one is a module with a function, and a line here."""

import os
from collections.abc import Sequence
from functools import partial

from components.doctor.check_runs import Check
from components.doctor.finding import Findings, not_used
from components.doctor.machine.clock import check_clock
from components.doctor.machine.devices import check_devices
from components.doctor.machine.disk import check_disks
from components.doctor.machine.memory import check_memory
from components.doctor.machine.packages import check_packages
from components.doctor.machine.ports import check_ports
from components.doctor.machine.programs import check_programs
from components.doctor.project.dvc_lock import check_dvc_lock
from components.doctor.project.params import check_params
from components.doctor.project.repository import check_repository
from components.doctor.services.dvc_remote import check_dvc_remote
from components.doctor.services.journal import check_journal
from components.doctor.services.mlflow_store import check_mlflow
from components.doctor.services.prefect_api import check_prefect
from components.doctor.services.store import check_store


def checks(stores: Sequence[str]) -> list[Check]:
    """Return the checks of this set-up, and one of each address in `stores`."""
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
        *([] if stores else [Check("stores", "stores", _no_store)]),
        Check("stores", "DVC remote", check_dvc_remote, 60.0),
        Check("disk", "disk", check_disks, 60.0),
        Check("clock", "clock", partial(check_clock, os.environ), 60.0),
        Check("project", "params.yaml", check_params, 60.0),
        Check("project", "git", check_repository, 60.0),
        Check("project", "DVC lock", check_dvc_lock),
    ]


def _no_store() -> Findings:
    yield not_used("stores", "none was named", "to see what may be done in a bucket: --store s3://bucket/folder")
