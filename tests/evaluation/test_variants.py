"""Two versions of the examples, judged by plain formulas."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from zap.evaluation.selection import left_out, reason_words
from zap.evaluation.variants import Scored, common_rows, compare, summary


def made(rows: int, seed: int = 0, people: int = 40) -> Scored:
    rng = np.random.default_rng(seed)
    y = (rng.random(rows) < 0.4).astype(float)
    p = np.clip(0.25 + 0.3 * y + rng.normal(0, 0.2, rows), 0, 1)
    subject = rng.integers(0, people, rows)
    return Scored(y, p, np.ones(rows), subject, np.arange(rows) * 1_000)


def test_each_version_is_judged_on_its_own_rows() -> None:
    as_is, more = made(300), made(80, seed=1)
    variant = Scored(
        *(
            np.concatenate([getattr(a, name) for a in (as_is, more)])
            for name in ("y", "p", "weight")
        ),
        np.concatenate([as_is.subject, more.subject + 100]),
        np.concatenate([as_is.instant_us, more.instant_us]),
    )
    touched = np.unique(more.subject + 100)
    found = compare(as_is, variant, touched)
    for name, rows in (("as_is", as_is), ("variant", variant)):
        assert found[name]["auc"] == pytest.approx(roc_auc_score(rows.y, rows.p))
        assert found[name]["base_rate"] == pytest.approx(rows.y.mean())
        assert found[name]["n"] == len(rows)
        assert found[name]["auc_low"] < found[name]["auc"] < found[name]["auc_high"]
    assert found["touched"]["as_is"]["n"] == 0
    assert found["touched"]["variant"]["n"] == 80
    assert found["paired"]["n"] == 300
    assert found["paired"]["auc_difference"] == 0
    json.dumps(found, allow_nan=False)


def test_the_difference_is_that_of_equal_rows_with_equal_outcomes() -> None:
    as_is = made(200)
    flipped = np.arange(200) < 5
    y = np.where(flipped, 1 - as_is.y, as_is.y)
    p = np.clip(as_is.p + np.where(as_is.y == 1, 0.1, 0), 0, 1)
    order = np.random.default_rng(1).permutation(200)
    variant = Scored(y, p, as_is.weight, as_is.subject, as_is.instant_us).select(order)
    paired = compare(as_is, variant, np.unique(as_is.subject))["paired"]
    kept = ~flipped
    better = roc_auc_score(as_is.y[kept], p[kept])
    before = roc_auc_score(as_is.y[kept], as_is.p[kept])
    assert paired["n"] == 195
    assert paired["auc_difference"] == pytest.approx(better - before)
    assert paired["auc_difference_low"] <= better - before


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12),
)
def test_rows_in_common_are_those_of_a_plain_loop(one: list, two: list) -> None:
    def scored(names: list) -> Scored:
        empty = np.zeros(len(names))
        table = np.array(names, np.int64).reshape(-1, 2)
        return Scored(empty, empty, empty, table[:, 0], table[:, 1])

    a, b = common_rows(scored(one), scored(two))
    expected = {
        (one.index(name), two.index(name))
        for name in one
        if one.count(name) == 1 == two.count(name)
    }
    assert set(zip(a.tolist(), b.tolist(), strict=True)) == expected


def test_what_is_not_defined_is_none() -> None:
    rows = made(20)
    same = Scored(np.ones(20), rows.p, rows.weight, rows.subject, rows.instant_us)
    found = compare(same, same, np.zeros(0, np.int64))
    assert found["as_is"]["auc"] is None
    assert found["paired"]["auc_difference"] is None
    assert summary(rows.select(np.zeros(20, bool)))["n"] == 0


SELECTION = {
    "reasons": {
        "crawler": {"events": 1234, "subjects": 7, "examples": 70, "label_rate": 0.01},
        "rule.office": {"events": 3, "subjects": 1, "examples": 0, "label_rate": None},
    },
    "kept": {"examples": 5000, "label_rate": 0.25},
    "not_judged": 17,
    "late_examples": 0,
}


def test_the_report_shows_both_versions_and_label_rates() -> None:
    one, two = made(300), made(400, seed=2)
    bots = compare(one, two, np.arange(5)) | {"lacking": 0}
    late = compare(one, one, np.arange(5)) | {"lacking": 30}
    metrics = {"variants": {"with_bots": bots, "on_time": late}}
    section = left_out(metrics, {"selection": SELECTION})
    assert section is not None
    text = section.body
    for shown in (
        "1,234",
        "1.0 %",
        "25.0 %",
        f"{bots['variant']['auc']:.3f}",
        f"{100 * bots['as_is']['base_rate']:.1f} %",
        "17 sessions",
        "10.0 % of the test examples (30)",
        "the site&#x27;s own rule",
    ):
        assert shown in text


def test_there_is_no_section_where_nothing_was_left_out() -> None:
    empty = {"reasons": {}, "kept": SELECTION["kept"], "not_judged": 0}
    assert left_out({}, {"selection": empty}) is None
    assert left_out({}, {}) is None
    assert left_out({}, {"selection": SELECTION}) is not None


def test_reasons_have_words() -> None:
    assert reason_words("rule.office") == "the site's own rule 'office'"
    assert "agent" in reason_words("missing_agent")
