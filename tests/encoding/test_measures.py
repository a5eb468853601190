"""How measures are declared, stored and refused, and how their numbers are encoded."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zap.encoding.aggregates import LEAST_PRESENT, Aggregates, Scale, windows
from zap.encoding.features import Hash
from zap.encoding.instance import ANY, Instance
from zap.encoding.measures import Gap, Summary, distinct, gap, maximum, mean
from zap.errors import EncodingError

EVERY = ["count", "amount", distinct("page"), mean("amount"), gap(), gap("minimum")]


def test_measures_survive_json() -> None:
    given = windows([1 / 24, 1], of=EVERY, by="type", change=True)
    again = Aggregates.from_dict(json.loads(json.dumps(given.to_dict())))
    assert again == given
    whole = windows([1, 28], of=[gap("sum"), maximum("amount")], whole_days=True)
    again = Aggregates.from_dict(json.loads(json.dumps(whole.to_dict())))
    assert again == whole and again.whole_days


def test_counts_and_sums_are_stored_as_before() -> None:
    data = windows([7, 28], of=["count", "amount"], change=True).to_dict()
    assert data == {"days": [7, 28], "of": ["count", "amount"], "change": True}


def test_every_window_has_every_measure() -> None:
    given = windows([1, 7], of=["count", gap()], change=True)
    assert given.measures == (
        (1, "count", False),
        (1, "count", True),
        (1, Gap("mean"), False),
        (1, Gap("mean"), True),
        (7, "count", False),
        (7, "count", True),
        (7, Gap("mean"), False),
        (7, Gap("mean"), True),
    )


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Summary("median", "amount"), "distinct, mean, minimum, maximum"),
        (lambda: Summary("sum", "amount"), "the field's name alone"),
        (lambda: mean(""), "needs the name of a field"),
        (lambda: distinct(3), "field=3"),  # type: ignore[arg-type]
        (lambda: gap("median"), "sum, mean, minimum, maximum"),
        (lambda: windows([1], of=[gap(), gap("mean")]), "list of distinct"),
        (lambda: windows([1], of=[7]), "list of distinct"),  # type: ignore[list-item]
        (lambda: windows([1], of=gap()), "list of distinct"),  # type: ignore[arg-type]
        (lambda: windows([0.5], whole_days=True), "whole numbers of days"),
        (lambda: windows([1], of=[gap("minimum")], whole_days=True), "every late"),
        (lambda: Aggregates.from_dict({"days": [1], "of": [{"kind": "x"}]}), "kinds"),
        (
            lambda: Aggregates.from_dict(
                {"days": [1], "of": [{"kind": "mean", "of": "x"}]}
            ),
            "parameters kind, field",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make: Callable[[], Any], said: str) -> None:
    with pytest.raises(EncodingError, match=said):
        make()


def test_what_an_instance_reads() -> None:
    reads = Instance(
        types=["view", "buy"],
        fields=[Hash("type")],
        aggregates=[
            windows([1 / 24], of=["count", gap("minimum")]),
            windows([7], of=["tax", mean("amount"), distinct("page")], change=True),
            windows([1, 30], of=[maximum("amount"), distinct("page")], whole_days=True),
            windows([2], by="type", change=True, whole_days=True),
        ],
    ).reads
    assert reads.fields == ("amount", "page", "tax", "type")
    assert (reads.windows_days, reads.beside_buckets_days, reads.gaps) == (30, 14, True)
    plan = reads.buckets
    assert plan is not None
    assert (plan.days, plan.numbers, plan.distinct) == (30, ("amount",), ("page",))
    assert (plan.apart, plan.types) == (("buy", "view"), ("buy", "view"))


def test_an_instance_without_windows_of_whole_days_needs_no_buckets() -> None:
    reads = Instance(types=ANY, aggregates=windows([7])).reads
    assert reads.buckets is None and not reads.gaps
    assert reads.windows_days == reads.beside_buckets_days == 7


def test_what_is_missing_has_no_entry_and_zero_has_one() -> None:
    """Of a mean; a count of 0 has none, and a change of 0 lies in the middle."""
    given = Aggregates(
        [1],
        of=["count", mean("amount")],
        change=True,
        scales=[Scale(9, False), Scale(9, True)] * 2,
    )
    rows = [[0, 0, np.nan, np.nan], [0, 0, 0, 0], [99, -99, 99, -99], [9, 3, 3, 3]]
    entries = given.entries(np.array(rows, np.float64)[:, :, None])
    dense = np.zeros((4, 4))
    assert entries.values is not None
    dense[entries.rows, entries.places] = entries.values
    low, third = LEAST_PRESENT, np.log(4) / np.log(10)
    up = 0.5 + third / 2
    expected = [
        [0, 0.5, 0, 0],
        [0, 0.5, low, low + (1 - low) / 2],
        [1, 0, 1, low],
        [1, up, low + (1 - low) * third, low + (1 - low) * up],
    ]
    assert dense == pytest.approx(np.array(expected), abs=1e-6)
