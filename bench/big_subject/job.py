"""One run of the benchmark, in a process of its own: prints what it cost as JSON."""

from __future__ import annotations

import importlib
import json
import resource
import sys
import time
from pathlib import Path

from bench.big_subject.question import Buys
from zap.beam.generate import GenerateOptions, generate
from zap.events.agents import agent_parser_version
from zap.events.mapping import EventMapping
from zap.histories import heavy


def peak_mb() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    """Make the dataset."""
    raw, output, frequent = sys.argv[1:]
    # Imports that a job makes while it runs.
    importlib.import_module("apache_beam.runners.portability.fn_api_runner.fn_runner")
    importlib.import_module("apache_beam.runners.worker.sdk_worker")
    agent_parser_version()
    heavy.FREQUENT = int(frequent)
    mapping = EventMapping.load(Path(raw) / "mapping.toml")
    imports = peak_mb()
    began, cpu = time.monotonic(), time.process_time()
    # In this process: what is measured, and FREQUENT, are of this process alone.
    options = GenerateOptions(check=False, beam_args=("--direct_num_workers=1",))
    made = generate(Buys(), [raw], mapping, output, options)
    counts = made.manifest["counts"]
    result = {
        "seconds": time.monotonic() - began,
        "cpu": time.process_time() - cpu,
        "imports_mb": imports,
        "peak_mb": peak_mb(),
        "digest": made.manifest["digest"],
        "dropped": counts.get("events.dropped.max_subject_events", 0),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
