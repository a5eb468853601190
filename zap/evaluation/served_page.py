"""The report of an analysis: what became of the predictions, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.evaluation import served_sections as own
from zap.evaluation.cards import cards
from zap.evaluation.glossary import words
from zap.evaluation.headline import headline
from zap.evaluation.moments_section import moments
from zap.evaluation.page import Section, escape, page, paragraph, table
from zap.evaluation.report import results_of
from zap.evaluation.slices_section import slices
from zap.evaluation.words import decimal, error, plural


def analysis_html(analysis: Mapping[str, Any]) -> tuple[str, list[Section]]:
    """The page, and its sections.

    Args:
        analysis: as ``zap.jobs.analyse.job.analyse`` gives it.
    """
    sections = sections_of(analysis)
    title = f"{analysis['application']}: what became of the predictions"
    opening = "\n".join(
        [
            paragraph(f"{analysis['application']}, in service", "kicker"),
            f"<h1>{escape(analysis['question'])}</h1>",
            paragraph(said_first(analysis), "headline"),
            cards(analysis["matured"]) if analysis["matured"]["n"] else "",
        ]
    )
    footer = f"Made by Zap on {analysis['made_at'][:16].replace('T', ' ')} UTC."
    return page(title, opening, sections, footer), sections


def said_first(analysis: Mapping[str, Any]) -> str:
    """The whole in a sentence or two."""
    matured, waiting = analysis["matured"], analysis["immature"]["n"]
    rings = len(analysis["alarms"])
    alarm = f" {plural(rings, 'alarm')} ring." if rings > 1 else " 1 alarm rings."
    if not rings:
        alarm = " No alarm rings."
    if not matured["n"]:
        if not waiting:
            return f"No prediction could be joined with what happened later.{alarm}"
        wait = "waits" if waiting == 1 else "wait"
        return (
            f"No outcome is known yet; {plural(waiting, 'prediction')} {wait}.{alarm}"
        )
    later = f" {plural(waiting, 'prediction')} more wait for their outcome."
    said = headline(matured, "predictions that were served")
    return said + (later if waiting else "") + alarm


def sections_of(analysis: Mapping[str, Any]) -> list[Section]:
    """All sections, in their order."""
    matured = analysis["matured"]
    alarms, joined, versions, *others = own.found_of(analysis)
    judged: list[Section | None] = []
    if matured["n"]:
        judged = [*results_of(matured), firsts(matured), slices(matured)]
        judged.append(moments(matured))
    last = [words(matured)] if matured["n"] else []
    made = [alarms, joined, versions, *judged, *others, *last]
    return [section for section in made if section is not None]


def firsts(matured: Mapping[str, Any]) -> Section | None:
    """All predictions beside the first one of each subject."""
    first = matured.get("first_of_subjects")
    if not first:
        return None
    rows = [
        [
            name,
            f"{numbers['n']:,}",
            f"{decimal(numbers['auc'])} ({decimal(numbers['auc_low'])} to "
            f"{decimal(numbers['auc_high'])})",
            error(numbers["ece"]),
            error(numbers["ece_null_95"]),
        ]
        for name, numbers in (
            ("all predictions", matured),
            ("the first of each subject", first),
        )
    ]
    body = paragraph(
        "Subjects who are asked about often weigh more among all predictions. The "
        "first of each weighs all alike. The last would not do: whether somebody is "
        "asked about again depends on what happened."
    ) + table(["", "Number", "AUC", "ECE", "by chance"], rows)
    return Section("firsts", "Do a few subjects decide?", body)
