"""The data gate on made numbers: what it lets pass, and what it must not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zap.errors import InputError
from zap.evaluation.bands import Check
from zap.evaluation.data_gate import (
    DataThresholds,
    changes_of,
    check_events,
    check_examples,
)

LIMITS = DataThresholds()


def week(seed: int, **changed: Any) -> dict[str, Any]:
    """The events of a usual week."""
    rng = np.random.default_rng(seed)
    buckets = rng.multinomial(10_000, np.arange(1, 65) / np.arange(1, 65).sum())
    return {
        "events": 10_000 + int(rng.normal(0, 300)),
        "subjects": 2_000,
        "repeats": 0.02,
        "missing_days": 0,
        "bad_rows": 0.0,
        "types": {"page_view": 9_000, "purchase": 1_000},
        "fields": {
            "place": {"missing": 0.1, "buckets": buckets.tolist(), "constant": False}
        },
    } | changed


def examples(**changed: Any) -> dict[str, Any]:
    """The examples of a usual week."""
    return {
        "examples": 9_000,
        "subjects": 2_000,
        "positives": 900,
        "rate": 0.1,
        "rate_error": 0.03,
        "auc": 0.8,
        "auc_error": 0.01,
    } | changed


def refused(checks: list[Check]) -> set[str]:
    return {check.name for check in checks if not check.passed}


@pytest.mark.parametrize(
    ("name", "value"),
    [("volume", 0.5), ("label_rate", "2"), ("lift", -1), ("missing", float("nan"))],
)
def test_thresholds_that_make_no_sense_are_told(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"data.{name}={value!r}"):
        DataThresholds(**{name: value})


PAST = [week(seed) for seed in range(4)]


@pytest.mark.parametrize("runs", range(5))
def test_a_usual_week_passes(runs: int) -> None:
    assert not refused(check_events(week(9), PAST[:runs], LIMITS))


@pytest.mark.parametrize("runs", range(1, 5))
@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"events": 900}, {"events", "events a subject"}),
        ({"repeats": 0.33}, {"share of repeated events"}),
        ({"missing_days": 1}, {"days without events"}),
        ({"missing_days": 2}, {"days without events"}),
        ({"bad_rows": 0.5}, {"share of bad rows"}),
        ({"types": {"page_view": 10_000}}, {"types that are gone"}),
    ],
)
def test_a_broken_feed_is_refused(
    runs: int, changed: dict[str, Any], names: set[str]
) -> None:
    assert names <= refused(check_events(week(9, **changed), PAST[:runs], LIMITS))


@pytest.mark.parametrize("runs", range(1, 5))
def test_a_field_of_one_value_is_refused(runs: int) -> None:
    buckets = [0] * 63 + [10_000]
    field = {"missing": 0.1, "buckets": buckets, "constant": True}
    found = check_events(week(9, fields={"place": field}), PAST[:runs], LIMITS)
    assert {"change of place", "distinct values of place"} <= refused(found)


def test_a_rare_value_may_be_missing_of_few() -> None:
    """One value in twenty events is no proof where its past had 99 % of it."""
    usual = {"missing": 0.0, "buckets": [990, 10] + [0] * 62, "constant": False}
    past = [week(i, fields={"place": usual}) for i in range(4)]
    now = {"missing": 0.0, "buckets": [20] + [0] * 63, "constant": True}
    assert not refused(check_events(week(9, fields={"place": now}), past, LIMITS))


def test_a_field_that_was_always_constant_passes() -> None:
    field = {"missing": 0.0, "buckets": [10_000] + [0] * 63, "constant": True}
    past = [week(i, fields={"place": field}) for i in range(4)]
    assert not refused(check_events(week(9, fields={"place": field}), past, LIMITS))


def test_a_field_that_is_new_has_no_past() -> None:
    field = {"missing": 0.9, "buckets": [10] + [0] * 63, "constant": True}
    both = {**week(9)["fields"], "new": field}
    assert not refused(check_events(week(9, fields=both), PAST, LIMITS))


def test_a_type_of_one_week_may_be_gone() -> None:
    """A campaign has an event of its own, and ends."""
    campaign = week(4, types={"page_view": 6_000, "purchase": 1_000, "coupon": 3_000})
    past = [*PAST, campaign]
    assert not refused(check_events(week(9), past, LIMITS))
    always = [week(seed, types=campaign["types"]) for seed in range(4)]
    assert "types that are gone" in refused(check_events(week(9), always, LIMITS))


def test_a_field_that_is_gone_is_refused() -> None:
    field = {"missing": 1.0, "buckets": [0] * 64, "constant": False}
    found = check_events(week(9, fields={"place": field}), PAST, LIMITS)
    assert refused(found) == {"missing place"}


def test_changes_are_kept_for_later_runs() -> None:
    found = changes_of(check_events(week(9), PAST, LIMITS))
    assert set(found) == {"change of event types", "change of place"}
    assert all(value < 0.01 for value in found.values())


def test_what_always_moves_may_move() -> None:
    """A field that is another every week, such as the id of a campaign."""
    past = []
    for number in range(6):
        buckets = [0] * 64
        buckets[number], buckets[63] = 600, 400
        field = {"missing": 0.0, "buckets": buckets, "constant": False}
        one = week(number, fields={"place": field})
        one["changes"] = {"change of place": 0.5 + 0.01 * number}
        past.append(one)
    buckets = [0] * 64
    buckets[9], buckets[63] = 600, 400
    field = {"missing": 0.0, "buckets": buckets, "constant": False}
    assert not refused(check_events(week(9, fields={"place": field}), past, LIMITS))


@pytest.mark.parametrize("runs", range(5))
def test_usual_examples_pass(runs: int) -> None:
    assert not refused(check_examples(examples(), [examples()] * runs, LIMITS))


@pytest.mark.parametrize("runs", range(1, 5))
@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"auc": 0.5}, "AUC of the live model"),
        ({"rate": 0.01, "positives": 90}, "label rate"),
        ({"positives": 0, "rate": 0.0, "rate_error": 0.0}, "label rate"),
        ({"positives": 0}, "positives"),
        ({"positives": 9_000}, "negatives"),
        ({"examples": 10, "positives": 10}, "examples"),
    ],
)
def test_examples_of_a_broken_feed_are_refused(
    runs: int, changed: dict[str, Any], name: str
) -> None:
    found = check_examples(examples(**changed), [examples()] * runs, LIMITS)
    assert name in refused(found)


def test_a_model_may_lose_some_of_its_lift() -> None:
    found = check_examples(examples(auc=0.7), [examples()] * 4, LIMITS)
    assert not refused(found)


def test_without_a_live_model_its_auc_is_not_asked() -> None:
    first = examples()
    del first["auc"]
    found = check_examples(first, [], LIMITS)
    assert "AUC of the live model" not in {check.name for check in found}
