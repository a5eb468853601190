"""A command in a fresh process: its time, and the memory of all its processes."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

EVERY_SECONDS = 0.05
SHARES_SECONDS = 1.0
GROWN = 1.01
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Measured:
    """What a run cost.

    Attributes:
        seconds: wall time from start to end of the process.
        cpu_seconds: of it and the processes that it waited for.
        peak_bytes: most memory at once. Of one process that is the kernel's own high
            water mark (not the one of ``wait4``, which begins with the parent's size);
            of several, the largest sum seen of their proportional shares (PSS), in
            which a page that they share counts once. Shares are looked at each second,
            and whenever the resident sizes together are above all seen before: to tell
            them, the kernel walks over all pages and holds up who wants new ones.
        processes: most processes at once.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    processes: int

    def to_dict(self) -> dict[str, Any]:
        """The figures as a JSON object."""
        return asdict(self)


def measured(argv: Sequence[str]) -> Measured:
    """Run a command from the checkout.

    Raises:
        RuntimeError: it failed; the message ends with what it said.
    """
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(argv, stdout=said, stderr=said, env=env, cwd=ROOT)
        watch = _Watch(process.pid)
        watch.start()
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        watch.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            words = said.read()[-2_000:].decode(errors="replace")
            raise RuntimeError(f"{' '.join(argv)} failed:\n{words}")
    cpu_seconds = used.ru_utime + used.ru_stime
    return Measured(seconds, cpu_seconds, watch.peak_bytes, watch.processes)


class _Watch(threading.Thread):
    """Looks at a process and its children again and again."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self._pid = pid
        self._over = threading.Event()
        self._most_resident = 0
        self._looked = 0.0
        self.peak_bytes = 0
        self.processes = 1

    def run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            try:
                root = psutil.Process(self._pid)
                tree = [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            self.processes = max(self.processes, len(tree))
            pids = [it.pid for it in tree]
            seen = _kilobytes(self._pid, "status", "VmHWM:")
            if len(pids) > 1 and self._is_time(pids):
                shares = [_kilobytes(pid, "smaps_rollup", "Pss:") for pid in pids]
                seen = max(seen, sum(shares))
            self.peak_bytes = max(self.peak_bytes, seen * 1024)

    def _is_time(self, pids: Sequence[int]) -> bool:
        """Whether to look at shares: it is long ago, or more is resident than ever."""
        resident = sum(_kilobytes(pid, "status", "VmRSS:") for pid in pids)
        now = time.monotonic()
        grown = resident > GROWN * self._most_resident
        if not grown and now < self._looked + SHARES_SECONDS:
            return False
        self._most_resident = max(resident, self._most_resident)
        self._looked = now
        return True

    def stop(self) -> None:
        """End the watch."""
        self._over.set()
        self.join()


def _kilobytes(pid: int, file: str, name: str) -> int:
    """A line of what the kernel says of a process; 0 where it is gone."""
    try:
        text = Path(f"/proc/{pid}/{file}").read_text()
    except OSError:
        return 0
    found = (line.split() for line in text.splitlines() if line.startswith(name))
    return sum(int(words[1]) for words in found)
