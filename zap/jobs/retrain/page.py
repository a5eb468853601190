"""The report of a run: all verdicts on one page, for who must approve."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from zap.evaluation.retraining_page import retraining_html
from zap.jobs.retrain.runs import RunFolder, runs_of


def write_page(folder: Path, run: RunFolder, path: Path) -> None:
    """Write a run's report, the runs before it beside it.

    Args:
        folder: of the application.
        run: whose report it is.
        path: the HTML file.
    """
    before = [other for other in runs_of(folder) if other.name < run.name]
    html, charts = retraining_html(
        folder.name, run.name, run.stages(), [_brief(other) for other in before[-12:]]
    )
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(html, "utf-8")
    aside.replace(path)
    for chart in charts:
        (path.parent / f"{chart.name}.png").write_bytes(chart.png)


def _brief(run: RunFolder) -> dict[str, Any]:
    """Of a run before: its name, and what its stages found."""
    return {"run": run.name, **{said["stage"]: said for said in run.stages()}}
