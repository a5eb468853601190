"""What in a session tells of a bot: how fast, and how evenly, pages are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from zap.errors import GeneratorError
from zap.histories.selection import Predicate


@dataclass(frozen=True)
class Rate:
    """More than ``events`` page views within ``seconds``: faster than people read.

    Attributes:
        events: the most page views that a person is believed to ask for.
        seconds: the time in which they lie; the first and the last of one view more
            are at most so far apart.
    """

    events: int
    seconds: float

    def __post_init__(self) -> None:
        if self.events < 1 or not self.seconds > 0:
            raise GeneratorError(
                "Expected a rate of at least 1 event in more than 0 seconds, such as "
                f"Rate(events=60, seconds=60). Received: events={self.events!r}, "
                f"seconds={self.seconds!r}."
            )


@dataclass(frozen=True)
class Regularity:
    """Page views as even as a clock: their gaps hardly differ.

    Attributes:
        events: the fewest page views of a session that are judged.
        spread: the coefficient of variation of the gaps (standard deviation by mean)
            below which they are a machine's.
    """

    events: int = 20
    spread: float = 0.1

    def __post_init__(self) -> None:
        if self.events < 3 or not self.spread > 0:
            raise GeneratorError(
                "Expected at least 3 events and a spread above 0, such as "
                f"Regularity(events=20, spread=0.1). Received: events={self.events!r}, "
                f"spread={self.spread!r}."
            )


@dataclass(frozen=True)
class SessionRules:
    """What is looked for in sessions.

    Attributes:
        rate: the rule on pace, or None.
        regularity: the rule on evenness, or None.
        page_views: the types that count as page views.
        exempt: events that are never flagged and take no part.
        coarse: digests of the sources whose clock is too coarse; None finds them in
            the events at hand.
    """

    rate: Rate | None = None
    regularity: Regularity | None = None
    page_views: tuple[str, ...] = ("page_view",)
    exempt: Predicate | None = None
    coarse: frozenset[str] | None = None
