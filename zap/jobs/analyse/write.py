"""Writes an analysis: a report for people, JSON for machines and for the console."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zap.bundles.folders import replace_file
from zap.evaluation.report import png_charts
from zap.evaluation.served_page import analysis_html

FILE, REPORT = "analysis.json", "analysis.html"


def write_analysis(analysis: Mapping[str, Any], folder: str | Path) -> Path:
    """Write ``analysis.json``, ``analysis.html`` and its charts as PNGs.

    Args:
        analysis: as ``analyse`` gives it.
        folder: is made; what is there of an earlier analysis is replaced.

    Returns:
        The report.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    html, sections = analysis_html(analysis)
    target = Path(folder)
    for name, content in png_charts(sections):
        _replace(target / "charts" / f"{name}.png", content)
    _replace(target / FILE, _json(analysis))
    _replace(target / REPORT, html.encode())
    return target / REPORT


def publish(analysis: Mapping[str, Any], log: str | Path) -> Path:
    """Put the analysis where the server's console looks for it: beside the log.

    Returns:
        The file.
    """
    target = Path(log) / str(analysis["application"]) / FILE
    _replace(target, _json(analysis))
    return target


def _json(analysis: Mapping[str, Any]) -> bytes:
    return f"{json.dumps(analysis, indent=1, allow_nan=False)}\n".encode()


def _replace(path: Path, content: bytes) -> None:
    """Write a file in one step: a reader sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)
