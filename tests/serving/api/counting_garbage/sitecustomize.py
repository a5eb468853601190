"""Loaded by every process on whose path it is: at SIGUSR1 it looks for cycles."""

import gc
import os
import signal
from pathlib import Path
from typing import Any


def tell(*signal: Any) -> None:
    """Write how many objects nothing but a cycle held since the last time."""
    told = Path(os.environ["GARBAGE_FILE"])
    found = gc.collect()
    told.with_suffix(".part").write_text(str(found))
    told.with_suffix(".part").rename(told)


gc.disable()  # it is on again where the server says how often: nothing is found before
gc.enable = lambda: None
gc.set_threshold = lambda *often: None
gc.freeze = lambda: None
signal.signal(signal.SIGUSR1, tell)
