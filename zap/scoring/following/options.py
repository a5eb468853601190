"""At which instants a subject is scored, and what counts as known there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from zap.errors import InputError
from zap.serving.stores.look import Event, known_us
from zap.times import SECOND_US

NEVER = 1 << 61
"""After all instants, microseconds since 1970."""


@dataclass(frozen=True)
class Following:
    """When subjects are scored.

    An event is in the window in which it was known, and at the window's end its subject
    is scored, with what was known by then, that very instant included: as a server that
    is asked then, and as a batch at that time of reference.

    Attributes:
        every_us: the length of windows, one of which begins at 1970; 0 scores a subject
            at the instant of each of its events.
        receipts: whether an event is known from its receipt on, as a server knew it. If
            not, it was known when it happened, and one that comes late corrects scores.
        lateness_us: how long a score may still be corrected after its instant.
        since_us: no score of that instant or before it is wanted.
        until_us: no score after that instant is wanted.
    """

    every_us: int
    receipts: bool = True
    lateness_us: int = 3600 * SECOND_US
    since_us: int = -NEVER
    until_us: int = NEVER

    def __post_init__(self) -> None:
        if self.every_us < 0 or self.lateness_us < 0:
            raise InputError(
                "Expected windows and a lateness that are not negative. Received: "
                f"every_us={self.every_us}, lateness_us={self.lateness_us}."
            )
        if self.since_us >= self.until_us:
            raise InputError(
                "Expected a time that begins before it ends. Received: "
                f"since_us={self.since_us}, until_us={self.until_us}."
            )

    def end_after(self, time_us: int) -> int:
        """The end of the window that holds an instant: itself, if it is an end."""
        length = self.every_us or 1
        return -(-time_us // length) * length

    def known(self, event: Event) -> Event:
        """An event that says when it was known."""
        received = event.get("received_at")
        if received is None or not self.receipts:
            return {**event, "received_at": event["timestamp"]}
        return event

    def end_of(self, event: Event) -> int:
        """The instant at which an event is looked at first."""
        return self.end_after(known_us(event))

    def wanted(self, at_us: int) -> bool:
        """Whether a score of an instant is asked for."""
        return self.since_us < at_us <= self.until_us

    def floor_us(self, fired_us: int) -> int:
        """The instant up to which no score is made or corrected any more."""
        return max(fired_us, self.since_us) - self.lateness_us

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Following:
        """What ``to_dict`` described."""
        return cls(**data)
