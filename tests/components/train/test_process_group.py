"""The group of processes that train together."""

from components.train.process_group import ProcessGroup


def test_group_distributes_crops_and_gathers_in_order(group: ProcessGroup) -> None:
    assert group.leads
    assert list(group.crops(3)) == [0, 1, 2]
    assert sorted([*ProcessGroup(0, 2, group.device).crops(5), *ProcessGroup(1, 2, group.device).crops(5)]) == list(
        range(5)
    )
    assert not ProcessGroup(1, 2, group.device).leads
    assert group.gather(["a", "b"]) == ["a", "b"]
