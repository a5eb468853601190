"""One delivery a spool: two of them would write the same records at the same time."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zap.errors import CollectError

LOCK = "delivery.lock"
_STEP_S = 0.1


@contextmanager
def alone(folder: Path, patience_s: float) -> Iterator[None]:
    """Hold the right to deliver a spool; a process that ends lets go of it.

    Args:
        folder: of the spool; it is made, as a delivery may be there first.
        patience_s: how long to wait for another to end: one whose collector was killed
            finishes its batch.

    Raises:
        CollectError: another delivery goes on, or the folder can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise CollectError(
            "Expected the folder of a spool that can be written. "
            f"Received: spool={folder} ({error.strerror}). Name another, or let the "
            "user of this process write to it."
        ) from error
    try:
        _wait_for(descriptor, folder, time.monotonic() + patience_s)
        yield
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, folder: Path, until: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= until:
                raise CollectError(
                    "Expected a spool that no other process delivers. Received: "
                    f"spool={folder}. zap collect delivers its own spool; stop it, or "
                    "start it with --no-deliver."
                ) from None
        time.sleep(_STEP_S)


def delivered_by_another(folder: Path) -> bool:
    """Whether a process holds the right to deliver a spool at present."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
