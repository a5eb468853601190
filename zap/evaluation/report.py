"""The report of an evaluation: one HTML file that stands alone.

A reader gets the answer in one sentence, then the charts that bear it out, then the
facts behind them. The report is a list of sections; what later stages find joins the
list.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zap.bundles.files import local_path
from zap.errors import InputError
from zap.evaluation import amount_sections, class_sections
from zap.evaluation import facts as fact_sections
from zap.evaluation import sections as result_sections
from zap.evaluation.cards import cards
from zap.evaluation.glossary import words
from zap.evaluation.headline import headline
from zap.evaluation.importance_section import importance
from zap.evaluation.learning import training
from zap.evaluation.moments_section import moments
from zap.evaluation.page import Section, escape, page, paragraph
from zap.evaluation.selection import left_out
from zap.evaluation.slices_section import slices

FACTS = (
    "scope",
    "created_at",
    "generator",
    "data",
    "splits",
    "counters",
    "selection",
    "encoder",
    "config",
    "calibration",
    "history",
    "versions",
)


def build_sections(
    metrics: Mapping[str, Any],
    facts: Mapping[str, Any],
    extra: Sequence[Section] = (),
) -> list[Section]:
    """The sections of a report: results, ``extra``, facts.

    Args:
        metrics: as ``evaluate`` returns them.
        facts: as for ``write_report``.
        extra: further results, shown after the usual ones.
    """
    results = [
        *results_of(metrics),
        moments(metrics),
        slices(metrics),
        importance(metrics),
        left_out(metrics, facts),
        *extra,
        training(facts.get("history")),
    ]
    behind = [
        fact_sections.data(facts),
        fact_sections.encoding(facts),
        fact_sections.model(facts),
        *fact_sections.others(facts, FACTS),
        fact_sections.versions(facts),
        words(metrics),
    ]
    return [section for section in [*results, *behind] if section is not None]


def results_of(metrics: Mapping[str, Any]) -> list[Section | None]:
    """The sections that show what was found, by the kind of label."""
    if metrics.get("kind") == "classes":
        return class_sections.results(metrics)
    if metrics.get("kind") == "amount":
        return amount_sections.results(metrics)
    return [
        result_sections.calibration(metrics),
        result_sections.segments(metrics),
        result_sections.comparison(metrics),
        result_sections.distribution(metrics),
    ]


def report_html(
    metrics: Mapping[str, Any],
    sections: Sequence[Section],
    *,
    title: str,
    question: str,
    scope: str = "",
    created_at: str = "",
) -> str:
    """The page, given its sections.

    Args:
        metrics: as ``evaluate`` returns them.
        sections: in order.
        title: the application or generator, as plain text.
        question: what is predicted, as a question.
        scope: which examples were judged, such as "the test split".
        created_at: when the report was made, as text.
    """
    opening = "\n".join(
        [
            paragraph(title, "kicker"),
            f"<h1>{escape(question)}</h1>",
            paragraph(headline(metrics, scope), "headline"),
            cards(metrics),
        ]
    )
    footer = "Made by Zap" + (f" on {created_at}" if created_at else "")
    footer += f". Intervals from {metrics['draws']:,} draws of subjects."
    return page(f"{title}: {question}", opening, sections, footer)


def write_report(
    path: str | os.PathLike[str],
    metrics: Mapping[str, Any],
    *,
    title: str,
    question: str,
    facts: Mapping[str, Any],
    extra: Sequence[Section] = (),
    pngs: str | os.PathLike[str] | None = None,
) -> Path:
    """Writes the report as one file that needs nothing else.

    Args:
        path: the HTML file; an older one is replaced at once, at the end.
        metrics: as ``evaluate`` returns them.
        title: the application or generator, as plain text.
        question: what is predicted, as a question.
        facts: what stands behind the result; every key may be missing. ``scope`` and
            ``created_at`` are texts; ``generator``, ``data``, ``encoder``, ``config``,
            ``calibration`` and ``versions`` are mappings, nested or flat; ``splits``
            maps the name of each split to its numbers; ``counters`` maps dotted names
            to counts; ``selection`` is that of the
            manifest; ``history`` is what training recorded of each epoch. A mapping
            under any other key becomes a section of its own.
        extra: further sections, after the results and before the facts.
        pngs: a directory that also receives each chart as a PNG.

    Returns:
        The path of the report.
    """
    if local_path(path) is None:
        raise InputError(
            "Expected a path of this machine for a report. Received: "
            f"path={path}. Write it here, and copy it."
        )
    sections = build_sections(metrics, facts, extra)
    html = report_html(
        metrics,
        sections,
        title=title,
        question=question,
        scope=str(facts.get("scope") or ""),
        created_at=str(facts.get("created_at") or ""),
    )
    target = Path(path)
    _write(target, html.encode("utf-8"))
    if pngs is not None:
        for name, content in png_charts(sections):
            _write(Path(pngs) / f"{name}.png", content)
    return target


def png_charts(sections: Sequence[Section]) -> Iterator[tuple[str, bytes]]:
    """Name and PNG of each chart of the sections."""
    for section in sections:
        for chart in section.charts:
            yield chart.name, chart.png


def _write(path: Path, content: bytes) -> None:
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
