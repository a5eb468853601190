"""Rules that put cutoffs after events, and what all rules share.

An honest rule decides from the past alone whether a cutoff lies at a point. An
*anticipating* rule must have seen the whole session to decide; the choice itself then
tells about the label. Those are offered, because section 2.2 of the paper has them, and
marked, so that a manifest and a report can say so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import mmh3
import numpy as np

from zap.encoding.columns import Cutoffs, FloatArray, IntArray
from zap.encoding.dimensions import last_before
from zap.encoding.windows import count_in
from zap.errors import GeneratorError
from zap.examples.evaluate import Context
from zap.examples.late import without_late_events
from zap.examples.observed import ObservedRange
from zap.examples.predicates import Event

SAMPLE_SEED = 0xC0F


@dataclass(frozen=True)
class CutoffRule(ABC):
    """Where cutoffs lie.

    Attributes:
        timed: whether cutoffs lie at times rather than after events.
        anticipating: whether the rule needs to see past the cutoff.
        repaired_by_weight: whether its weights undo what the anticipating choice does
            to sums over examples.
    """

    timed: ClassVar[bool] = False
    anticipating: ClassVar[bool] = False
    repaired_by_weight: ClassVar[bool] = False

    @abstractmethod
    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        """All cutoffs of the rule; none has an empty past."""

    def weights(self, context: Context, cutoffs: Cutoffs) -> FloatArray | None:
        """What each of the rule's own cutoffs stands for, shape (cutoffs,).

        None where each stands for itself. It is multiplied into the example's weight.
        """
        return None

    @property
    def events(self) -> tuple[Event, ...]:
        """The predicates that the rule reads."""
        return ()

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """The rule as a JSON object with its name under ``rule``."""

    def sample(self, share: float) -> Sample:
        """A share of the cutoffs, chosen by a hash of subject and instant.

        Raises:
            GeneratorError: the share is not in (0, 1].
        """
        return Sample(self, share)


@dataclass(frozen=True)
class Each(CutoffRule):
    """After every event of a kind."""

    event: Event

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        return after_events(context, np.flatnonzero(context.mask(self.event)))

    @property
    def events(self) -> tuple[Event, ...]:
        return (self.event,)

    def to_dict(self) -> dict[str, Any]:
        return {"rule": "each", "event": self.event.to_dict()}


@dataclass(frozen=True)
class BeforeOutcome(CutoffRule):
    """Before a session's first outcome, or at its end where there is none.

    This is the paper's own rule (section 2.2). It anticipates: sessions without an
    outcome are cut at an end that nobody knew of at the time.
    """

    outcome: Event
    anticipating: ClassVar[bool] = True

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        histories = context.histories
        begins = np.unique(histories.session_start)
        ends = histories.session_stop[begins]
        outcomes = np.flatnonzero(context.mask(self.outcome))
        places = np.searchsorted(outcomes, begins)
        found = np.append(outcomes, histories.events)[places]
        before = np.minimum(found, ends)
        position = last_before(histories.active, before) + 1
        return after_events(context, position[position > begins] - 1)

    @property
    def events(self) -> tuple[Event, ...]:
        return (self.outcome,)

    def to_dict(self) -> dict[str, Any]:
        return {"rule": "before_outcome", "outcome": self.outcome.to_dict()}


@dataclass(frozen=True)
class Sample(CutoffRule):
    """A share of another rule's cutoffs, by a hash of subject and instant.

    The hash also takes the number of events in the past, so that events of one instant
    are sampled one by one. Late events are not among them: a choice that moved with an
    event that was not known yet would not be the past's.
    """

    rule: CutoffRule
    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise GeneratorError(
                "sample() takes a share above 0 and at most 1. "
                f"Received: share={self.share!r}."
            )

    @property
    def timed(self) -> bool:  # type: ignore[override]
        return self.rule.timed

    @property
    def anticipating(self) -> bool:  # type: ignore[override]
        return self.rule.anticipating

    @property
    def repaired_by_weight(self) -> bool:  # type: ignore[override]
        return self.rule.repaired_by_weight

    def generate(self, context: Context, observed: ObservedRange) -> Cutoffs:
        cutoffs = self.rule.generate(context, observed)
        histories, own, _ = without_late_events(context.histories, cutoffs, self.timed)
        first = histories.offsets[own.subject]
        seen = count_in(histories.active, first, own.position)
        hashes = histories.subject_hash[own.subject]
        chosen = [
            mmh3.hash(f"{subject}@{instant}/{events}".encode(), SAMPLE_SEED, False)
            < self.share * 2**32
            for subject, instant, events in zip(
                hashes.tolist(), own.instant_us.tolist(), seen.tolist(), strict=True
            )
        ]
        return cutoffs.select(np.array(chosen, bool))

    def weights(self, context: Context, cutoffs: Cutoffs) -> FloatArray | None:
        return self.rule.weights(context, cutoffs)

    @property
    def events(self) -> tuple[Event, ...]:
        return self.rule.events

    def to_dict(self) -> dict[str, Any]:
        return {"rule": "sample", "of": self.rule.to_dict(), "share": self.share}


def after_events(context: Context, events: IntArray) -> Cutoffs:
    """Cutoffs after the given events: the past includes them, their receipt is the
    instant."""
    histories = context.histories
    rows = np.searchsorted(histories.offsets, events, "right") - 1
    return Cutoffs(rows, events + 1, histories.known_us[events])
