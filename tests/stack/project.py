"""A copied project whose journal and DVC remote lie in the stack's store."""

from pathlib import Path

from project import Project
from ruamel.yaml import YAML

from stack.stack import Stack


def in_the_stack(project: Project, stack: Stack) -> None:
    """Have the project use the stack's servers, and commit where its journal and data are."""
    project.environment |= stack.variables
    project.run("dvc", "remote", "add", "--default", "store", "s3://music/dvc")
    project.run("dvc", "remote", "modify", "store", "endpointurl", stack.variables["AWS_ENDPOINT_URL"])
    set_values(project, {"promote.journal": "s3://music/books", "gate.minimum_tracks": 2})


def set_values(project: Project, values: dict[str, object]) -> None:
    """Change values in the project's params.yaml, and commit."""
    yaml = YAML()
    path = Path(project.folder, "params.yaml")
    document = yaml.load(path)
    for name, value in values.items():
        section, key = name.split(".")
        document[section][key] = value
    yaml.dump(document, path)
    project.git("commit", "--quiet", "--all", "--message", ", ".join(values))
