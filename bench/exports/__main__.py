"""``python -m bench.exports``: rows a second of each export, and what memory it takes.

Each file is read into canonical events with two properties, as the main job does, and
by a plain loop that gives Python's own values, in turns in one process. Memory is the
growth of a fresh process that reads a file, and one four times as large.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.exports.loops import LOOPS, states_loop
from bench.exports.reading import peak_mb, read
from bench.exports.samples import write_samples, write_states
from zap.events.snapshot_events import write_snapshot_events
from zap.events.snapshot_states import SnapshotOptions

ROUNDS = 3


def snapshots(paths: list[Path]) -> int:
    """Compare two states; the number of events."""
    output = paths[0].with_suffix(".events")
    options = SnapshotOptions(key="id", times=("2024-03-01", "2024-03-02"))
    written = write_snapshot_events([str(path) for path in paths], output, options)
    output.unlink()
    return written.counts.total()


def timed(ours: Callable[[], int], loop: Callable[[], int]) -> tuple[float, float]:
    """Median seconds of both, run in turns; both must find as much."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        found = []
        for kept, work in zip(seconds, (ours, loop), strict=True):
            begin = time.perf_counter()
            found.append(work())
            kept.append(time.perf_counter() - begin)
        assert found[0] == found[1] > 0, found
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.exports")
    parser.add_argument("--rows", type=int, default=100_000)
    args = parser.parse_args()
    print(
        "| export | rows/s | plain loop, rows/s | ratio | memory, MB | at 4x rows |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_samples(folder, args.rows)
        large = write_samples(folder, 4 * args.rows)
        for export, path in paths.items():
            ours, loop = timed(
                lambda e=export, p=path: read(e, p),  # type: ignore[misc]
                lambda e=export, p=path: LOOPS[e](p),  # type: ignore[misc]
            )
            small, big = (peak_mb(export, each) for each in (path, large[export]))
            print(
                f"| {export} | {args.rows / ours:,.0f} | {args.rows / loop:,.0f} "
                f"| {loop / ours:.2f} | {small:,.0f} | {big:,.0f} |",
                flush=True,
            )
        states = write_states(folder, args.rows)
        ours, loop = timed(lambda: snapshots(states), lambda: states_loop(states))
        print(
            f"| two states of a table | {2 * args.rows / ours:,.0f} "
            f"| {2 * args.rows / loop:,.0f} | {loop / ours:.2f} | | |"
        )


if __name__ == "__main__":
    main()
