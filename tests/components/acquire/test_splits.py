"""No artist is ever in two splits, and the same data gives the same splits."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from components.acquire.files.track_names import fold_name
from components.acquire.splits import TEST, TRAIN, VALIDATION, ArtistTrack, SplitShares, assign_splits

ARTISTS = ("Björk", "bjo\u0308rk", "BJÖRK ", "Can", "can", "李", "A  B", "A B", "D", "E", "F")
ROWS = st.tuples(
    st.sampled_from(["one", "two"]), st.sampled_from(ARTISTS), st.sampled_from([None, TRAIN, VALIDATION, TEST])
)
SHARE = st.floats(0, 0.9)


def _tracks(rows: list[tuple[str, str, str | None]]) -> list[ArtistTrack]:
    return [ArtistTrack(f"{number}", dataset, artist, split) for number, (dataset, artist, split) in enumerate(rows)]


@given(st.lists(ROWS, max_size=40), SHARE, SHARE, st.integers(0, 5))
def test_splits_keep_each_artist_in_one_split(
    rows: list[tuple[str, str, str | None]], validation: float, test: float, seed: int
) -> None:
    tracks = _tracks(rows)
    shares = {"one": SplitShares(validation, test), "two": SplitShares(validation, 0.0)}
    splits = assign_splits(tracks, shares, seed)
    seen: dict[str, set[str]] = defaultdict(set)
    for track in tracks:
        split = splits[track.name]
        if split is not None:
            seen[fold_name(track.artist)].add(split)
        if track.split == TEST:
            assert split == TEST
    assert all(len(found) == 1 for found in seen.values())


@given(st.lists(ROWS, max_size=20), st.randoms(use_true_random=False))
def test_splits_do_not_depend_on_the_order_of_tracks(rows: list[tuple[str, str, str | None]], random: object) -> None:
    tracks = _tracks(rows)
    shuffled = tracks.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    shares = {"one": SplitShares(0.3, 0.3), "two": SplitShares(0.3, 0.0)}
    assert assign_splits(tracks, shares, 1) == assign_splits(shuffled, shares, 1)


def test_splits_meet_their_shares_and_depend_on_the_seed() -> None:
    tracks = [ArtistTrack(f"t{number}", "one", f"artist {number}", None) for number in range(1000)]
    splits = assign_splits(tracks, {"one": SplitShares(0.12, 0.2)}, 7)
    counts = {split: list(splits.values()).count(split) for split in (TEST, VALIDATION)}
    assert abs(counts[TEST] - 200) < 3 * (1000 * 0.2 * 0.8) ** 0.5  # on average
    assert counts[VALIDATION] == round(0.12 * (1000 - counts[TEST]))
    assert splits != assign_splits(tracks, {"one": SplitShares(0.12, 0.2)}, 8)


def test_few_artists_leave_one_for_test_and_one_for_training() -> None:
    for number in range(20):  # for any random draw
        tracks = [ArtistTrack(f"{number} {track}", "one", f"{number} {track}", None) for track in range(3)]
        for share in (0.001, 0.999):
            splits = list(assign_splits(tracks, {"one": SplitShares(0.0, share)}, 7).values())
            assert {TRAIN, TEST} == set(splits)


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 3))
def test_test_split_stays_when_artists_come_and_go(present: int, new: int, seed: int) -> None:
    shares = {"one": SplitShares(0.12, 0.2)}
    tracks = [ArtistTrack(f"t{number}", "one", f"artist {number}", None) for number in range(120)]
    before, after = (
        assign_splits(tracks[:60], shares, seed),
        assign_splits(tracks[60 - present : 60 + new], shares, seed),
    )
    stayed = [name for name in before if name in after]
    tested = {name for name in stayed if before[name] == TEST}
    if sum(split == TEST for split in after.values()) > 1:  # with fewer artists one may have to be drawn
        assert {name for name in stayed if after[name] == TEST} == tested


def test_zero_shares_leave_all_tracks_in_training() -> None:
    tracks = [ArtistTrack(f"t{number}", "one", f"artist {number}", None) for number in range(10)]
    assert set(assign_splits(tracks, {"one": SplitShares(0.0, 0.0)}, 7).values()) == {TRAIN}


def test_splits_keep_the_split_of_the_dataset() -> None:
    tracks = [
        ArtistTrack("a", "one", "A", TEST),
        *(ArtistTrack(f"t{number}", "one", f"{number}", None) for number in range(9)),
    ]
    splits = assign_splits(tracks, {"one": SplitShares(0.0, 0.5)}, 7)
    assert [name for name, split in splits.items() if split == TEST] == ["a"]


def test_splits_hold_a_test_artist_back_in_other_datasets() -> None:
    tracks = [
        ArtistTrack("a", "one", "Skelpolu", TEST),
        ArtistTrack("b", "two", "SKELPOLU", None),
        ArtistTrack("c", "two", "Other", None),
    ]
    shares = {"one": SplitShares(0, 0), "two": SplitShares(0, 0)}
    assert assign_splits(tracks, shares, 7) == {
        "a": TEST,
        "b": None,
        "c": TRAIN,
    }


def test_single_artist_stays_in_training() -> None:
    assert assign_splits([ArtistTrack("a", "one", "A", None)], {"one": SplitShares(0.5, 0.4)}, 7) == {"a": TRAIN}
