"""How the spool and its sinks are, asked from outside, whether or not anything runs.

What is told of positions and lag is read from the spool itself at that moment. What
went wrong is told by the last report of the delivery, with its age.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from zap.collect.bad.inbox import waiting
from zap.collect.delivery.alone import delivered_by_another
from zap.collect.delivery.report import now_us, read_report
from zap.collect.spool import Positions, SpoolReader, SpoolStatus

_LEAST_ROOM = 1 << 16  # a spool with less room left than this takes next to nothing


def delivery_status(folder: str | Path, sinks: Sequence[str]) -> dict[str, Any]:
    """The state of a spool and of its sinks.

    Args:
        folder: of the spool.
        sinks: names of those that should be filled.

    Returns:
        ``well``: whether no sink fails, the spool has room and can be written, and a
        delivery runs or nothing waits for one; ``spool``, ``delivery``, and ``sinks``
        by name, as docs/collect-delivery.md says. Times are in microseconds since 1970.

    Raises:
        CollectError: the spool or a position can't be read.
        OSError: there is no such folder.
    """
    folder = Path(folder)
    reader, positions = SpoolReader(folder), Positions(folder)
    report, at = read_report(folder), now_us()
    running = delivered_by_another(folder)
    told = report["sinks"] if report else {}
    there = reader.status()
    found = {
        name: _sink(reader, there, positions.get(name), told.get(name, {}), at)
        for name in sinks
    }
    full = there.bytes + _LEAST_ROOM > there.max_bytes
    wrong = full or there.failing or (report and report["problem"])
    wrong = wrong or any(sink["failing"] for sink in found.values())
    waits = any(sink["lag_events"] for sink in found.values())
    return {
        "well": not wrong and (running or not waits),
        "spool": {
            "folder": str(folder),
            "full": full,
            "inbox": len(waiting(folder)),
            "disk_free_bytes": shutil.disk_usage(folder).free,
            **asdict(there),
        },
        "delivery": _delivery(report, running, at),
        "sinks": found,
    }


def _delivery(
    report: Mapping[str, Any] | None, running: bool, at_us: int
) -> dict[str, Any]:
    return {
        "running": running,
        "pid": report["pid"] if report and running else None,
        "problem": report["problem"] if report else "",
        "report_us": report["at_us"] if report else None,
        "report_age_s": _seconds(at_us - report["at_us"]) if report else None,
    }


def _sink(
    reader: SpoolReader,
    there: SpoolStatus,
    position: int,
    told: dict[str, Any],
    at_us: int,
) -> dict[str, Any]:
    next_ = max(position, there.oldest)
    written_us = reader.written_us(next_)
    return {
        "position": position,
        "lag_events": max(0, there.end - next_),
        "lag_s": 0.0 if written_us is None else _seconds(at_us - written_us),
        "failing": bool(told.get("in_a_row")),
        "failures": told.get("failures", 0),
        "failing_since_us": told.get("failing_since_us"),
        "retry_us": told.get("retry_us"),
        "error": told.get("error", ""),
        "error_us": told.get("error_us"),
        "skipped": told.get("skipped", 0),
        "taken": told.get("taken", 0),
        "counts": told.get("counts", {}),
        "problems": told.get("problems", {}),
    }


def _seconds(micros: int) -> float:
    """Never below 0: clocks are set back now and then."""
    return round(max(0, micros) / 1e6, 3)
