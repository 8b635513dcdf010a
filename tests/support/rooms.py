"""The rooms of the project and the imports between them, read from the code."""

from tests.support.source import COMPONENTS, ROOT, imports, module_name, modules, steps

CORE_ROOMS = sorted(path.parent.name for path in (COMPONENTS / "core").glob("*/__init__.py"))
STEPS = "steps"
PIPELINES = "pipelines"
DEMO_SONGS = "demo_songs"


def room_of(module: str) -> str | None:
    """Return the room of a module: a folder of core, `steps`, `pipelines` or `demo_songs`; None outside of them."""
    parts = module.split(".")
    if parts[0] in (PIPELINES, DEMO_SONGS):
        return parts[0]
    if parts[0] != "components" or len(parts) < 2:
        return None
    if parts[1] == "core":
        return parts[2] if len(parts) > 2 and parts[2] in CORE_ROOMS else None
    return STEPS if parts[1] in steps() else None


def room_imports() -> dict[str, set[str]]:
    """Return, for each room, the other rooms that its modules import."""
    found: dict[str, set[str]] = {room: set() for room in [*CORE_ROOMS, STEPS, PIPELINES, DEMO_SONGS]}
    for folder in (COMPONENTS, ROOT / PIPELINES, ROOT / DEMO_SONGS):
        for path in modules(folder):
            room = room_of(module_name(path))
            if room is not None:
                found[room] |= {other for name in imports(path) if (other := room_of(name)) not in (None, room)}
    return found


def reachable(room: str, arrows: dict[str, set[str]]) -> set[str]:
    """Return all rooms that `room` imports, directly or through others."""
    seen: set[str] = set()
    waiting = list(arrows[room])
    while waiting:
        other = waiting.pop()
        if other not in seen:
            seen.add(other)
            waiting += arrows[other]
    return seen


def fewest_arrows(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the arrows without those that follow from others (the transitive reduction)."""
    return {
        room: {other for other in others if not any(other in reachable(between, arrows) for between in others)}
        for room, others in arrows.items()
    }


def circles(arrows: dict[str, set[str]]) -> list[str]:
    """Return the names that import themselves through others."""
    return sorted(name for name in arrows if name in reachable(name, arrows))
