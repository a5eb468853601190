"""Fitting sees what the given cutoffs see, and does not depend on shards."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.encoding.aggregates import windows
from zap.encoding.columns import Categorical, Column, Cutoffs, FlatHistories, Numeric
from zap.encoding.encoder import Encoder
from zap.encoding.features import (
    Hash,
    LinearBins,
    Normalize,
    OneHot,
    PowerBins,
    SincePrevious,
)
from zap.encoding.fit import SketchSet, fit, is_fitted, sketch_instance
from zap.encoding.instance import ANY, Instance
from zap.encoding.metadata import Last, Tenure, tenure
from zap.errors import EncodingError

DAY_US = 86_400_000_000

OPEN = Instance(
    types=ANY,
    last=3,
    fields=[
        Hash("page"),
        PowerBins("amount"),
        LinearBins("amount", smooth=True),
        Normalize("amount"),
        OneHot("page"),
        SincePrevious(),
    ],
    metadata=[Last("page"), Last("amount"), Last("balance"), tenure()],
    wait=True,
    aggregates=windows([1, 7], of=["count", "amount"], by="type", change=True),
)

EVENT = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["x", "y", "z"]),
    st.floats(0, 100),
    st.integers(-5, 5),
)
SUBJECTS = st.lists(st.lists(EVENT, max_size=6), min_size=1, max_size=6)


def texts(values: list[str]) -> Categorical:
    distinct = sorted(set(values), reverse=True)
    codes = np.array([distinct.index(v) for v in values], np.int32)
    return Categorical(codes, distinct)


def flat(subjects: list[list[tuple[Any, ...]]]) -> FlatHistories:
    events = [event for subject in subjects for event in subject]
    kinds, pages, amounts, balances = (
        [list(c) for c in zip(*events, strict=True)] if events else [[], [], [], []]
    )
    columns: dict[str, Column] = {
        "type": texts(kinds),
        "page": texts(pages),
        "amount": Numeric(np.array(amounts, np.float64)),
        "balance": Numeric(np.array(balances, np.float64)),
    }
    times = [i * DAY_US // 3 for subject in subjects for i in range(len(subject))]
    offsets = np.cumsum([0, *map(len, subjects)])
    return FlatHistories(offsets, np.array(times, np.int64), columns)


def at_the_end(histories: FlatHistories) -> Cutoffs:
    subjects = np.arange(histories.subjects)
    return Cutoffs(
        subjects, histories.offsets[1:], np.full(len(subjects), 3 * DAY_US, np.int64)
    )


def sketched(instance: Instance, subjects: list[Any]) -> SketchSet:
    histories = flat(subjects)
    return sketch_instance(instance, histories, at_the_end(histories))


@settings(max_examples=50)
@given(SUBJECTS, st.randoms(use_true_random=False))
def test_shards_in_any_order_give_the_sketch_of_all(
    subjects: list[Any], random: Any
) -> None:
    whole = sketched(OPEN, subjects)
    shuffled = random.sample(subjects, len(subjects))
    merged = SketchSet()
    for subject in shuffled:
        part = sketched(OPEN, [subject])
        merged = SketchSet.from_dict(json.loads(json.dumps(part.to_dict()))).merge(
            merged
        )
    assert merged.to_dict() == whole.to_dict()
    assert fit(OPEN, merged) == fit(OPEN, whole)


@settings(max_examples=50)
@given(SUBJECTS)
def test_whatever_was_seen_the_fit_encodes_it(subjects: list[Any]) -> None:
    fitted = fit(OPEN, sketched(OPEN, subjects))
    assert is_fitted(fitted) and not is_fitted(OPEN)
    assert fit(fitted, SketchSet()) == fitted
    assert Instance.from_dict(json.loads(json.dumps(fitted.to_dict()))) == fitted
    encoder, histories = Encoder(fitted), flat(subjects)
    kept, _, _ = encoder.windows(histories, at_the_end(histories))
    encoder.encode_events(histories, kept)
    encoder.encode_metadata(histories, at_the_end(histories))


def test_nothing_seen_still_fits() -> None:
    assert is_fitted(fit(OPEN, SketchSet()))


def test_only_events_of_sequences_are_sketched() -> None:
    """Of five events the first two lie before the last three, one after the cutoff."""
    subject = [("a", "x", float(v), 0) for v in (1000, 1000, 1, 2, 3, 1000)]
    histories = flat([subject])
    cutoffs = Cutoffs(np.array([0, 0]), np.array([5, 5]), np.array([0, 0]))
    instance = Instance(types=ANY, last=3, fields=[Normalize("amount")])
    sketches = sketch_instance(instance, histories, cutoffs)
    assert sketches.numbers["fields.0"].count == 3  # once each, for two cutoffs
    assert fit(instance, sketches).fields[0] == Normalize("amount", 0, 3)


def test_declared_parameters_stay() -> None:
    declared = Instance(
        types=["a"],
        fields=[PowerBins("amount", 1, 2, 50, 9), Hash("page")],
        metadata=[Last("page", OneHot("page", values=["x"]))],
        hash_buckets=77,
    )
    sketches = sketched(declared, [[("a", "x", 5.0, 1)]])
    assert sketches == SketchSet()
    fitted = fit(declared, sketches)
    assert fitted.hash_buckets == 77 and fitted.metadata_buckets is None
    assert fitted.fields[0] == PowerBins("amount", 1, 2, 50, 9).with_edges()


def test_last_is_encoded_by_the_kind_of_its_column() -> None:
    subjects = [[("a", "x", 5.0, -2)], [("a", "y", 7.0, 3)]]
    fitted = fit(OPEN, sketched(OPEN, subjects))
    encoders = [s.encode for s in fitted.metadata if isinstance(s, Last)]
    assert [type(e) for e in encoders] == [Hash, PowerBins, Normalize]
    assert isinstance(fitted.metadata[3], Tenure) and fitted.metadata[3].fitted


def test_types_are_the_instances_or_the_commonest_seen() -> None:
    subjects = [[("a", "x", 1.0, 0), ("b", "x", 1.0, 0)], [("b", "y", 1.0, 0)]]
    assert fit(OPEN, sketched(OPEN, subjects)).all_aggregates[0].types == ("a", "b")
    declared = Instance(types=["b", "z"], aggregates=windows([1], by="type"))
    fitted = fit(declared, sketched(declared, subjects))
    assert fitted.all_aggregates[0].types == ("b", "z")
    assert Encoder(fitted).metadata_size == 2


def test_aggregates_are_scaled_by_the_largest_seen() -> None:
    subjects = [[("a", "x", 40.0, 0)] * 4, [("a", "x", 1.0, 0)]]
    instance = Instance(
        types=ANY, aggregates=windows([30], of=["count", "amount", "balance"])
    )
    scales = fit(instance, sketched(instance, subjects)).all_aggregates[0].scales
    assert scales == ((4.0, False), (160.0, False), (1.0, False)) or scales == (
        (4.0, False),
        (200.0, False),
        (1.0, False),
    )


@pytest.mark.parametrize(("pages", "least"), [(7, 256), (300, 2048), (5000, 8192)])
def test_buckets_grow_with_the_strings_seen(pages: int, least: int) -> None:
    subjects = [[("a", f"page {i}", 1.0, 0)] for i in range(pages)]
    instance = Instance(types=ANY, fields=[Hash("page")])
    buckets = fit(instance, sketched(instance, subjects)).hash_buckets
    assert buckets is not None and buckets >= least


def test_few_strings_share_no_bucket() -> None:
    """With fewer than 20 strings, 5 % of them is none at all."""
    subjects = [[("a", f"type_{i}", 1.0, 0)] for i in range(19)]
    instance = Instance(types=ANY, fields=[Hash("page")])
    encoder = Encoder(fit(instance, sketched(instance, subjects)))
    histories = flat(subjects)
    rows = encoder.encode_events(histories, np.arange(19))
    assert len(set(rows.indices.tolist())) == 19


def test_too_many_values_for_one_hot_are_refused() -> None:
    subjects = [[("a", f"page {i}", 1.0, 0)] for i in range(5000)]
    instance = Instance(types=ANY, fields=[OneHot("page")])
    with pytest.raises(EncodingError, match=r"4096 distinct .* Use Hash"):
        fit(instance, sketched(instance, subjects))
