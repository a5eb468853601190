"""Numbers and machine names in plain words."""

import pytest

from zap.evaluation.words import (
    counter_thing,
    counter_words,
    decimal,
    error,
    flatten,
    percent,
    plural,
    points,
    signed,
    spell,
    value,
)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.2994, "29.9 %"),
        (1.0, "100.0 %"),
        (0.0, "0.0 %"),
        (0.00996, "1.0 %"),
        (0.0043, "0.43 %"),
        (0.00002, "0.002 %"),
        (1e-9, "under 0.0001 %"),
        (None, "-"),
        (float("nan"), "-"),
    ],
)
def test_percent(share, text):
    assert percent(share) == text


def test_small_errors_keep_two_digits():
    assert [error(v) for v in (0.0141, 0.00047, 0.0, None)] == [
        "0.014",
        "0.00047",
        "0.000",
        "-",
    ]
    assert [points(v) for v in (0.0141, 0.00047)] == ["1.4", "0.047"]


def test_numbers_and_counts():
    assert decimal(0.79049) == "0.790"
    assert signed(0.0211) == "+0.021"
    assert signed(-0.0211) == "-0.021"
    assert plural(1, "example") == "1 example"
    assert plural(7071, "example") == "7,071 examples"


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (None, "-"),
        (True, "yes"),
        (23570, "23,570"),
        (1e-5, "1e-05"),
        (3.0, "3"),
        ([], "none"),
        (["a", 2], "a, 2"),
        ([{"path": "a.csv", "rows": 1000}], "path a.csv; rows 1,000"),
    ],
)
def test_any_value_has_a_short_text(item, text):
    assert value(item) == text


def test_long_lists_are_cut_and_say_so():
    assert value(list(range(15))).endswith("11, and 3 more")


@pytest.mark.parametrize(
    ("name", "thing", "text"),
    [
        ("rows.read", "Rows of the input", "Read"),
        (
            "rows.bad.timestamp.unparsable",
            "Rows of the input",
            "Could not be read: the timestamp could not be read",
        ),
        (
            "rows.bad.property.amount.not_float",
            "Rows of the input",
            "Could not be read: the property 'amount' is not of type float",
        ),
        ("rows.skipped.own_rule", "Rows of the input", "Skipped by rule: own rule"),
        ("events.dropped.duplicate_id", "Events", "Dropped: repeats an event_id"),
        ("new_things.lost.no_idea", "New things", "Lost: no idea"),
        ("odd", "Odd", "Counted"),
    ],
)
def test_counters_in_plain_words(name, thing, text):
    assert counter_thing(name) == thing
    assert counter_words(name) == text


def test_names_are_spelled_out_and_trees_are_flat():
    assert spell("learning_rate") == "Learning rate"
    assert dict(flatten({"a": {"b": 1, "c": {"d": 2}}, "e": 3})) == {
        "a.b": 1,
        "a.c.d": 2,
        "e": 3,
    }
