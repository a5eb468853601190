"""What the log of predictions costs a request: ``python -m bench.serving.log``.

A request hands its line to another thread and waits for it. What any hand-over costs on
this machine is measured beside it, so that the log's own share can be told apart.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from zap.encoding.subject_names import keyed_subject, subject_hash
from zap.serving.log import (
    Logged,
    LogOptions,
    PredictionLog,
    event_hashes,
    find,
    forget,
    read_log,
)
from zap.serving.log.entry import entry_of, line_of

EVENTS = 40
PATIENT = LogOptions(wait_ms=60_000)
TIME_US = 1_768_471_200_000_000


def made(number: int) -> Logged:
    """The entry of a prediction from 40 events."""
    return Logged(
        id=f"{number:032x}",
        time=TIME_US + number,
        instant=TIME_US,
        application="shop",
        version="0f3a52c61b9d8e74",
        fingerprint="f" * 32,
        subject=keyed_subject(b"k" * 32, subject_hash(f"visitor-{number % 1000}")),
        events=EVENTS,
        ids=event_hashes(f"{number}-{each}" for each in range(EVENTS)),
        encoded="e" * 32,
        score=1 / (number + 3),
        source="subject",
    )


def each_us(work: Callable[[Logged], object], entries: list[Logged]) -> list[float]:
    """Microseconds of each call."""
    found = []
    for entry in entries:
        begin = time.perf_counter_ns()
        work(entry)
        found.append((time.perf_counter_ns() - begin) / 1e3)
    return found


def hand_over() -> Callable[[Logged], object]:
    """Another thread that does nothing but answer."""
    queue: SimpleQueue[threading.Lock] = SimpleQueue()

    def answer() -> None:
        while True:
            queue.get().release()

    threading.Thread(target=answer, daemon=True).start()

    def call(entry: Logged) -> None:
        lock = threading.Lock()
        lock.acquire()
        queue.put(lock)
        lock.acquire(timeout=60)

    return call


def per_second(log: PredictionLog, clients: int, entries: list[Logged]) -> float:
    """Entries a second of many threads, each waiting for its own."""
    share = len(entries) // clients
    parts = [entries[n * share : (n + 1) * share] for n in range(clients)]

    def work(part: list[Logged]) -> None:
        for entry in part:
            log.append(entry)

    threads = [threading.Thread(target=work, args=(part,)) for part in parts]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return share * clients / (time.perf_counter() - begin)


def one_client(folder: Path, entries: list[Logged]) -> list[tuple[str, list[float]]]:
    """Microseconds of the parts of a call, and of all of it."""
    log = PredictionLog(folder / "one", PATIENT)
    synced = PredictionLog(folder / "synced", LogOptions(wait_ms=60_000, sync="batch"))
    rows = [
        ("a hand-over to a thread that does nothing", each_us(hand_over(), entries)),
        ("`append`", each_us(log.append, entries)),
        ("`append`, synced to the disk", each_us(synced.append, entries[:500])),
        ("making its line, a part of it", each_us(line_of, entries)),
        ("hashing the ids of 40 events, before it", each_us(rehashed, entries[:5000])),
    ]
    log.close()
    synced.close()
    return rows


def rehashed(entry: Logged) -> None:
    """The hashes of as many ids as the entry has."""
    event_hashes(map(str, range(EVENTS)))


def reading(folder: Path, entries: list[Logged]) -> list[tuple[str, str]]:
    """Seconds of reading a log, of finding in it and of forgetting."""
    lines = sum(1 for _ in read_log(folder, "shop"))
    name = entries[7].subject
    assert name is not None
    rows = []
    for what, work in (
        ("reading all", lambda: sum(1 for _ in read_log(folder, "shop"))),
        ("finding one", lambda: find(folder, entries[-1].id)),
        ("forgetting a subject", lambda: forget(folder, name)),
    ):
        begin = time.perf_counter()
        work()
        taken = time.perf_counter() - begin
        rows.append((what, f"{taken:.2f} s, {lines / taken:,.0f} lines a second"))
    return rows


def main() -> None:
    """Measure and print Markdown."""
    entries = [made(number) for number in range(20_000)]
    assert entry_of(line_of(entries[3])) == entries[3]
    with tempfile.TemporaryDirectory() as folder:
        rows = one_client(Path(folder), entries)
        base = float(np.median(rows[0][1]))
        print(f"A line has {len(line_of(entries[3])):,} bytes. One client:\n")
        print("| | median us | 99 % us | to a hand-over |\n|---|---|---|---|")
        for name, times in rows:
            half, most = np.percentile(times, [50, 99])
            print(f"| {name} | {half:.1f} | {most:.1f} | {half / base:.2f} |")
        log = PredictionLog(Path(folder) / "many", PATIENT)
        print("\n| clients | entries a second | to one client |\n|---|---|---|")
        first = 0.0
        for clients in (1, 10, 100):
            rate = per_second(log, clients, entries)
            first = first or rate
            print(f"| {clients} | {rate:,.0f} | {rate / first:.1f} |")
        begin = time.perf_counter()
        for start in range(0, len(entries), 256):
            log.append_all(entries[start : start + 256])
        rate = len(entries) / (time.perf_counter() - begin)
        print(f"| 1, 256 at a time | {rate:,.0f} | {rate / first:.1f} |")
        log.close()
        assert log.counts.written == 4 * len(entries)
        print("\n| 80,000 lines | |\n|---|---|")
        for name, said in reading(Path(folder) / "many", entries):
            print(f"| {name} | {said} |")


if __name__ == "__main__":
    main()
