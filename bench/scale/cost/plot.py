"""Measured jobs and the model's line through them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.scale.cost.fit import fitted, job_of_run
from bench.scale.cost.runs import sized
from zap.beam.cost import Job, told
from zap.evaluation.plots import BLUE, GREY, ORANGE, figure_in_style, save_figure


def draw(runs: Sequence[Mapping[str, Any]], held_out: int, path: Path) -> None:
    """Draw CPU seconds and a worker's memory by the number of events."""
    seen = [run for run in runs if run["crowd"]["events"] != held_out]
    found = fitted(seen)
    alike = [run for run in runs if run["run"] == sized(run["crowd"]["events"]).name]
    alike.sort(key=lambda run: run["crowd"]["events"])
    jobs = [job_of_run(run) for run in alike]
    with figure_in_style(9.0, 3.4) as figure:
        cpu, memory = figure.subplots(1, 2)
        _panel(cpu, alike, held_out, "cpu_seconds", 1.0)
        cpu.plot(*_line(found["CPU_SECONDS"], jobs, Job.work, 1.0), color=GREY)
        cpu.set_yscale("log")
        cpu.set_ylabel("CPU seconds")
        _panel(memory, alike, held_out, "worker_bytes", 1e6)
        memory.plot(*_line(found["WORKER_BYTES"], jobs, Job.memory, 1e6), color=GREY)
        memory.set_ylabel("MB of the largest process")
        memory.set_ylim(bottom=0)
        for axes in (cpu, memory):
            axes.set_xscale("log")
            axes.set_xlabel("events")
        save_figure(figure, path)


def _panel(axes: Any, runs: Any, held_out: int, figure: str, unit: float) -> None:
    for out, color, marker in ((False, BLUE, "o"), (True, ORANGE, "D")):
        own = [run for run in runs if (run["crowd"]["events"] == held_out) == out]
        values = [run[figure] / unit for run in own]
        events = [run["crowd"]["events"] for run in own]
        label = "held out" if out else "measured"
        axes.plot(events, values, marker, color=color, label=label)
    axes.legend()


def _line(coefficients: Any, jobs: Sequence[Job], sizes: Any, unit: float) -> Any:
    told_of = [told(coefficients, sizes(job)) / unit for job in jobs]
    return np.array([job.events for job in jobs]), np.array(told_of)
