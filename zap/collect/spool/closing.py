"""Segments that nobody writes to, so that they can be written anew.

Where a writer runs, it is asked to begin a new segment; where none does, the spool is
held so that none begins.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zap.collect.spool.control import Control, Told, read_told
from zap.collect.spool.locks import take_writer
from zap.collect.spool.options import SpoolOptions, SpoolTaken
from zap.collect.spool.spool import Spool
from zap.errors import CollectError

_WAIT_S = 60.0


@contextmanager
def closed_up_to(folder: Path) -> Iterator[int]:
    """The number up to which nobody writes to any segment while this is held.

    Raises:
        CollectError: the writer does not answer.
    """
    until = time.monotonic() + _WAIT_S
    while True:
        told = read_told(folder) or Told()
        options = SpoolOptions(max_bytes=told.max_bytes or SpoolOptions.max_bytes)
        spool = _writer(folder, options)
        if spool is not None:
            with spool:
                yield spool.status().end
            return
        stop = _begun_anew(folder, until)
        if stop is not None:
            yield stop
            return


def _writer(folder: Path, options: SpoolOptions) -> Spool | None:
    """The spool, held so that no other writes to it; None where another does."""
    try:
        return Spool(folder, options)
    except SpoolTaken:
        return None


def _begun_anew(folder: Path, until: float) -> int | None:
    """Where the running writer has begun a new segment; None where it has ended."""
    control = Control(folder)
    try:
        asked = control.ask()
        while time.monotonic() < until:
            told = control.told()
            if told is not None and told.begun >= asked:
                return told.active
            free = take_writer(folder)
            if free is not None:
                os.close(free)
                return None
            time.sleep(0.01)
    finally:
        control.close()
    raise CollectError(
        f"Expected the spool's writer to begin a new segment within {_WAIT_S:.0f} s. "
        f"Received: {folder}, whose writer did not. Mend its disk, or restart it."
    )
