"""The report of a retraining: what was decided, and what it was decided on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zap.evaluation import plots
from zap.evaluation.gate_plots import checks_figure, differences_figure, live_figure
from zap.evaluation.page import (
    Chart,
    Section,
    escape,
    page,
    paragraph,
    side_by_side,
    table,
)
from zap.evaluation.words import DASH, decimal, error, signed

Stages = Sequence[Mapping[str, Any]]
_HEADINGS = {
    "passed": "Deployed",
    "refused": "Refused: the live version stays",
    "waiting": "Waiting for approval",
}


def retraining_html(
    application: str, run: str, stages: Stages, before: Sequence[Mapping[str, Any]]
) -> tuple[str, list[Chart]]:
    """The page of a run, and its charts.

    Args:
        application: its name.
        run: the run's name.
        stages: what each stage wrote, in order.
        before: earlier runs: ``run``, and what each stage wrote by its name.
    """
    found = {stage["stage"]: stage for stage in stages}
    last = stages[-1]
    kind = "verdict" if last["verdict"] == "passed" else "verdict warn"
    heading = _HEADINGS[last["verdict"]]
    opening = "\n".join(
        [
            paragraph(f"{application}, run {run}", "kicker"),
            f"<h1>{escape(heading)}</h1>",
            paragraph(f"{last['stage'].capitalize()}: {last['said']}.", kind),
        ]
    )
    made = [
        _steps(stages),
        _data(found.get("data")),
        _beside(found.get("validate")),
        _slices(found.get("validate")),
        _weeks(run, found, before),
    ]
    sections = [section for section in made if section is not None]
    footer = f"Made by Zap, {last['when']}."
    html = page(f"{application}: {heading}", opening, sections, footer)
    return html, [chart for section in sections for chart in section.charts]


def _steps(stages: Stages) -> Section:
    rows = [
        [
            stage["stage"],
            stage["verdict"],
            stage["said"],
            f"{stage['seconds']:.1f} s",
        ]
        for stage in stages
    ]
    window = stages[0]["figures"]
    held_out = window["held_out_from"]
    which = (
        f"Examples from {held_out[:10]} on" if held_out else "A part of the subjects"
    )
    body = paragraph(
        f"Events from {window['from'][:10]} until {window['until'][:10]} (exclusive). "
        f"{which} {'are' if held_out else 'is'} held out: the new model was not "
        "trained on them, nor was any that an earlier run made with the same hold-out."
    )
    shown = table(["Stage", "Verdict", "", "Time"], rows, numbers_from=3)
    return Section("stages", "What was done", body + shown)


def _data(stage: Mapping[str, Any] | None) -> Section | None:
    if stage is None:
        return None
    checks = stage["figures"]["checks"]
    past = stage["figures"]["runs_before"]
    rows = [
        [
            ("" if check["passed"] else "! ") + check["name"],
            _number(check["value"]),
            _range(check),
            ", ".join(_number(value) for value in check["past"][-4:]) or DASH,
        ]
        for check in checks
    ]
    said = f"Held against {past} accepted runs before."
    if past < 3:
        said += (
            " With fewer than three, reaches are doubled; with none, only absolute "
            "bounds hold."
        )
    body = paragraph(said)
    trusted = stage["figures"].get("trusted")
    if trusted:
        body += paragraph(
            f"Trusted by {trusted['who']} in spite of what is marked: "
            f"{trusted['why'] or 'no reason given'}.",
            "verdict warn",
        )
    bounded = [check for check in checks if len(check["past"]) >= 1 and _bounds(check)]
    charts: tuple[Chart, ...] = ()
    if bounded:
        charts = (
            plots.chart(
                "data_gate",
                checks_figure(bounded),
                "Each number of the data gate beside its past and its bounds.",
                "Each number on a scale of its own, from the least that passes over "
                "what is usual to the most. Grey points are earlier runs; blue is this "
                "one where it passes, a cross where it does not.",
            ),
        )
    head = ["", "Found", "Passes", "Runs before"]
    shown = table(head, rows)
    body += side_by_side(*(chart.to_html() for chart in charts), shown)
    return Section("data", "Does the feed look like itself?", body, charts)


def _beside(stage: Mapping[str, Any] | None) -> Section | None:
    if stage is None:
        return None
    figures = stage["figures"]
    rows = [
        [
            f"{one['what']} {one['version'] or ''}".strip(),
            decimal(one["auc_new"], 4),
            decimal(one["auc"], 4),
            f"{signed(one['low'])} to {signed(one['high'])}",
            signed(one["bound"]),
            signed(one["margin"]),
        ]
        for one in figures["beside"]
    ]
    head = ["Beside", "AUC", "its AUC", "Difference, 95 %", "Lower bound", "above"]
    chart = plots.chart(
        "differences",
        differences_figure(figures["beside"]),
        "AUC of the new version less that of each reference, with 95 % intervals.",
        "AUC of the new version less that of each reference, on the same "
        f"{figures['rows']:,} examples of {figures['subjects']:,} subjects. The tick "
        "is the one-sided lower 95 % bound; it must lie right of the dotted line.",
    )
    calibration = figures["calibration"]
    words = (
        f"Calibration error {error(calibration['ece'])}; by chance up to "
        f"{error(calibration['null_95'])}"
    )
    if calibration["ece_live"] is not None:
        low, high = signed(calibration["worse_low"]), signed(calibration["worse_high"])
        words += (
            f"; of the live version {error(calibration['ece_live'])}, and the new one "
            f"less that is {low} to {high} (95 %)"
        )
    kind = "verdict" if calibration["passed"] else "verdict warn"
    body = side_by_side(chart.to_html(), table(head, rows)) + paragraph(words, kind)
    for version, why in figures["passed_over"].items():
        body += paragraph(f"Version {version} could not be compared: {why}", "note")
    return Section("beside", "Is the new version as good?", body, (chart,))


def _slices(stage: Mapping[str, Any] | None) -> Section | None:
    if stage is None or not stage["figures"]["slices"]:
        return None
    rows = [
        [
            ("" if one["passed"] else "! ") + f"{one['statistic']}: {one['group']}",
            f"{one['n']:,}",
            decimal(one["auc_new"]),
            decimal(one["auc"]),
            f"{signed(one['low'])} to {signed(one['high'])}",
        ]
        for one in stage["figures"]["slices"]
    ]
    head = ["", "Examples", "AUC", "Live", "Difference, 95 %"]
    body = paragraph(
        "A slice fails where the whole interval of the difference lies below "
        f"{signed(stage['figures']['slices'][0]['margin'])}."
    ) + table(head, rows)
    return Section("slices", "For whom is it worse?", body)


def _weeks(
    run: str, found: Mapping[str, Any], before: Sequence[Mapping[str, Any]]
) -> Section | None:
    runs = [*before, {"run": run, **found}]
    points = [
        (one["run"][:10], one["data"]["figures"].get("examples") or {}, _end(one))
        for one in runs
        if "data" in one
    ]
    known = [each for each in points if each[1].get("auc") is not None]
    if len(known) < 2:
        return None
    chart = plots.chart(
        "live_auc",
        live_figure(
            [name for name, _, _ in known],
            [stats["auc"] for _, stats, _ in known],
            [1.96 * stats["auc_error"] for _, stats, _ in known],
        ),
        "AUC of the version that was live, on each run's newest examples.",
        "How well the version ranked that was live when each run began, on examples "
        "newer than any it had seen.",
    )
    rows = [[name, decimal(stats.get("auc")), end] for name, stats, end in points]
    body = side_by_side(chart.to_html(), table(["Run", "AUC of live", ""], rows))
    return Section("weeks", "Week by week", body, (chart,))


def _end(one: Mapping[str, Any]) -> str:
    last = [value for value in one.values() if isinstance(value, Mapping)][-1]
    return f"{last['stage']}: {last['verdict']}"


def _bounds(check: Mapping[str, Any]) -> bool:
    return check["low"] is not None or check["high"] is not None


def _range(check: Mapping[str, Any]) -> str:
    low, high = check["low"], check["high"]
    if low is None and high is None:
        return DASH
    if low is None:
        return f"at most {_number(high)}"
    if high is None:
        return f"at least {_number(low)}"
    return f"{_number(low)} to {_number(high)}"


def _number(value: float | None) -> str:
    if value is None:
        return DASH
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
