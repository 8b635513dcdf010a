#!/usr/bin/env python3
"""Write all packages of an image, Python's and Debian's, as a CycloneDX 1.6 document to stdout."""

import json
import platform
import subprocess
from importlib import metadata


def python_packages() -> dict[str, str]:
    """Return the version of each installed Python package by its package URL without a version."""
    return {
        f"pkg:pypi/{found.metadata['Name'].lower().replace('_', '-')}": found.version
        for found in metadata.distributions()
    }


def debian_packages() -> dict[str, str]:
    """Return the version of each installed Debian package by its package URL without a version."""
    command = ["dpkg-query", "--show", "--showformat=${db:Status-Status} ${Package} ${Version}\n"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = (line.split() for line in lines)
    return {f"pkg:deb/debian/{name}": version for status, name, version in rows if status == "installed"}


def component(url: str, version: str) -> dict[str, str]:
    """Return a package as CycloneDX describes it."""
    return {"type": "library", "name": url.rpartition("/")[2], "version": version, "purl": f"{url}@{version}"}


def main() -> None:
    """Print the document."""
    packages = {"pkg:generic/python": platform.python_version(), **debian_packages(), **python_packages()}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "components": [component(url, version) for url, version in sorted(packages.items())],
    }
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
