"""How a history is cut into sessions, as a generator declares it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zap.errors import GeneratorError
from zap.times import duration_us


@dataclass(frozen=True)
class WholeHistory:
    """The history is one session, and the data hold it whole.

    For data sets of finished visits. It says that nothing comes after a subject's last
    event, so labels about the rest of the session are never censored.
    """

    @property
    def gap_us(self) -> int | None:
        """No inactivity cuts."""
        return None

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"session": "whole_history"}


@dataclass(frozen=True, init=False)
class InactivityGap:
    """A session ends where more than this time passes without an event.

    Args:
        **length: ``minutes=30``, or other units.
    """

    gap_us: int

    def __init__(self, **length: float):
        gap = duration_us("InactivityGap()", **length)
        if gap is None:
            raise GeneratorError(
                "InactivityGap() needs a length, such as InactivityGap(minutes=30). "
                "Received: none."
            )
        object.__setattr__(self, "gap_us", gap)

    def to_dict(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"session": "inactivity_gap", "gap_us": self.gap_us}


Sessions = WholeHistory | InactivityGap


def sessions_from_dict(data: Mapping[str, Any] | None) -> Sessions | None:
    """The sessions that ``to_dict`` described."""
    if data is None:
        return None
    if data["session"] == "whole_history":
        return WholeHistory()
    return InactivityGap(seconds=data["gap_us"] / 1e6)
