"""The group of processes that train together."""

from components.train.process_group import Group


def test_group_distributes_crops_and_gathers_in_order(group: Group) -> None:
    assert group.leads
    assert list(group.crops(3)) == [0, 1, 2]
    assert sorted([*Group(0, 2, group.device).crops(5), *Group(1, 2, group.device).crops(5)]) == list(range(5))
    assert not Group(1, 2, group.device).leads
    assert group.gather(["a", "b"]) == ["a", "b"]
