"""Splits by subject and by time, and how they are written."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.datasets.splits import (
    EMBARGOED,
    SPLITS,
    NewestSplit,
    NoSplit,
    SubjectSplit,
    TimeSplit,
    parse_split,
)
from zap.errors import ZapError
from zap.histories.subjects import subject_hash
from zap.jobs.score import split_from_dict
from zap.times import DAY_US, instant_us

NAMES = [f"customer-{i}" for i in range(20_000)]
HASHES = np.array([subject_hash(name) for name in NAMES])
NONE = np.zeros(len(HASHES), np.int64)


def parts_of(split: SubjectSplit, hashes: np.ndarray) -> np.ndarray:
    zeros = np.zeros(len(hashes), np.int64)
    return split.assign(hashes, zeros, zeros)


@pytest.mark.parametrize(
    "shares", [(0.7, 0.15, 0.15), (0.5, 0.25, 0.25), (0.8, 0.2, 0.0), (1.0, 0, 0)]
)
def test_shares_of_subjects_are_those_asked_for(shares) -> None:
    found = np.bincount(parts_of(SubjectSplit(shares), HASHES), minlength=3)
    for share, number in zip(shares, found, strict=True):
        # Five standard deviations of a binomial count.
        room = 5 * np.sqrt(len(HASHES) * share * (1 - share))
        assert abs(number - share * len(HASHES)) <= room


def test_the_part_of_a_subject_never_changes() -> None:
    """Datasets of last year hold the same test subjects."""
    found = parts_of(SubjectSplit(), HASHES[:12]).tolist()
    assert found == PARTS_OF_TWELVE


PARTS_OF_TWELVE = [0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 2]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_a_subject_has_one_part_whatever_stands_beside_it(places: list[int]) -> None:
    hashes = HASHES[np.array(places)]
    together = parts_of(SubjectSplit(), hashes)
    alone = [parts_of(SubjectSplit(), HASHES[i : i + 1])[0] for i in places]
    assert together.dtype == np.int8
    assert together.tolist() == alone


def test_another_seed_gives_other_parts() -> None:
    one, two = (parts_of(SubjectSplit(seed=seed), HASHES) for seed in (1, 2))
    assert 0.3 < (one != two).mean() < 0.7


def test_parts_do_not_hang_on_the_hash_that_makes_shards() -> None:
    """Every shard, so every worker, has its share of every part."""
    parts = parts_of(SubjectSplit(), HASHES)
    for shard in range(4):
        shares = np.bincount(parts[shard == HASHES % 4], minlength=3) / 5_000
        assert np.abs(shares - (0.7, 0.15, 0.15)).max() < 0.05


times = st.integers(0, 60).map(lambda day: day * DAY_US // 2)


@given(st.lists(st.tuples(times, st.integers(0, 12)), min_size=1), times, times)
def test_no_label_reaches_over_a_boundary(cutoffs, one: int, two: int) -> None:
    low, high = min(one, two), max(one, two) + 1
    instants = np.array([instant for instant, _ in cutoffs])
    reach = np.array([days * DAY_US // 2 for _, days in cutoffs])
    parts = TimeSplit(low, high).assign(NONE[: len(reach)], instants, reach)
    for instant, length, part in zip(instants, reach, parts, strict=True):
        window = range(3)
        part_of_instant = sum(instant >= edge for edge in (low, high))
        # What happens at a boundary is not seen by a label that ends there.
        crosses = any(instant < edge < instant + length for edge in (low, high))
        assert part in (*window, EMBARGOED)
        assert part == (EMBARGOED if crosses else part_of_instant)


def test_no_split_tests_all() -> None:
    assert set(NoSplit().assign(HASHES, NONE, NONE)) == {SPLITS.index("test")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("subject", SubjectSplit()),
        ("subject:0.8,0.1,0.1", SubjectSplit((0.8, 0.1, 0.1))),
        (
            "time:2024-03-01,2024-04-01T12:00:00Z",
            TimeSplit(instant_us("2024-03-01"), instant_us("2024-04-01T12:00:00Z")),
        ),
        ("none", NoSplit()),
    ],
)
def test_splits_are_parsed_and_round_trip(text: str, expected) -> None:
    found = parse_split(text)
    assert found == expected
    assert split_from_dict(json.loads(json.dumps(found.to_dict()))) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "subjects",
        "none:1",
        "subject:0.5,0.5",
        "subject:a,b,c",
        "subject:0.5,0.5,0.5",
        "subject:-0.5,0.5,1",
        "subject:0,0.5,0.5",
        "subject:nan,0.5,0.5",
        "subject:0.5,nan,0.5",
        "subject:inf,0,0",
        "time:2024-03-01",
        "time:2024-03-01,then",
        "time:2024-04-01,2024-03-01",
        "time:2024-03-01,2024-03-01",
    ],
)
def test_other_texts_are_refused_with_what_was_received(text: str) -> None:
    with pytest.raises(ZapError, match="Received: "):
        parse_split(text)


def test_the_newest_are_held_out_and_subjects_stay_together_before() -> None:
    rng = np.random.default_rng(0)
    edge, n = 60 * DAY_US, 3_000
    hashes = HASHES[rng.integers(0, 500, n)]
    instant = rng.integers(0, 90, n) * DAY_US
    reach = rng.integers(0, 5, n) * DAY_US
    split = NewestSplit(edge, 0.25)
    found = split.assign(hashes, instant, reach)
    before = parts_of(SubjectSplit((0.75, 0.25, 0.0)), hashes)
    for part, at, ahead, other in zip(found, instant, reach, before, strict=True):
        if at >= edge:
            assert SPLITS[part] == "test"
        elif at + ahead > edge:
            assert part == EMBARGOED
        else:
            assert part == other
    assert {*found.tolist()} == {EMBARGOED, 0, 1, 2}
    assert split_from_dict(json.loads(json.dumps(split.to_dict()))) == split


@pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
def test_a_share_that_leaves_a_part_empty_is_refused(share: float) -> None:
    with pytest.raises(ZapError, match="Received: validation="):
        NewestSplit(0, share)
