"""What a delivery says of itself, in a small file beside the spool.

The file is replaced as a whole, so who reads it sees one moment. Where it can't be
written, as on a full disk, the delivery goes on: how far each sink is stands in the
spool's positions too, and readers see how old the report is.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

REPORT = "delivery.json"
LONGEST_ERROR = 1_000


def now_us() -> int:
    """Microseconds since 1970."""
    return time.time_ns() // 1000


@dataclass
class SinkReport:
    """How one sink is. Written by its own thread, read by that of the report.

    Attributes:
        position: number of the next record.
        taken: records since the start of the process.
        skipped: records that the spool no longer had when this sink asked for them.
        failures: since the start.
        in_a_row: failures since the last success; 0 is well.
        error: the last one, also where it is over; empty without any.
        error_us: when it was.
        failing_since_us: when the first of those in a row was; None where all is well.
        retry_us: when it is tried again; None where all is well.
        counts: what became of the records, by name.
        problems: what is wrong and yet does not hold it up, by name.
    """

    position: int = 0
    taken: int = 0
    skipped: int = 0
    failures: int = 0
    in_a_row: int = 0
    error: str = ""
    error_us: int | None = None
    failing_since_us: int | None = None
    retry_us: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)

    def failed(self, error: BaseException, pause_s: float) -> None:
        """Note a failure, and when it is tried again."""
        at = now_us()
        said = str(error) or type(error).__name__
        self.failures += 1
        self.in_a_row += 1
        self.error, self.error_us = said[:LONGEST_ERROR], at
        self.failing_since_us = self.failing_since_us or at
        self.retry_us = at + round(pause_s * 1e6)

    def well(self) -> None:
        """Note that it works again; the last error stays to be seen."""
        self.in_a_row = 0
        self.failing_since_us = self.retry_us = None


def write_report(
    folder: Path,
    started_us: int,
    sinks: dict[str, SinkReport],
    problem: str = "",
    *,
    ended: bool = False,
) -> bool:
    """Replace the report; whether there was room for it.

    Args:
        folder: of the spool.
        started_us: when the process began.
        sinks: how each is.
        problem: why the spool can't be trimmed; empty where it can.
        ended: whether the process ends.
    """
    said = {
        "pid": None if ended else os.getpid(),
        "started_us": started_us,
        "at_us": now_us(),
        "problem": problem[:LONGEST_ERROR],
        "sinks": {name: asdict(report) for name, report in sinks.items()},
    }
    unfinished = folder / f".{REPORT}.{os.getpid()}"
    try:
        unfinished.write_bytes(orjson.dumps(said))
        os.replace(unfinished, folder / REPORT)
    except OSError:
        unfinished.unlink(missing_ok=True)
        return False
    return True


def read_report(folder: Path) -> dict[str, Any] | None:
    """The last report, or None where no delivery has written one."""
    try:
        found = orjson.loads((folder / REPORT).read_bytes())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
