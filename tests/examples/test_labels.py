"""What label methods return, as numbers: of each kind, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from zap.examples import Generator, Hash, Instance, each, event, future, past
from zap.examples.labels import kind_schema, method_value
from zap.examples.observed import ObservedRange
from zap.examples.slicing import slice_histories

EVERYTHING = ObservedRange(0, 10**16)
NAMES = ["none", "one", "several"]


def asking(answer: Callable[..., Any], kind: Any) -> Generator:
    """A generator whose label is the method ``answer``, told its future."""
    attributes = {
        "cutoffs": each(event("view")),
        "horizon": future(days=1),
        "label": lambda self, future: answer(future),
        "label_kind": kind,
        "instance": Instance(types=("view",), fields=[Hash("color")]),
    }
    return type("Asking", (Generator,), attributes)()


def rows(orders: dict[str, list[float]]) -> list[dict[str, Any]]:
    """For each visitor a view, then one order an hour later for each amount."""
    return [
        row
        for who, amounts in orders.items()
        for row in (
            {"who": who, "t": 0, "type": "view"},
            *(
                {"who": who, "t": 1 + at, "type": "order", "amount": amount}
                for at, amount in enumerate(amounts)
            ),
        )
    ]


ORDERS = {"a": [], "b": [2.5], "c": [1.0, 4.0, 7.0]}


def labels(histories_of: Any, generator: Generator) -> dict[str, float]:
    histories = histories_of(rows(ORDERS))
    found = slice_histories(generator, histories, EVERYTHING)
    names = [histories.subject[row] for row in found.cutoffs.subject]
    return dict(zip(names, found.label.tolist(), strict=True))


def test_a_method_may_return_an_amount(histories_of: Any) -> None:
    generator = asking(lambda future: sum(e["amount"] for e in future), "amount")
    assert labels(histories_of, generator) == {"a": 0.0, "b": 2.5, "c": 12.0}


@pytest.mark.parametrize("named", [True, False])
def test_a_method_may_return_a_class_by_name_or_number(
    histories_of: Any, named: bool
) -> None:
    def answer(future: Any) -> Any:
        number = min(len(list(future)), 2)
        return NAMES[number] if named else np.int64(number)

    found = labels(histories_of, asking(answer, NAMES))
    assert found == {"a": 0.0, "b": 1.0, "c": 2.0}


@pytest.mark.parametrize("wrong", ["many", 3, -1, 1.0, True])
def test_what_is_no_class_sets_the_subject_aside(histories_of: Any, wrong: Any) -> None:
    def answer(future: Any) -> Any:
        return wrong if len(list(future)) == 1 else "none"

    histories = histories_of(rows(ORDERS))
    found = slice_histories(asking(answer, NAMES), histories, EVERYTHING)
    (failure,) = found.failures
    assert (failure.subject, failure.method) == ("b", "label")
    assert "none, one, several" in failure.error and repr(wrong) in failure.error
    assert len(found.label) == 2


def test_none_is_no_label_of_any_kind(histories_of: Any) -> None:
    for kind in ("binary", "amount", NAMES):
        histories = histories_of(rows(ORDERS))
        found = slice_histories(asking(lambda _: None, kind), histories, EVERYTHING)
        assert found.counts["cutoffs.dropped.no_label"] == 3
        assert not found.failures


def test_a_kind_that_is_unknown_has_no_schema() -> None:
    assert kind_schema("classes") is None
    assert kind_schema(["a", ""]) is None
    assert kind_schema(["a", 1]) is None  # type: ignore[list-item]
    assert kind_schema({"a", "b"}) is None  # type: ignore[arg-type]
    assert method_value(3, {"kind": "amount"}) == 3.0


@pytest.mark.parametrize("amount", [float("inf"), -float("inf"), 1e39])
def test_an_amount_that_would_be_stored_as_infinite_is_refused(amount: float) -> None:
    with pytest.raises(ValueError, match=r"at most 3\.4e38, not "):
        method_value(amount, {"kind": "amount"})


@pytest.mark.parametrize("default", [True, False])
def test_a_default_may_be_a_truth_value(histories_of: Any, default: bool) -> None:
    """It equals itself, as a value of a field of truth values does."""
    known = past().last("flag", default=default)

    class Flagged(Generator):
        cutoffs = each(event("view"))
        label = future(days=1).any(event("order"))
        instance = Instance(types=("view",), fields=[Hash("color")])
        statistics = {
            "yes": known.equals(True),
            "no": known.equals(False),
            "either": known.one_of(True, False),
        }

    views = [
        {"who": who, "t": 0, "type": "view", "flag": flag}
        for who, flag in (("a", None), ("b", True), ("c", False))
    ]
    found = slice_histories(Flagged(), histories_of(views), EVERYTHING)
    names = [found.histories.subject[row] for row in found.cutoffs.subject]
    said = dict(zip(names, found.statistics["yes"].tolist(), strict=True))
    assert said == {"a": default, "b": True, "c": False}
    np.testing.assert_array_equal(found.statistics["no"], 1 - found.statistics["yes"])
    assert found.statistics["either"].all()
