"""No artist is ever in two splits, and the same data gives the same splits."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from components.acquire.names import key
from components.acquire.splits import TEST, TRAIN, VALIDATION, Entry, Shares, assign

ARTISTS = ("Björk", "bjo\u0308rk", "BJÖRK ", "Can", "can", "李", "A  B", "A B", "D", "E", "F")
ROWS = st.tuples(
    st.sampled_from(["one", "two"]), st.sampled_from(ARTISTS), st.sampled_from([None, TRAIN, VALIDATION, TEST])
)
SHARE = st.floats(0, 0.9)


def _entries(rows: list[tuple[str, str, str | None]]) -> list[Entry]:
    return [Entry(f"{number}", dataset, artist, split) for number, (dataset, artist, split) in enumerate(rows)]


@given(st.lists(ROWS, max_size=40), SHARE, SHARE, st.integers(0, 5))
def test_no_artist_is_in_two_splits(
    rows: list[tuple[str, str, str | None]], validation: float, test: float, seed: int
) -> None:
    entries = _entries(rows)
    shares = {"one": Shares(validation, test), "two": Shares(validation, 0.0)}
    splits = assign(entries, shares, seed)
    seen: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        split = splits[entry.name]
        if split is not None:
            seen[key(entry.artist)].add(split)
        if entry.split == TEST:
            assert split == TEST
    assert all(len(found) == 1 for found in seen.values())


@given(st.lists(ROWS, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_tracks_changes_nothing(rows: list[tuple[str, str, str | None]], random: object) -> None:
    entries = _entries(rows)
    shuffled = entries.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    shares = {"one": Shares(0.3, 0.3), "two": Shares(0.3, 0.0)}
    assert assign(entries, shares, 1) == assign(shuffled, shares, 1)


def test_the_shares_are_met_and_the_seed_decides() -> None:
    entries = [Entry(f"t{number}", "one", f"artist {number}", None) for number in range(100)]
    splits = assign(entries, {"one": Shares(0.12, 0.2)}, 7)
    counts = {split: list(splits.values()).count(split) for split in (TRAIN, VALIDATION, TEST)}
    assert counts == {TEST: 20, VALIDATION: 10, TRAIN: 70}  # 12 % of the 80 that are left for training
    assert splits != assign(entries, {"one": Shares(0.12, 0.2)}, 8)


def test_shares_of_nothing_leave_all_in_training() -> None:
    entries = [Entry(f"t{number}", "one", f"artist {number}", None) for number in range(10)]
    assert set(assign(entries, {"one": Shares(0.0, 0.0)}, 7).values()) == {TRAIN}


def test_a_split_that_the_dataset_names_is_not_drawn_again() -> None:
    entries = [Entry("a", "one", "A", TEST), *(Entry(f"t{number}", "one", f"{number}", None) for number in range(9))]
    splits = assign(entries, {"one": Shares(0.0, 0.5)}, 7)
    assert [name for name, split in splits.items() if split == TEST] == ["a"]


def test_an_artist_in_test_is_held_back_in_the_other_dataset() -> None:
    entries = [
        Entry("a", "one", "Skelpolu", TEST),
        Entry("b", "two", "SKELPOLU", None),
        Entry("c", "two", "Other", None),
    ]
    assert assign(entries, {"one": Shares(0, 0), "two": Shares(0, 0)}, 7) == {"a": TEST, "b": None, "c": TRAIN}


def test_a_single_artist_stays_in_training() -> None:
    assert assign([Entry("a", "one", "A", None)], {"one": Shares(0.5, 0.4)}, 7) == {"a": TRAIN}
