"""How the log is written, and what became of what was to be written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from zap.errors import LogError

OnFailure = Literal["refuse", "go_on"]
Sync = Literal["none", "batch"]


@dataclass(frozen=True)
class LogOptions:
    """Limits of a log, and what to do where it can't be written.

    Attributes:
        wait_ms: how long a request waits at most for its line.
        queue: how many lines may wait; further ones fail at once.
        on_failure: ``refuse``: the request gets an error; ``go_on``: it is answered,
            and the line that is lost is counted.
        max_bytes: the size from which on a new file is begun.
        max_age_s: the time after which a new file is begun.
        sync: ``none``: a line is written once the system has it, which survives the end
            of the process; ``batch``: once the disk has it, which survives a loss of
            power too.

    Raises:
        LogError: a value is out of its range.
    """

    wait_ms: int = 250
    queue: int = 10_000
    on_failure: OnFailure = "refuse"
    max_bytes: int = 64 << 20
    max_age_s: int = 86_400
    sync: Sync = "none"

    def __post_init__(self) -> None:
        for name in ("wait_ms", "queue", "max_bytes", "max_age_s"):
            value = getattr(self, name)
            if type(value) is not int or value < 1:
                raise LogError(
                    f"Expected {name} to be a whole number of at least 1. "
                    f"Received: {name}={value!r}. Correct it."
                )
        for name, allowed in (("on_failure", OnFailure), ("sync", Sync)):
            value = getattr(self, name)
            if value not in get_args(allowed):
                raise LogError(
                    f"Expected {name} to be one of {', '.join(get_args(allowed))}. "
                    f"Received: {name}={value!r}. Correct it."
                )


@dataclass(frozen=True)
class LogCounts:
    """What became of the entries since a log was opened.

    Attributes:
        written: lines that are in the log.
        lost: entries that are not, of requests that were answered all the same.
        refused: entries that are not, of requests that got an error.
        repaired: torn ends of files that were cut off when the log was opened.
    """

    written: int = 0
    lost: int = 0
    refused: int = 0
    repaired: int = 0
