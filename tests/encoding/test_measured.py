"""Collision rate and sparsity are those of the encoded events, and add up."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from zap.encoding.columns import Categorical, FlatHistories
from zap.encoding.encoder import Encoder
from zap.encoding.features import Hash, OneHot
from zap.encoding.hashing import bucket, expected_collisions, expected_sparsity
from zap.encoding.instance import ANY, Instance
from zap.encoding.measured import measure_events, measured_rates


def made(strings: int, events: int, seed: int) -> FlatHistories:
    """Each event has that many random strings of a thousand."""
    random = np.random.default_rng(seed)
    values = [
        tuple(f"s{i}" for i in random.choice(1000, strings, replace=False))
        for _ in range(events)
    ]
    codes = np.arange(events, dtype=np.int32)
    return FlatHistories(
        np.array([0, events]),
        np.arange(events),
        {"type": Categorical(codes * 0, ["a"]), "words": Categorical(codes, values)},
    )


ENCODER = Encoder(
    Instance(
        types=ANY,
        fields=[Hash("words", limit=22), OneHot("type", values=["a", "b"])],
        hash_buckets=100,
    )
)


def measure(histories: FlatHistories) -> dict[str, int]:
    kept = np.arange(histories.events)
    rows = ENCODER.encode_events(histories, kept)
    return measure_events(ENCODER, histories, kept, rows)


def test_the_measured_rates_are_the_expected_ones() -> None:
    """22 strings in 100 buckets: the paper's 10 % and 80 %."""
    rates = measured_rates(measure(made(22, 400, 1)))
    assert rates["collision_rate"] == pytest.approx(
        expected_collisions(22, 100), abs=0.01
    )
    assert rates["hash_sparsity"] == pytest.approx(expected_sparsity(22, 100), abs=0.01)


def test_counts_agree_with_a_loop_and_add_up_over_shards() -> None:
    left, right = made(5, 30, 2), made(5, 20, 3)
    words = left.columns["words"]
    assert isinstance(words, Categorical)
    taken = sum(
        len({bucket("words", w, 100) for w in value}) for value in words.distinct
    )
    counts = measure(left)
    assert counts == {
        "events": 30,
        "places": 30 * 102,
        "entries": taken + 30,
        "hashed_strings": 150,
        "hashed_places": 3000,
        "hashed_entries": taken,
    }
    both = Counter(counts) + Counter(measure(right))
    rates = measured_rates(both)
    assert rates["sparsity"] == pytest.approx(1 - both["entries"] / (50 * 102))
    assert rates["entries_per_event"] == pytest.approx(both["entries"] / 50)


def test_nothing_encoded_has_no_rates() -> None:
    assert set(measured_rates(measure(made(5, 0, 1))).values()) == {None}
