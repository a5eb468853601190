"""``python -m bench.collect.spool``: records a second that reach the disk.

Submitters of one event loop each append, wait until their records are synced, and
append again. The reference is the least that does the same: a thread that joins what
waits, writes it, calls fdatasync and wakes the loop once. It keeps no numbers, no
checksums and no bounds, begins no new files and can't be read by position.

Both run in turns on the same disk; ratios are of the medians. The disk decides how many
groups there are in a second, so compare the ratios, and the CPU time of a record.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from zap.collect.app.commit import Committer
from zap.collect.spool import Spool

RECORD_BYTES = 500
SHAPES = [(1, 1), (10, 1), (100, 1), (10, 10), (10, 100), (100, 100)]
"""Submitters, and the records of each submission."""


class Appends(Protocol):
    """What is measured."""

    def append(self, records: Sequence[bytes]) -> Awaitable[Any]:
        """Is done once the records are on the disk."""
        ...


class Bare:
    """Group commit and nothing else.

    Args:
        folder: where its one file is made.
        loop: whose futures it resolves.
    """

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop):
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = os.open(folder / "bare", flags, 0o640)
        self._loop = loop
        self._waiting: list[tuple[Sequence[bytes], asyncio.Future[None]]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def append(self, records: Sequence[bytes]) -> Awaitable[None]:
        """Is done once the records are on the disk."""
        future = self._loop.create_future()
        with self._changed:
            self._waiting.append((records, future))
            if len(self._waiting) == 1:
                self._changed.notify()
        return future

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                group, self._waiting = self._waiting, []
            if not group:
                return
            os.write(self._file, b"".join([r for each, _ in group for r in each]))
            os.fdatasync(self._file)
            self._loop.call_soon_threadsafe(self._resolve, group)

    def _resolve(self, group: Sequence[tuple[Any, asyncio.Future[None]]]) -> None:
        for _, future in group:
            future.set_result(None)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        os.close(self._file)


class Figures(NamedTuple):
    """Of one run.

    Attributes:
        rate: records a second.
        cpu_us: CPU time of a record, of all threads, in microseconds.
        wait_ms: the median wait of a submission.
    """

    rate: float
    cpu_us: float
    wait_ms: float


async def submitters(
    appends: Appends, number: int, records: int, seconds: float
) -> Figures:
    """Let so many submit records for some seconds."""
    given = [os.urandom(RECORD_BYTES) for _ in range(records)]
    until = time.perf_counter() + seconds
    waits: list[float] = []

    async def one() -> None:
        while (began := time.perf_counter()) < until:
            await appends.append(given)
            waits.append(time.perf_counter() - began)

    cpu, began = time.process_time(), time.perf_counter()
    await asyncio.gather(*[one() for _ in range(number)])
    cpu, took = time.process_time() - cpu, time.perf_counter() - began
    done = len(waits) * records
    return Figures(done / took, cpu / done * 1e6, statistics.median(waits) * 1e3)


async def of_bare(folder: Path, *shape: Any) -> Figures:
    """Of the reference."""
    bare = Bare(folder, asyncio.get_running_loop())
    try:
        return await submitters(bare, *shape)
    finally:
        bare.close()


async def of_spool(folder: Path, *shape: Any) -> Figures:
    """Of the spool."""
    with Spool(folder) as spool:
        appends = Committer(spool, timeout_s=30, retry_after_s=1)
        return await submitters(appends, *shape)


def measured(run: Callable[..., Any], folder: Path | None, *shape: Any) -> Figures:
    """Figures of a run in a folder of its own, which goes afterwards."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        found: Figures = asyncio.run(run(Path(own), *shape))
        return found


def median(runs: Sequence[Figures]) -> Figures:
    """The median of each figure."""
    return Figures(*map(statistics.median, zip(*runs, strict=True)))


def main(argv: Sequence[str] | None = None) -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="on the disk to be measured")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args(argv)
    print(
        "| submitters | records each | records/s | MB/s | ratio of rates "
        "| CPU us a record | bare | wait ms | bare |\n" + "| ---: " * 9 + "|"
    )
    for shape in SHAPES:
        both: dict[Any, list[Figures]] = {of_bare: [], of_spool: []}
        for _ in range(arguments.runs):
            for run, figures in both.items():
                figures.append(
                    measured(run, arguments.folder, *shape, arguments.seconds)
                )
        bare, spool = median(both[of_bare]), median(both[of_spool])
        print(
            f"| {shape[0]} | {shape[1]} | {spool.rate:,.0f} "
            f"| {spool.rate * RECORD_BYTES / 1e6:.1f} | {spool.rate / bare.rate:.2f} "
            f"| {spool.cpu_us:.2f} | {bare.cpu_us:.2f} "
            f"| {spool.wait_ms:.2f} | {bare.wait_ms:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
