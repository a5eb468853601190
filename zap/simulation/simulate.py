"""Makes a simulated shop: block after block, each in a file of its own.

What a block holds depends on the settings and its number alone, so the files are the
same however many processes make them, and however large the whole is, memory holds one
block for each process.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from zap import __version__
from zap.errors import InputError
from zap.simulation.block import make_block
from zap.simulation.folder import Folder
from zap.simulation.settings import Settings
from zap.simulation.tables import PERSONS
from zap.simulation.visitors import Visitors

_PILOT_PERSONS = 10_000
_PILOT_BLOCK = 2**31 - 1
_TEXTS = ("anonymous_id", "user_id", "event", "url", "referrer", "user_agent")
_CODED = [*_TEXTS, "campaign", "visit_number", "kind", "intent", "fault"]


@dataclass(frozen=True)
class Work:
    """One block to be made.

    Attributes:
        settings: of the simulation.
        output: its directory.
        number: of the block.
        persons: in the block.
    """

    settings: Settings
    output: str
    number: int
    persons: int


def simulate(
    settings: Settings,
    output: str | Path,
    workers: int = 1,
    replace: bool = False,
    watch: Callable[[int, int, int], Any] | None = None,
) -> Folder:
    """Make the events of a simulated shop, and their truth.

    Args:
        settings: what is made.
        output: the directory to be made.
        workers: processes; what is made does not depend on it.
        replace: whether a simulation at ``output`` may be replaced; it is there until
            the new one is whole.
        watch: called after each part with parts done, parts in all, and rows so far.

    Returns:
        The finished simulation.

    Raises:
        InputError: the output is taken, or workers is not a number of processes.
    """
    if not isinstance(workers, int) or not 1 <= workers <= 256:
        raise InputError(
            "Expected a number of processes from 1 to 256. Received: "
            f"workers={workers!r}. Change it."
        )
    folder = Folder(Path(output))
    with folder.making(settings, replace) as making:
        works = plan(settings, making)
        counts: Counter[str] = Counter()
        for done, made in enumerate(_made(works, min(workers, len(works))), 1):
            counts.update(made)
            if watch:
                watch(done, len(works), counts["rows"])
        making.finish(
            {
                "settings": settings.to_dict(),
                "counts": dict(counts),
                "parts": len(works),
                "versions": {"zap": __version__},
            }
        )
    return folder


def plan(settings: Settings, folder: Folder) -> list[Work]:
    """The blocks that give about as many rows as are asked for.

    How many rows a person gives is taken from a few people that are made and thrown
    away.
    """
    pilot = make_block(_visitors(settings), settings, _PILOT_BLOCK, _PILOT_PERSONS)
    rows_each = pilot.counts["rows"] / _PILOT_PERSONS
    persons = max(1, round(settings.events / rows_each))
    return [
        Work(settings, str(folder.path), number, min(PERSONS, persons - first))
        for number, first in enumerate(range(0, persons, PERSONS))
    ]


def _made(works: list[Work], workers: int) -> Iterator[Counter[str]]:
    """The counts of each block, in order, as they are made."""
    if workers == 1:
        yield from map(write_part, works)
        return
    # Not forked: pyarrow has threads, which a fork would lose with their locks held.
    context = get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin_worker) as pool:
        # Children inherit what is blocked: Ctrl-C meets none that is still importing.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            made = pool.map(write_part, works)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        try:
            yield from made
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _begin_worker() -> None:
    """One thread each; an interrupt is the parent's to handle."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@cache
def _visitors(settings: Settings) -> Visitors:
    return Visitors(settings)


def write_part(work: Work) -> Counter[str]:
    """Make a block and write its two files; what it counts."""
    block = make_block(
        _visitors(work.settings), work.settings, work.number, work.persons
    )
    paths = Folder(Path(work.output)).part_paths(work.number)
    for table, path in zip((block.events, block.truth), paths, strict=True):
        coded = [name for name in table.column_names if name in _CODED]
        pq.write_table(
            table,
            path,
            compression="zstd",
            compression_level=1,
            use_dictionary=coded,
            row_group_size=1 << 18,
        )
    return block.counts
