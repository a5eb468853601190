"""The coefficients of the cost model, fitted on measured runs, and their errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls

from zap.beam.cost import CPU_SECONDS, Job, told

Measured = Mapping[str, Any]


def job_of_run(run: Measured) -> Job:
    """The size of a measured job; its fields are its properties and the path."""
    crowd = run["crowd"]
    return Job(
        events=crowd["events"] + crowd["bot"],
        subjects=run["histories"],
        fields=run["properties"] + 1,
        examples=run["examples"],
        shards=run["shards"],
    )


Sizes = Callable[[Job], Mapping[str, float]]
WORK = ("job", "events", "values", "histories", "examples", "tables")
TARGETS: dict[str, tuple[str, tuple[str, ...], Sizes]] = {
    "CPU_SECONDS": ("cpu_seconds", WORK, Job.work),
    "SHUFFLE_BYTES": (
        "shuffle_bytes",
        ("events", "values", "histories", "pieces"),
        Job.work,
    ),
    "OUTPUT_BYTES": ("output_bytes", ("values", "histories", "examples"), Job.work),
    "WORKER_BYTES": ("worker_bytes", ("worker", "rows", "row values"), Job.memory),
}
"""Of each table of coefficients: the figure, its parts, and their sizes in a job."""

PIECES = {"CPU_SECONDS": CPU_SECONDS["pieces"]}


def fitted(runs: Sequence[Measured]) -> dict[str, dict[str, float]]:
    """Coefficients, none below 0, with the least squares of relative errors.

    The time of pieces is known from a measurement of its own (``pieces``): in a job of
    few millions it is lost in the noise.
    """
    found = {}
    for table, (figure, names, sizes) in TARGETS.items():
        rows = np.array([_row(sizes(job_of_run(run)), names) for run in runs])
        seen = np.array([run[figure] for run in runs], float)
        apart = PIECES.get(table, 0.0)
        if apart:
            seen -= [apart * job_of_run(run).work()["pieces"] for run in runs]
        # Columns to one scale, so that small coefficients are found as well.
        scale = rows.max(axis=0)
        solved, _ = nnls(rows / scale / seen[:, None], np.ones(len(runs)))
        found[table] = dict(zip(names, (solved / scale).tolist(), strict=True))
        if apart:
            found[table]["pieces"] = apart
    return found


def _row(sizes: Mapping[str, float], names: Sequence[str]) -> list[float]:
    return [sizes[name] for name in names]


def errors(
    coefficients: Mapping[str, Mapping[str, float]], run: Measured
) -> dict[str, float]:
    """How far the model is off a run, relative to what was measured."""
    job = job_of_run(run)
    return {
        figure: told(coefficients[table], sizes(job)) / run[figure] - 1
        for table, (figure, _, sizes) in TARGETS.items()
    }
