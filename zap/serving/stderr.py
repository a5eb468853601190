"""Native libraries kept off stderr, where they write lines that no setting stops."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator


@contextlib.contextmanager
def silent_stderr() -> Iterator[None]:
    """Sends what is written to the descriptor of stderr to nowhere.

    For short calls into C++ only: it holds for all threads. Exceptions pass untouched.
    """
    kept, silent = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silent)
