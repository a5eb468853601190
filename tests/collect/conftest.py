"""Real collectors for the tests that post to them, and a disk that waits."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.collect.real_collector import RealCollector, collector_at


@pytest.fixture
def collector_server(tmp_path: Path) -> Iterator[Callable[..., RealCollector]]:
    """Starts real collectors: ``collector_server(["segment"])``.

    It takes what `tests.collect.real_collector.collector_at` takes after the folder.
    All are ended after the test, in order, and must end well.
    """
    with ExitStack() as stack:
        started: list[RealCollector] = []

        def start(protocols: Any = (), sources: Any = None, **named: Any) -> Any:
            folder = tmp_path / f"collector-{len(started)}"
            one = collector_at(folder, protocols, sources, **named).start()
            started.append(one)
            stack.callback(one.stop)
            return one

        yield start


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, ...]]:
    """A disk whose syncs wait: (one has begun, it may go on)."""
    begun, go_on = threading.Event(), threading.Event()
    real = os.fdatasync

    def sync(file: int) -> None:
        begun.set()
        assert go_on.wait(60)
        real(file)

    monkeypatch.setattr(os, "fdatasync", sync)
    yield begun, go_on
    go_on.set()
