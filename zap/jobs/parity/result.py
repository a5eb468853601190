"""What comes of a logged prediction made again, and why it may differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zap.serving.log import Logged
from zap.times import iso

VERSION = "code or model version"
MISSING = "missing in the archive"
DUPLICATE = "duplicate"
CLOCK = "clock"
LATE = "late event"
NOT_IN_STORE = "aged out or not in the store"
LATE_OR_NOT = "late, or not in the store"
ORDER = "order of ties"
VALUES = "other values"
ARITHMETIC = "arithmetic"
UNKNOWN = "unknown"
CAUSES = {
    VERSION: "the version is not there, or encodes otherwise than when it answered",
    MISSING: "serving used an event that the archive does not hold",
    DUPLICATE: "serving used one event twice",
    CLOCK: "serving used an event that by the archive's times was still to come, or "
    "took the last one to be known at another time",
    LATE: "an event came in after the prediction, or while it was made",
    NOT_IN_STORE: "an event was known by then, and serving did not use it",
    LATE_OR_NOT: "an event was not used; the archive does not say when it came in",
    ORDER: "events of one time stood in another order",
    VALUES: "the events are the same, and hold other values than serving saw",
    ARITHMETIC: "the same encoded events give another score",
    UNKNOWN: "there is no evidence for any cause",
}
"""Each cause in words. Where several hold, the first one is named."""

USED = "used"

Score = float | tuple[float, ...]


@dataclass(frozen=True)
class Marked:
    """One event of a replay.

    Attributes:
        event_id: as archived; None where only the log knows of it.
        event_hash: of its id; empty where it has none.
        time_us: when it happened, by the archive.
        known_us: when it was known, by the archive.
        type: by the archive.
        mark: ``used``, or the cause for which it counts.
    """

    event_id: str | None
    event_hash: str
    time_us: int | None
    known_us: int | None
    type: str | None
    mark: str

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object, times in words."""
        return {
            "event_id": self.event_id,
            "hash": self.event_hash,
            "time": None if self.time_us is None else iso(self.time_us),
            "known": None if self.known_us is None else iso(self.known_us),
            "type": self.type,
            "mark": self.mark,
        }


@dataclass(frozen=True)
class Rebuilt:
    """What came of a logged prediction.

    Attributes:
        entry: as logged.
        encoded: digest of what the archive's view encodes to; None without a model.
        score: what the model says of it.
        cause: why the score differs, or None where it is equal to the bit.
        detail: the evidence in words.
        events: what the archive's view or serving looked at; empty if the score is
            equal and they were not asked for.
    """

    entry: Logged
    encoded: str | None
    score: Score | None
    cause: str | None
    detail: str
    events: tuple[Marked, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether the score is equal to the bit."""
        return self.cause is None

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        entry = self.entry
        return {
            "prediction": entry.id,
            "application": entry.application,
            "version": entry.version,
            "time": iso(entry.time),
            "instant": None if entry.instant is None else iso(entry.instant),
            "source": entry.source,
            "exact": self.exact,
            "cause": self.cause,
            "detail": self.detail,
            "score": {"logged": entry.score, "found": self.score},
            "encoded": {"logged": entry.encoded, "found": self.encoded},
            "events": [each.to_dict() for each in self.events],
        }
