"""What each check found: one status, one sentence, numbers, and a case where it failed.

Every check ends with a finding, also where it could not be made: a check that is left
out says so under ``skipped``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Status: TypeAlias = Literal["passed", "failed", "marked", "warned", "skipped"]

TITLES = {
    "mutation": "what comes after a cutoff changes nothing of its instance",
    "anticipation": "the rule puts a cutoff without seeing past it",
    "deterministic": "twice the same events give the same examples",
    "keys": "no two cutoffs of a subject are the same",
    "order": "the order and the pieces in which rows arrive are no matter",
    "picklable": "the generator reaches workers as it is",
    "json": "the JSON form is the same question",
    "encoder": "bins and buckets are fitted on training subjects alone",
    "bias": "where cutoffs lie does not give the label away",
}


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        check: its name, one of ``TITLES``.
        status: passed; failed; marked (fails as the rule itself says it does); warned
            (a reason to look, no failure); or skipped.
        says: the reason or the message, in a sentence or two.
        numbers: how much was tried.
        example: a case where it failed.
    """

    check: str
    status: Status
    says: str = ""
    numbers: Mapping[str, float] = field(default_factory=dict)
    example: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        assert self.check in TITLES, self.check

    def to_dict(self) -> dict[str, Any]:
        """The finding as a JSON object."""
        return {
            "check": self.check,
            "status": self.status,
            "says": self.says,
            "numbers": dict(self.numbers),
            "example": None if self.example is None else dict(self.example),
        }
