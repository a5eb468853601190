"""What is kept of one subject: its events, the windows it is in, what it was given."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from zap.serving.predictor import Prediction
from zap.serving.stores.document import known_at, merged
from zap.serving.stores.look import Event
from zap.serving.stores.need import Need
from zap.serving.stores.pruning import pruned

SPARE = 16
"""Events that may come before a subject is pruned again."""


class Given(NamedTuple):
    """A score that was given: how often it was, and a hash of what it said."""

    panes: int
    digest: bytes


@dataclass(slots=True)
class Subject:
    """A subject.

    Attributes:
        events: in total order; all that may still be looked at.
        waiting: instants at which it will be scored.
        given: what it was given at instants that may still be corrected.
        kept: events that were left when it was pruned last.
    """

    events: list[Event] = field(default_factory=list)
    waiting: set[int] = field(default_factory=set)
    given: dict[int, Given] = field(default_factory=dict)
    kept: int = 0

    def take(self, events: Sequence[Event]) -> list[Event]:
        """Add events in their places; those that were not there before, or not so."""
        before = {event["event_id"]: event for event in self.events}
        self.events, _ = merged(self.events, events)
        names = dict.fromkeys(event["event_id"] for event in events)
        there = {e["event_id"]: e for e in self.events if e["event_id"] in names}
        return [e for name, e in there.items() if before.get(name) != e]

    def past(self, need: Need, at_us: int) -> Sequence[Event]:
        """What an instance sees at an instant; see ``EventStore.past``."""
        return need.seen(known_at(self.events, at_us), at_us)

    def prune(self, need: Need, floor_us: int, most: int) -> int:
        """Leave out what no instant from the floor on looks at; how much was cut."""
        self.events, cut = pruned(self.events, need, floor_us, most)
        self.kept = len(self.events)
        return cut

    @property
    def grown(self) -> bool:
        """Whether pruning is worth while."""
        return len(self.events) > 2 * self.kept + SPARE


def digest_of(prediction: Prediction) -> bytes:
    """A hash of what a prediction says; equal ones, to the bit, have one."""
    value = prediction.value
    values = value if isinstance(value, tuple) else (value,)
    numbers = (*values, *prediction.logits)
    packed = struct.pack(f"<{len(numbers)}dq", *numbers, prediction.events)
    return hashlib.blake2b(packed, digest_size=8).digest()
