"""k random cutoffs of a session: what is drawn, what it weighs, what that estimates."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from math import comb
from random import Random
from typing import Any

import numpy as np
import pytest

from zap.errors import GeneratorError
from zap.examples import (
    Generator,
    Hash,
    InactivityGap,
    Instance,
    each,
    event,
    future,
    past,
    prediction_points,
    random_k,
)
from zap.examples.cutoffs import rule_from_dict
from zap.examples.observed import ObservedRange
from zap.examples.slicing import slice_histories

EVERYTHING = ObservedRange(0, 10**16)
X = event("x")
Row = dict[str, Any]


def asks(rule: Any, **more: Any) -> Generator:
    made = {
        "session": InactivityGap(hours=5),
        "cutoffs": rule,
        "label": future(hours=3).sum("amount", event("x", "y")),
        "instance": Instance(types=("x",), fields=[Hash("type")]),
    }
    return type("Asks", (Generator,), made | more)()


def sessions(rng: Random, subjects: int, longest: int = 9) -> list[Row]:
    """Sessions of x and y, one x an hour, of all lengths; long ones pay more."""
    rows: list[Row] = []
    for number in range(subjects):
        hour = 0.0
        for _ in range(2):
            size = rng.randint(1, longest)
            for _ in range(size):
                amount = rng.choice([0.0, 1.0, float(size)])
                kind = "x" if rng.random() < 0.8 else "y"
                row = {"who": f"v{number}", "t": hour, "type": kind, "amount": amount}
                rows.append({**row, "uid": len(rows)})
                hour += 1
            hour += 10
    return rows


@pytest.fixture(scope="session")
def examples_of(histories_of: Any, plain: Any) -> Any:
    """The examples of a generator, each with the number of its event."""

    def find(generator: Generator, rows: list[Row]) -> list[dict[str, Any]]:
        histories = histories_of(rows, None, generator.settings())
        return plain(slice_histories(generator, histories, EVERYTHING))

    return find


def session_of(rows: list[Row], uid: int) -> list[int]:
    """The x of the session that an x lies in, by the pauses of five hours."""
    own = [r for r in rows if r["who"] == rows[uid]["who"]]
    spans: list[list[Row]] = [[]]
    for row in own:
        if spans[-1] and row["t"] - spans[-1][-1]["t"] > 5:
            spans.append([])
        spans[-1].append(row)
    span = next(s for s in spans if any(r["uid"] == uid for r in s))
    return [r["uid"] for r in span if r["type"] == "x"]


@pytest.mark.parametrize("k", [1, 3])
def test_of_each_session_k_are_drawn_or_all(k: int, examples_of: Any) -> None:
    rows = sessions(Random(k), 150)
    drawn = {
        e["past"][-1]: e["weight"] for e in examples_of(asks(random_k(X, k)), rows)
    }
    everywhere = [e["past"][-1] for e in examples_of(asks(each(X)), rows)]
    seen = set()
    for uid in everywhere:
        session = session_of(rows, uid)
        chosen = [other for other in session if other in drawn]
        assert len(chosen) == min(k, len(session))
        for other in chosen:
            assert drawn[other] == pytest.approx(len(session) / len(chosen))
        seen.update(chosen)
    assert seen == set(drawn)


def test_weighted_sums_estimate_the_sums_over_every_event(examples_of: Any) -> None:
    """Within four standard errors; without the weights it is far off."""
    rows = sessions(Random(0), 1500)
    every = np.array([e["label"] for e in examples_of(asks(each(X)), rows)])
    drawn = examples_of(asks(random_k(X, 2)), rows)
    label = np.array([e["label"] for e in drawn])
    weight = np.array([e["weight"] for e in drawn])
    mean = np.average(label, weights=weight)
    error = np.sqrt((weight**2 * (label - mean) ** 2).sum()) / weight.sum()
    assert weight.sum() == pytest.approx(len(every))
    assert abs(mean - every.mean()) < 4 * error
    assert abs(label.mean() - every.mean()) > 8 * error


def test_the_expectation_over_all_draws_is_exact(examples_of: Any) -> None:
    """One session of five, many subjects: all ten pairs are drawn, equally often, and
    the mean of their weighted sums is the sum over every event."""
    amounts = [0.0, 3.0, 1.0, 7.0, 2.0]
    rows = [
        {"who": f"v{number}", "t": hour, "type": "x", "amount": amount}
        for number in range(2000)
        for hour, amount in enumerate(amounts)
    ]
    rows = [{**row, "uid": uid} for uid, row in enumerate(rows)]
    exact = sum(e["label"] for e in examples_of(asks(each(X)), rows[:5]))
    sums: dict[str, float] = Counter()
    pairs: dict[str, tuple[int, ...]] = {}
    for e in examples_of(asks(random_k(X, 2)), rows):
        sums[e["who"]] += e["weight"] * e["label"]
        pairs[e["who"]] = (*pairs.get(e["who"], ()), e["past"][-1] % 5)
    by_pair = {pairs[who]: total for who, total in sums.items()}
    assert set(by_pair) == set(combinations(range(5), 2))
    assert sum(by_pair.values()) / comb(5, 2) == pytest.approx(exact)
    counts = Counter(pairs.values())
    # Chi-squared with nine degrees of freedom: above 27.9 once in a thousand times.
    assert sum((n - 200) ** 2 / 200 for n in counts.values()) < 27.9


def test_the_draw_hangs_on_nothing_else(examples_of: Any) -> None:
    rows = sessions(Random(5), 60)
    rule = random_k(X, 2)
    drawn = {e["past"][-1] for e in examples_of(asks(rule), rows)}
    some = [row for row in rows if row["who"] < "v3"]
    found = {e["past"][-1] for e in examples_of(asks(rule), some)}
    assert found == {uid for uid in drawn if rows[uid]["who"] < "v3"}
    assert {e["past"][-1] for e in examples_of(asks(rule), rows[::-1])} == drawn


def test_weights_multiply_and_follow_their_cutoffs(examples_of: Any) -> None:
    """Through sampling, eligibility and a weight of the generator's own."""
    rows = sessions(Random(9), 200)
    plain_weight = {
        e["past"][-1]: e["weight"] for e in examples_of(asks(random_k(X, 2)), rows)
    }
    generator = asks(
        random_k(X, 2).sample(0.5),
        eligible=past().sum("amount") > 3,
        weight=past().count(X),
    )
    examples = examples_of(generator, rows)
    assert 20 < len(examples) < len(plain_weight) / 2
    for e in examples:
        count = sum(rows[uid]["type"] == "x" for uid in e["past"])
        assert e["weight"] == pytest.approx(plain_weight[e["past"][-1]] * count)


def test_late_events_do_not_take_a_weight_from_its_cutoff(examples_of: Any) -> None:
    """A cutoff with a late event moves to a history of its own, with its weight."""
    rows = [
        {"who": "a", "uid": i, "t": i, "type": "x", "received": i, "amount": 1.0}
        for i in range(4)
    ]
    rows[1]["received"] = 9
    found = examples_of(asks(random_k(X, 2)), rows)
    assert [e["weight"] for e in found] == [2.0, 2.0]


def test_prediction_points_are_events_of_their_own_type(examples_of: Any) -> None:
    kinds = ["x", "prediction_point", "y", "prediction_point"]
    rows = [
        {"who": "a", "uid": i, "t": i, "type": kind, "amount": 1.0}
        for i, kind in enumerate(kinds)
    ]
    found = examples_of(asks(prediction_points()), rows)
    assert [e["past"] for e in found] == [(0, 1), (0, 1, 2, 3)]
    assert rule_from_dict(prediction_points().to_dict()) == prediction_points()
    assert not prediction_points().anticipating


@pytest.mark.parametrize("k", [0, -1, 1.5, None])
def test_a_number_that_draws_nothing_is_refused(k: Any) -> None:
    with pytest.raises(GeneratorError, match="at least one event"):
        random_k(X, k)


def test_what_anticipates_and_what_repairs_it() -> None:
    rule = random_k(X, 2)
    assert rule.anticipating and rule.repaired_by_weight
    assert rule.sample(0.5).repaired_by_weight
    assert not each(X).repaired_by_weight
