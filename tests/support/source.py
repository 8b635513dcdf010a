"""The imports of the code, read from its source: for the tests of import rules and of the stages' dependencies."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
COMPONENTS = ROOT / "components"
CORE = "core"


def steps() -> list[str]:
    """Return the names of all steps: the packages beside core."""
    return sorted(path.parent.name for path in COMPONENTS.glob("*/__init__.py") if path.parent.name != CORE)


def modules(folder: Path) -> list[Path]:
    """Return all Python files below `folder`."""
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def module_name(path: Path) -> str:
    """Return the dotted name of a file of the project; of a package's `__init__.py`, the package's."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """Return the dotted names that a file imports, anywhere in it: `from a.b import c` counts as a.b and as a.b.c."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(path, node)
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return found


def _base(path: Path, node: ast.ImportFrom) -> str:
    if node.level == 0:
        return node.module or ""
    package = list(path.relative_to(ROOT).parent.parts)
    parents = package[: len(package) - node.level + 1]
    return ".".join([*parents, *([node.module] if node.module else [])])
