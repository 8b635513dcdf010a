"""The packages of the project and the imports between them, read from the code."""

from tests.support.source import COMPONENTS, ROOT, imports, module_name, modules, steps

CORE_PACKAGES = sorted(path.parent.name for path in (COMPONENTS / "core").glob("*/__init__.py"))
STEPS = "steps"
PIPELINES = "pipelines"
DEMO_SONGS = "demo_songs"


def package_of(module: str) -> str | None:
    """Return the package of a module: a folder of core, `steps`, `pipelines` or `demo_songs`; None outside of them."""
    parts = module.split(".")
    if parts[0] in (PIPELINES, DEMO_SONGS):
        return parts[0]
    if parts[0] != "components" or len(parts) < 2:
        return None
    if parts[1] == "core":
        return parts[2] if len(parts) > 2 and parts[2] in CORE_PACKAGES else None
    return STEPS if parts[1] in steps() else None


def package_imports() -> dict[str, set[str]]:
    """Return, for each package, the other packages that its modules import."""
    found: dict[str, set[str]] = {package: set() for package in [*CORE_PACKAGES, STEPS, PIPELINES, DEMO_SONGS]}
    for folder in (COMPONENTS, ROOT / PIPELINES, ROOT / DEMO_SONGS):
        for path in modules(folder):
            package = package_of(module_name(path))
            if package is not None:
                found[package] |= {
                    other for name in imports(path) if (other := package_of(name)) not in (None, package)
                }
    return found


def reachable(package: str, arrows: dict[str, set[str]]) -> set[str]:
    """Return all packages that `package` imports, directly or through others."""
    seen: set[str] = set()
    waiting = list(arrows[package])
    while waiting:
        other = waiting.pop()
        if other not in seen:
            seen.add(other)
            waiting += arrows[other]
    return seen


def fewest_arrows(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the arrows without those that follow from others (the transitive reduction)."""
    return {
        package: {other for other in others if not any(other in reachable(between, arrows) for between in others)}
        for package, others in arrows.items()
    }


def circles(arrows: dict[str, set[str]]) -> list[str]:
    """Return the names that import themselves through others."""
    return sorted(name for name in arrows if name in reachable(name, arrows))
