"""Lines of a prediction log as an analysis reads them, without a log."""

from __future__ import annotations

from dataclasses import dataclass

from zap.encoding.subject_names import keyed_subject, subject_hash

KEY = bytes(range(32))


@dataclass(frozen=True)
class Line:
    """What is read of a line."""

    subject: str | None
    instant: int
    time: int = 0
    version: str = "v"
    events: int = 1
    ids: str = ""
    encoded: str = ""
    score: float = 0.5


def named(subject: str) -> str:
    """The name of a subject in a log."""
    return keyed_subject(KEY, subject_hash(subject))
