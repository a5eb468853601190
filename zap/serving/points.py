"""Prediction points: an event for every prediction that a server was asked for.

They are written as raw events, so that ``zap generate`` reads the folder beside the
site's own events, and a generator with ``prediction_points()`` has its cutoffs exactly
where the server had its instants. The names of the columns stand in the mappings of
sites: add, and do not rename.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from zap.encoding.subject_names import OF_DEVICE, OF_USER
from zap.errors import ServingError
from zap.serving.breaker import Store
from zap.serving.served import Served
from zap.serving.stores.need import PERSON

PREDICTION_POINT = "prediction_point"  # zap.examples.cutoffs has the same
_encode = msgspec.json.Encoder().encode


def point_event(
    prediction: str, subject_field: str, subject: str, now_us: int, application: str
) -> dict[str, Any]:
    """The event of one prediction, as a store and an archive take it."""
    name, prefix = subject_field, ""
    if subject_field == PERSON:
        name = "user_id" if subject.startswith(OF_USER) else "anonymous_id"
        prefix = OF_USER if subject.startswith(OF_USER) else OF_DEVICE
    return {
        "event_id": prediction,
        "timestamp": now_us,
        "received_at": now_us,
        "type": PREDICTION_POINT,
        name: subject.removeprefix(prefix),
        "application": application,
    }


class Points:
    """Appends points to files of JSON lines. Threads may share it.

    A file is named by when it was begun and by the process, so that several servers
    may share a folder. A line is handed to the system before ``append`` returns.

    Args:
        folder: where the files lie; it is made.
        max_bytes: of a file, before another is begun.
        max_age_s: likewise.

    Raises:
        ServingError: the folder can't be written to.
    """

    def __init__(
        self, folder: str | Path, max_bytes: int = 64 << 20, max_age_s: float = 3600
    ):
        self.folder = Path(folder)
        self._max_bytes, self._max_age_s = max_bytes, max_age_s
        self._lock = threading.Lock()
        self._file: int | None = None
        self._bytes, self._begun, self._number = 0, 0.0, 0
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._refused(error) from error

    def append(self, event: dict[str, Any]) -> None:
        """Write one point.

        Raises:
            ServingError: the disk refuses; nothing of the line is left.
        """
        line = _encode(event) + b"\n"
        with self._lock:
            try:
                self._write(line)
            except OSError as error:
                self._close()
                raise self._refused(error) from error

    def close(self) -> None:
        """Close the file; a later point begins another."""
        with self._lock:
            self._close()

    def _write(self, line: bytes) -> None:
        if self._file is not None and self._is_full():
            self._close()
        if self._file is None:
            self._begin()
        assert self._file is not None
        written = os.write(self._file, line)
        if written != len(line):
            os.ftruncate(self._file, self._bytes)
            raise OSError(28, "a line did not fit")
        self._bytes += written

    def _is_full(self) -> bool:
        old = time.monotonic() - self._begun >= self._max_age_s
        return old or self._bytes >= self._max_bytes

    def _begin(self) -> None:
        self._number += 1
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
        name = f"points-{stamp}-{os.getpid()}-{self._number}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        self._file = os.open(self.folder / name, flags, 0o600)
        self._bytes, self._begun = 0, time.monotonic()

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _refused(self, error: OSError) -> ServingError:
        return ServingError(
            "Expected a folder of prediction points that can be written to. Received: "
            f"points={self.folder} ({error.strerror}). Free some room, or take another."
        )


class Marker:
    """Says of each prediction that it was asked for.

    Args:
        points: the archive.
        store: where an event goes that a model sees: what serving sees, training does.

    Attributes:
        unnamed: predictions of events that do not say whose they are; no point is made
            of those.
    """

    def __init__(self, points: Points, store: Store | None):
        self._points, self._store = points, store
        self.unnamed = 0

    def of_subject(self, served: Served, subject: str, name: str, now_us: int) -> None:
        """Mark a prediction whose events are in the store."""
        event = point_event(name, served.subject, subject, now_us, served.application)
        self._points.append(event)
        if self._store is not None and served.sees(PREDICTION_POINT):
            self._store.append([event])

    def of_events(
        self,
        served: Served,
        past: list[dict[str, Any]],
        subject: str | None,
        name: str,
        instant_us: int,
    ) -> list[dict[str, Any]]:
        """Mark a prediction of events; these, and the point if the model sees it."""
        if subject is None:
            self.unnamed += 1
            return past
        event = point_event(
            name, served.subject, subject, instant_us, served.application
        )
        self._points.append(event)
        return [*past, event] if served.sees(PREDICTION_POINT) else past
