"""What a store answers: what came of events, and what an instance sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from zap.encoding.event_table import column
from zap.serving.stores.arriving import Added, Plan
from zap.serving.stores.look import Event
from zap.serving.stores.need import Need


@dataclass(frozen=True)
class Appended:
    """What came of some posted events.

    Attributes:
        new: events that were not there.
        repeated: events that were, by their ids.
        by_reason: what was not kept. Events: ``no_subject``, ``not_read`` (no instance
            looks at their type), ``past_reach`` (older than anything looks),
            ``unfit_value``. Cut by limits: ``events_cut``, ``devices_cut``,
            ``links_cut``.
    """

    new: int
    repeated: int
    by_reason: Mapping[str, int]


@dataclass(frozen=True)
class Past:
    """What an instance sees of a subject.

    Attributes:
        events: as ``Encoder.encode_instance`` takes them, in total order.
        need: who looks.
    """

    events: Sequence[Event]
    need: Need

    @cached_property
    def ids(self) -> list[str]:
        """The ids of the events."""
        return column(self.events, "event_id")

    @cached_property
    def instant_us(self) -> int | None:
        """The instant of a prediction after the last event of the sequence."""
        return self.need.last_known_us(self.events)


def told(plan: Plan, written: Mapping[str, Added]) -> Appended:
    """What came of the events of a plan, once its documents are written."""
    reasons = plan.reasons.copy()
    for each in written.values():
        reasons.update(each.cut)
    new, repeated = 0, plan.again
    for name, keys in plan.keys.items():
        if any(
            name in written[key].stored and name not in written[key].repeated
            for key in keys
        ):
            new += 1
        elif any(name in written[key].repeated for key in keys):
            repeated += 1
        else:
            reasons["past_reach"] += 1
    return Appended(new, repeated, dict(+reasons))
