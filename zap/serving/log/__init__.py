"""Interim: what the service takes from the room of the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zap.errors import ZapError


class LogError(ZapError):
    """A prediction can't be written down."""


@dataclass(frozen=True)
class Logged:
    id: str
    time: int
    instant: int
    application: str
    version: str
    fingerprint: str
    subject: str | None
    events: int
    ids: Sequence[str]
    encoded: str
    score: float | list[float]
    source: str


@dataclass(frozen=True)
class LogOptions:
    wait_ms: float = 50
    on_failure: str = "refuse"


class PredictionLog:
    def __init__(self, folder: str | Path, options: LogOptions = LogOptions()):
        self.counts: Any = None

    def append(self, entry: Logged) -> None: ...

    def close(self) -> None: ...
