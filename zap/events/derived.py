"""Fields that are computed from another field of the same event.

Batches compute each distinct value once, servers compute one; both call these
functions, so that they cannot differ. No engine, and no package until a function that
needs one is called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from zap.events.agents import parse_agent
from zap.events.urls import parse_url

DerivedValue: TypeAlias = str | tuple[str, ...] | None


@dataclass(frozen=True)
class Derived:
    """How a derived field is made.

    Attributes:
        base: the canonical field that it is computed from.
        compute: text of the base field -> a text, several texts, or None. An empty
            tuple is given as None: nothing is there either way.
    """

    base: str
    compute: Callable[[str], DerivedValue]


DERIVED: dict[str, Derived] = {
    "url.host": Derived("url", lambda text: parse_url(text).host),
    "url.path": Derived("url", lambda text: parse_url(text).path),
    "url.segments": Derived("url", lambda text: parse_url(text).segments or None),
    "url.query_keys": Derived("url", lambda text: parse_url(text).query_keys or None),
    "referrer.host": Derived("referrer", lambda text: parse_url(text).host),
    "referrer.path": Derived("referrer", lambda text: parse_url(text).path),
    "agent.family": Derived("user_agent", lambda text: parse_agent(text).family),
    "agent.os": Derived("user_agent", lambda text: parse_agent(text).os),
    "agent.device": Derived("user_agent", lambda text: parse_agent(text).device),
}


def derive(name: str, text: str | None) -> DerivedValue:
    """The value of a derived field.

    Args:
        name: one of ``DERIVED``.
        text: the base field's value; None where the event has none.

    Returns:
        The value, or None.
    """
    return None if text is None else DERIVED[name].compute(text)
