"""What a generator takes for bots, as data.

A rule on bots is a guess about who was not a person, and moves the very numbers that a
model is judged by. So it is written down with the question, and what it changes is
reported (see ``docs/generators.md``, Selection).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from zap.errors import GeneratorError
from zap.examples.predicates import Event
from zap.histories.bot_rules import Rate, Regularity, SessionRules

DROP, KEEP = "drop", "keep"
_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class Bots:
    """Which events count as a bot's; each is flagged with the first reason that fits.

    Attributes:
        agents: whether known crawlers do, by their user agent ("crawler").
        missing_agents: whether events without a user agent do ("missing_agent").
        rules: a site's own, by name ("rule.NAME").
        rate: too many page views in too short a time flag their session ("rate").
        regularity: page views as even as a clock flag their session ("regularity").
        page_views: the types of events that ``rate`` and ``regularity`` look at.
        exempt: events that are never flagged.

    Example:
        >>> from zap.examples import event, prefix
        >>> office = event("page_view", **{"url.path": prefix("/office")})
        >>> bots = Bots(rate=Rate(events=60, seconds=60), rules={"office": office})
        >>> Bots.from_dict(bots.to_dict()) == bots
        True
    """

    agents: bool = True
    missing_agents: bool = False
    rules: Mapping[str, Event] = field(default_factory=dict)
    rate: Rate | None = None
    regularity: Regularity | None = None
    page_views: tuple[str, ...] = ("page_view",)
    exempt: Event | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "page_views", tuple(self.page_views))
        for name, kind, words in (
            ("agents", bool, "True or False"),
            ("missing_agents", bool, "True or False"),
            ("rules", Mapping, "named events, such as {'office': event(...)}"),
            ("rate", Rate | None, "a Rate(events=..., seconds=...) or None"),
            ("regularity", Regularity | None, "a Regularity(...) or None"),
            ("exempt", Event | None, "an event(...) or None"),
        ):
            if not isinstance(getattr(self, name), kind):
                raise _refused(name, getattr(self, name), words)
        for name, rule in self.rules.items():
            if not (_NAME.fullmatch(str(name)) and isinstance(rule, Event)):
                words = "names of letters, digits, - and _, each with an event(...)"
                raise _refused("rules", dict(self.rules), words)
        named = [kind for kind in self.page_views if isinstance(kind, str) and kind]
        if not named or len(named) < len(self.page_views):
            raise _refused("page_views", self.page_views, "one or more types")

    def events(self) -> list[Event]:
        """All predicates, whose fields must be read."""
        return [*self.rules.values(), *([self.exempt] if self.exempt else [])]

    def session_rules(self) -> SessionRules | None:
        """What is looked for in whole sessions; None if nothing is."""
        if self.rate is None and self.regularity is None:
            return None
        return SessionRules(self.rate, self.regularity, self.page_views, self.exempt)

    def to_dict(self) -> dict[str, Any]:
        """The rules as a JSON object."""
        return {
            "agents": self.agents,
            "missing_agents": self.missing_agents,
            "rules": {name: rule.to_dict() for name, rule in self.rules.items()},
            "rate": self.rate and asdict(self.rate),
            "regularity": self.regularity and asdict(self.regularity),
            "page_views": list(self.page_views),
            "exempt": self.exempt and self.exempt.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Bots:
        """The rules that ``to_dict`` described."""
        rate, regularity = data.get("rate"), data.get("regularity")
        exempt = data.get("exempt")
        return cls(
            agents=data.get("agents", True),
            missing_agents=data.get("missing_agents", False),
            rules={
                name: Event.from_dict(rule)
                for name, rule in data.get("rules", {}).items()
            },
            rate=Rate(**rate) if rate else None,
            regularity=Regularity(**regularity) if regularity else None,
            page_views=tuple(data.get("page_views", ("page_view",))),
            exempt=Event.from_dict(exempt) if exempt else None,
        )


def bot_rules(bots: str | Bots) -> Bots | None:
    """The rules that a generator's ``bots`` stands for; None keeps all events."""
    if isinstance(bots, Bots):
        return bots
    return Bots() if bots == DROP else None


def bots_to_json(bots: str | Bots) -> str | dict[str, Any]:
    """A generator's ``bots`` in its JSON form."""
    return bots.to_dict() if isinstance(bots, Bots) else bots


def bots_from_json(data: str | Mapping[str, Any]) -> str | Bots:
    """The ``bots`` that ``bots_to_json`` described."""
    return data if isinstance(data, str) else Bots.from_dict(data)


def _refused(name: str, value: Any, words: str) -> GeneratorError:
    return GeneratorError(
        f"Expected {words} for Bots({name}=...). Received: {name}={value!r}."
    )
