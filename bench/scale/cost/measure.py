"""One job, and what it took: CPU, the memory of each process, and what was shuffled."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from bench.data_path.measure import ROOT
from zap.beam.pipeline import SHUFFLE

EVERY_SECONDS = 0.1


def measured(
    raw: Path, generator: str, output: Path, workers: int, more: Sequence[str] = ()
) -> dict[str, Any]:
    """Run ``zap generate`` in a fresh process.

    Returns:
        ``seconds``, ``cpu_seconds`` (of all processes), ``worker_bytes`` (the most
        memory of its own that one process had), ``shuffle_bytes`` (on the disk at
        most), ``output_bytes``, ``examples``, ``histories``, ``counts``, ``digest``.

    Raises:
        RuntimeError: the job failed; the message ends with what it said.
    """
    shutil.rmtree(output, ignore_errors=True)
    argv = [
        *(sys.executable, "-m", "zap.cli.main", "generate", "--json", "--no-check"),
        *("--generator", f"bench.scale.cost.question:{generator}", "--input", str(raw)),
        *("--mapping", str(raw / "mapping.toml"), "--output", str(output)),
        *(f"--direct_num_workers={workers}", *more),
    ]
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    said = output.with_suffix(".log")
    began = time.perf_counter()
    with said.open("wb") as log:
        job = subprocess.Popen(argv, stdout=log, stderr=log, env=env, cwd=ROOT)
        watch = _Watch(job.pid, output)
        watch.start()
        _, status, used = os.wait4(job.pid, 0)
    seconds = time.perf_counter() - began
    watch.stop()
    job.returncode = os.waitstatus_to_exitcode(status)
    if job.returncode:
        raise RuntimeError(f"{' '.join(argv)}:\n{said.read_text()[-2_000:]}")
    manifest = json.loads((output / "manifest.json").read_text())
    written = sum(part["bytes"] for part in manifest["parts"])
    shutil.rmtree(output)
    said.unlink()
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used.ru_utime + used.ru_stime, 2),
        "load_before": round(watch.load, 1),
        "worker_bytes": watch.worker_bytes,
        "shuffle_bytes": watch.shuffle_bytes,
        "output_bytes": written,
        "examples": sum(each["examples"] for each in manifest["splits"].values()),
        "histories": manifest["counts"]["histories.kept"],
        "counts": manifest["counts"],
        "digest": manifest["digest"],
    }


class _Watch(threading.Thread):
    """Looks at a job, its processes and its disk again and again."""

    def __init__(self, pid: int, output: Path):
        super().__init__(daemon=True)
        self._pid = pid
        self._output = output
        self._over = threading.Event()
        self.load = os.getloadavg()[0]
        self.worker_bytes = 0
        self.shuffle_bytes = 0

    def run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            try:
                root = psutil.Process(self._pid)
                tree = [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            self.worker_bytes = max(self.worker_bytes, *map(_own_bytes, tree))
            self.shuffle_bytes = max(self.shuffle_bytes, self._spilled())

    def _spilled(self) -> int:
        """Bytes of the pieces that wait on the disk, in a folder beside the output."""
        total = 0
        for folder in self._output.parent.glob(f".*/{SHUFFLE}"):
            try:
                total += sum(each.stat().st_size for each in os.scandir(folder))
            except OSError:
                continue
        return total

    def stop(self) -> None:
        """End the watch."""
        self._over.set()
        self.join()


def _own_bytes(process: psutil.Process) -> int:
    """A process's share of memory: a page that it shares counts in part."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0
