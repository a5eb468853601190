"""Real collectors for the tests that post to them."""

from __future__ import annotations

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
