"""What must be kept of a subject: all that the live instances can ever look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from zap.encoding.event_table import column, taken
from zap.encoding.instance import Instance
from zap.errors import InputError
from zap.serving.stores.look import Event, Look, known_us_at

PERSON = "person"
"""The subject that stands for a user together with the devices that were his."""


@dataclass(frozen=True)
class Need:
    """What must be kept of the subjects of one field.

    Attributes:
        subject: the field that names the subject: anonymous_id, user_id, person or any
            property.
        looks: what the instances look at; equal ones once.
    """

    subject: str
    looks: frozenset[Look]

    @classmethod
    def of(cls, instance: Instance, subject: str) -> Need:
        """What one instance needs.

        Args:
            instance: fitted or not.
            subject: the field that names its subjects.

        Raises:
            InputError: the field has no name.
        """
        if not subject or not isinstance(subject, str):
            raise InputError(
                "Expected the name of the field that tells the subject. "
                f"Received: subject={subject!r}. Name it, as the generator does."
            )
        return cls(subject, frozenset([Look.of(instance)]))

    def __or__(self, other: Need) -> Need:
        """What both need, of one field's subjects."""
        assert self.subject == other.subject, "of one field"
        return Need(self.subject, self.looks | other.looks)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The fields of events, ascending."""
        return tuple(sorted({name for look in self.looks for name in look.fields}))

    @cached_property
    def reach_us(self) -> int:
        """How far back any of them looks, from a subject's last event."""
        return max((look.reach_us for look in self.looks), default=0)

    @cached_property
    def longest(self) -> int:
        """Events of the longest sequence, the one before it included."""
        return max((look.events + 1 for look in self.looks), default=0)

    @property
    def one(self) -> Look:
        """The look of a need of one instance."""
        (look,) = self.looks
        return look

    def reads(self, kind: str) -> bool:
        """Whether events of this type are looked at in any way."""
        return any(look.reads(kind) for look in self.looks)

    def chosen(
        self, events: Sequence[Event], floor_us: int
    ) -> tuple[set[int], set[int]]:
        """The events that any of them looks at; see ``Look.chosen``."""
        windows: set[int] = set()
        others: set[int] = set()
        for look in self.looks:
            in_windows, found = look.chosen(events, floor_us)
            windows |= in_windows
            others |= found
        return windows - others, others

    def seen(self, events: Sequence[Event], floor_us: int) -> Sequence[Event]:
        """The same as events, in their order."""
        windows, others = self.chosen(events, floor_us)
        if len(windows) + len(others) == len(events):
            return events
        return taken(events, sorted(windows | others))

    def last_known_us(self, events: Sequence[Event]) -> int | None:
        """When the last event that belongs to a sequence was known."""
        kinds = column(events, "type")
        for place in range(len(kinds) - 1, -1, -1):
            if any(look.keeps(kinds[place]) for look in self.looks):
                return known_us_at(events, place)
        return None


def union(needs: Sequence[Need]) -> dict[str, Need]:
    """The needs of each field that names subjects."""
    found: dict[str, Need] = {}
    for need in needs:
        there = found.get(need.subject)
        found[need.subject] = need if there is None else there | need
    return found
