"""What a manifest says of a generator's cutoffs."""

from __future__ import annotations

import pytest

from zap.datasets.manifest import describe_generator
from zap.examples import (
    Generator,
    Hash,
    Instance,
    before_outcome,
    each,
    event,
    future,
    random_k,
)
from zap.examples.rules import CutoffRule

X = event("x")


@pytest.mark.parametrize(
    ("rule", "anticipating", "repaired"),
    [
        (each(X), False, False),
        (before_outcome(X), True, False),
        (random_k(X, 2), True, True),
        (random_k(X, 2).sample(0.5), True, True),
    ],
)
def test_a_rule_that_anticipates_is_marked_and_so_is_its_repair(
    rule: CutoffRule, anticipating: bool, repaired: bool
) -> None:
    attributes = {
        "cutoffs": rule,
        "label": future(days=1).any(X),
        "instance": Instance(types=("x",), fields=[Hash("type")]),
    }
    described = describe_generator(type("Asks", (Generator,), attributes)())
    assert described["anticipating"] is anticipating
    assert described["repaired_by_weight"] is repaired
    assert described["definition"]["cutoffs"] == rule.to_dict()
