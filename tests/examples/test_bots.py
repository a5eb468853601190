"""What counts as a bot, as data of a generator."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zap.errors import GeneratorError
from zap.examples import (
    Bots,
    Generator,
    Hash,
    Instance,
    Rate,
    Regularity,
    each,
    event,
    future,
    gt,
    prefix,
)
from zap.examples.bots import bot_rules
from zap.examples.declared import generator_from_dict

OFFICE = event("page_view", **{"url.path": prefix("/office")})
FULL = Bots(
    agents=False,
    missing_agents=True,
    rules={"office": OFFICE},
    rate=Rate(60, 60),
    regularity=Regularity(30, 0.2),
    page_views=("page_view", "screen"),
    exempt=event("purchase", amount=gt(0)),
)


class Asks(Generator):
    """Will they come back?"""

    cutoffs = each(event("page_view"))
    label = future(days=1).any(event("page_view"))
    instance = Instance(types=["page_view"], fields=[Hash("page")])
    bots = FULL


def test_bots_survive_json() -> None:
    assert Bots.from_dict(json.loads(json.dumps(FULL.to_dict()))) == FULL
    again = generator_from_dict(json.loads(json.dumps(Asks().to_dict())))
    assert again.bots == FULL and again.digest() == Asks().digest()


def test_the_words_stand_for_rules() -> None:
    assert bot_rules("drop") == Bots()
    assert bot_rules("keep") is None
    assert bot_rules(FULL) is FULL


def test_fields_of_rules_are_read() -> None:
    assert {"url.path", "amount"} <= (Asks().fields() or set())


def test_sessions_are_looked_at_where_a_rule_asks() -> None:
    rules = Asks().settings().bots
    assert rules is not None and rules.rate == Rate(60, 60)
    assert Bots().session_rules() is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"agents": "yes"},
        {"missing_agents": None},
        {"rate": 60},
        {"regularity": 0.1},
        {"rules": [OFFICE]},
        {"rules": {"a.b": OFFICE}},
        {"rules": {"a": "b"}},
        {"page_views": ()},
        {"page_views": (1,)},
        {"exempt": "x"},
    ],
)
def test_what_is_no_rule_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(GeneratorError, match=f"Received: {next(iter(wrong))}="):
        Bots(**wrong)
