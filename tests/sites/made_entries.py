"""Made-up entries of a log of predictions, and logs that wait for a busy machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zap.serving.log import Logged, LogOptions, PredictionLog, event_hashes

TIME_US = 1_768_471_200_000_000  # 2026-01-15T10:00:00Z


def entry(number: int, **changed: Any) -> Logged:
    """The entry of that number."""
    members: dict[str, Any] = {
        "id": f"{number:032x}",
        "time": TIME_US + number,
        "instant": TIME_US,
        "application": "shop",
        "version": "0f3a52c61b9d8e74",
        "fingerprint": "f" * 32,
        "subject": None,
        "events": 3,
        "ids": event_hashes([f"{number}-{event}" for event in range(3)]),
        "encoded": "e" * 32,
        "score": 1 / (number + 3),
        "source": "subject",
    }
    return Logged(**{**members, **changed})


def opened(folder: Path, **options: Any) -> PredictionLog:
    """A log that loses its patience after a minute, if no other time is given."""
    return PredictionLog(folder, LogOptions(**{"wait_ms": 60_000, **options}))
