"""The benchmark's figures as Markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

REFERENCE = "polars"
SMALLEST_FITTED = 2_500_000
"""Sizes from here on count for the exponent: before, the start weighs too much."""


def best(runs: Sequence[Mapping[str, Any]], name: str) -> Any:
    """The smallest figure of several runs."""
    return min(run[name] for run in runs)


def exponent(rows: Sequence[int], seconds: Sequence[float], start: float) -> float:
    """The power of the rows with which the time after the start grows.

    Args:
        rows: of each size.
        seconds: of each size.
        start: seconds of a tiny input.

    Returns:
        The slope of a line through the logarithms, by least squares; NaN for fewer than
        two sizes, or where a time is no longer than the start.

    Example:
        >>> round(exponent([10, 100, 1000], [3, 21, 201], start=1), 3)
        1.0
    """
    after = [each - start for each in seconds]
    if len(rows) < 2 or min(after) <= 0:
        return math.nan
    return float(np.polyfit(np.log(rows), np.log(after), 1)[0])


def time_table(figures: Mapping[str, Any]) -> str:
    """Seconds by contestant and size, and how many times the reference's."""
    rows = []
    for name, runs in figures["runs"].items():
        start = best(figures["start"][name], "seconds")
        cells = [f"{start:.2f}"]
        for size in figures["sizes"]:
            cells += _times(figures, name, size["events"])
        fitted = [
            (size["rows"], best(runs[size["events"]], "seconds"))
            for size in figures["sizes"]
            if size["rows"] >= SMALLEST_FITTED and size["events"] in runs
        ]
        power = exponent([r for r, _ in fitted], [s for _, s in fitted], start)
        cells.append("-" if math.isnan(power) else f"{power:.2f}")
        rows.append([name, *cells])
    header = ["", "start (s)"]
    for size in figures["sizes"]:
        header += [f"{size['rows']:,} rows (s)", "CPU (s)", f"of {REFERENCE}'s"]
    return table([*header, "exponent"], rows)


def _times(figures: Mapping[str, Any], name: str, events: int) -> list[str]:
    runs = figures["runs"][name].get(events)
    reference = figures["runs"].get(REFERENCE, {}).get(events)
    if not runs:
        return ["-"] * 3
    seconds = best(runs, "seconds")
    ratio = seconds / best(reference, "seconds") if reference else math.nan
    cpu = best(runs, "cpu_seconds")
    return [f"{seconds:.2f}", f"{cpu:.2f}", f"{ratio:.2f}x" if reference else "-"]


def memory_table(figures: Mapping[str, Any]) -> str:
    """Megabytes by contestant and size, beyond the start's in Arrow sizes."""
    rows = []
    for name, runs in figures["runs"].items():
        start = best(figures["start"][name], "peak_bytes")
        cells = [f"{start / 1e6:.0f}"]
        for size in figures["sizes"]:
            if not runs.get(size["events"]):
                cells += ["-", "-", "-"]
                continue
            found = runs[size["events"]]
            peak = best(found, "peak_bytes")
            cells += [
                f"{peak / 1e6:.0f}",
                f"{(peak - start) / size['arrow_bytes']:.2f}x",
                f"{best(found, 'output_bytes') / 1e6:.0f}",
            ]
        rows.append([name, *cells])
    header = ["", "start (MB)"]
    for size in figures["sizes"]:
        header += [f"{size['rows']:,} rows (MB)", "beyond, of Arrow's", "output (MB)"]
    return table(header, rows)


def size_table(figures: Mapping[str, Any]) -> str:
    """The inputs."""
    header = ["rows", "files (MB)", "as Arrow (MB)"]
    return table(
        header,
        [
            [
                f"{size['rows']:,}",
                f"{size['file_bytes'] / 1e6:.0f}",
                f"{size['arrow_bytes'] / 1e6:.0f}",
            ]
            for size in figures["sizes"]
        ],
    )


def equality_table(figures: Mapping[str, Any]) -> str:
    """Zap's examples against each reference's."""
    names = ("common", "unequal", "missing", "extra", "sampled")
    rows = [
        [name, *(f"{found[each]:,}" for each in names), found["first"] or "none"]
        for name, found in figures["equality"].items()
    ]
    header = ["zap against", "in both", "differ", "only zap's", "only its", "sampled"]
    return table([*header, "first difference"], rows)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
