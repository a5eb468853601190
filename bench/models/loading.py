"""What loading a bundle for serving costs: a fresh process imports, loads, asks."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_PROGRAM = """
import json, sys, time
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
before, begun = resident(), time.perf_counter()
from zap.serving.predictor import Predictor
imported = time.perf_counter()
predictor = Predictor.load(sys.argv[1])
loaded = time.perf_counter()
predictor.predict([], 1_700_000_000_000_000)
heavy = ["tensorflow", "keras", "lightgbm", "sklearn", "scipy", "apache_beam",
         "pyarrow", "matplotlib", "ai_edge_litert"]
print(json.dumps({
    "import_ms": 1e3 * (imported - begun),
    "load_ms": 1e3 * (loaded - imported),
    "first_ms": 1e3 * (time.perf_counter() - loaded),
    "mb": (resident() - before) / 1e6,
    "start_mb": before / 1e6,
    "loaded": [name for name in heavy if name in sys.modules],
    "not_loaded": [name for name in heavy if name not in sys.modules],
}))
"""


def loading(bundle: Path, repeats: int = 3) -> dict[str, Any]:
    """The fastest of several fresh processes that load a bundle and ask it once.

    Returns:
        import_ms, load_ms, first_ms (of the first prediction), mb (resident beyond
        Python's own), start_mb, and which heavy modules were loaded and which not.
    """
    runs = []
    for _ in range(repeats):
        command = [sys.executable, "-c", _PROGRAM, str(bundle)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        runs.append(json.loads(done.stdout))
    best: dict[str, Any] = min(runs, key=lambda r: r["import_ms"] + r["load_ms"])
    return best
