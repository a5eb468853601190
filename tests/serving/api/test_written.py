"""Answers wait for the log, and the loop does not, however slow the disk is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvloop
from made_entries import entry

from zap.errors import LogError
from zap.serving.api import written
from zap.serving.api.written import Writing
from zap.serving.log import LogOptions, PredictionLog, read_log
from zap.serving.log.writer import Writer

FOREVER_S = 60.0


class Disk:
    """Lets each group through when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go_on = threading.Semaphore(0)
        write: Callable[..., int] = Writer.write

        def slow(writer: Writer, *given: Any) -> int:
            assert self.go_on.acquire(timeout=FOREVER_S)
            return write(writer, *given)

        monkeypatch.setattr(Writer, "write", slow)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[PredictionLog]:
    made = PredictionLog(tmp_path, LogOptions(wait_ms=60_000))
    yield made
    made.close()


def run(work: Callable[[], Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work())


def write(writing: Writing, number: int) -> asyncio.Future[Exception | None]:
    """The outcome of an entry."""
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    writing.write(loop, [entry(number)], future.set_result)
    return future


def test_a_quick_disk_is_waited_for_in_the_loop(
    log: PredictionLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(written, "PATIENCE_S", FOREVER_S)

    async def work() -> None:
        writing = Writing(log)
        for number in range(5):
            assert write(writing, number).result() is None  # no turn of the loop
            there = {each.id for each in read_log(tmp_path, "shop")}
            assert entry(number).id in there

    run(work)


def test_a_disk_that_stalls_does_not_stall_the_loop(
    log: PredictionLog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the loop lets the disk go on: one that waited would wait for ever."""
    disk = Disk(monkeypatch)

    async def work() -> list[Any]:
        writing = Writing(log)
        first = write(writing, 1)
        assert not first.done()
        # From now on it is not waited for at all, however patient one could be.
        monkeypatch.setattr(written, "PATIENCE_S", FOREVER_S)
        second = write(writing, 2)
        assert not second.done()
        disk.go_on.release(2)
        return [await first, await second]

    assert run(work) == [None, None]
    assert [each.id for each in read_log(tmp_path, "shop")] == [
        entry(1).id,
        entry(2).id,
    ]


def test_after_a_while_a_disk_is_trusted_again(
    log: PredictionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    monkeypatch.setattr(written, "RESTLESS_S", 0.01)

    async def work() -> None:
        writing = Writing(log)
        first = write(writing, 1)
        disk.go_on.release(2)
        assert await first is None
        await asyncio.sleep(0.02)
        monkeypatch.setattr(written, "PATIENCE_S", FOREVER_S)
        assert write(writing, 2).result() is None

    run(work)


@pytest.mark.parametrize("on_failure", ["refuse", "go_on"])
def test_a_request_has_its_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_failure: Any
) -> None:
    disk = Disk(monkeypatch)
    log = PredictionLog(tmp_path, LogOptions(wait_ms=20, on_failure=on_failure))

    async def work() -> list[Any]:
        writing = Writing(log)
        return [await write(writing, 1), await write(writing, 2)]

    found = run(work)
    disk.go_on.release(2)
    log.close()
    if on_failure == "go_on":
        assert found == [None, None] and log.counts.written == 2
    else:
        assert all(isinstance(each, LogError) for each in found)
        assert log.counts.refused == 2


def test_a_disk_between_quick_and_slow_is_heard_of_once(
    log: PredictionLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patience that ends at any moment of a write: each outcome comes, and once."""
    monkeypatch.setattr(written, "RESTLESS_S", 0.0)

    async def work() -> None:
        writing = Writing(log)
        for number in range(300):
            monkeypatch.setattr(written, "PATIENCE_S", 1e-6 * (number % 100))
            # A second outcome would raise in the loop, and a lost one hang here.
            assert await write(writing, number) is None

    raised: list[Any] = []

    async def watched() -> None:
        handler = lambda _, context: raised.append(context)  # noqa: E731
        asyncio.get_running_loop().set_exception_handler(handler)
        await work()
        await asyncio.sleep(0.05)

    run(watched)
    assert not raised
