"""Python's garbage collector is off during imports, and on during the work."""

import gc

from components.core.base.garbage_collection import collection_paused
from components.core.base.parallel import map_in_processes


def _seen(number: int) -> tuple[tuple[int, int, int], bool]:
    return gc.get_threshold(), gc.get_freeze_count() > 0


def test_collector_ignores_imported_objects_in_a_pool_process() -> None:
    assert list(map_in_processes(_seen, [1], "looked", "times")) == [((700, 10, 10), True)]


def test_collector_works_as_before_after_a_late_import() -> None:
    before = gc.get_threshold()
    with collection_paused():
        assert gc.get_threshold() != before
    assert gc.get_threshold() == before
