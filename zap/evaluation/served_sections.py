"""The sections of an analysis that no other report has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zap.evaluation import plots
from zap.evaluation.page import Section, paragraph, side_by_side, table
from zap.evaluation.served_drift_section import drifts
from zap.evaluation.served_offline import RANKING
from zap.evaluation.served_plots import FEW_OUTCOMES, auc_figure, rates_figure
from zap.evaluation.words import DASH, amount, decimal, error, percent, plural, signed

Analysis = Mapping[str, Any]
_REASONS = {
    "matured": "outcome known: judged below",
    "immature": "outcome not known yet: the label's window is still open",
    "dropped.no_events": "made without any event: nobody knew the subject",
    "dropped.repeated": "says again what an earlier one said",
    "dropped.no_subject": "names no subject",
    "dropped.not_in_archive": "of a subject that the archive does not have",
    "dropped.left_out_of_histories": "of a subject left out, as a bot or too large",
    "dropped.no_past_in_archive": "the archive has nothing of the subject by then",
    "dropped.before_the_archive": "made before the archive begins",
    "dropped.generator_error": "the generator raised an error",
    "dropped.no_label": "the generator gave no label",
}
_NUMBERS = {
    "unmatched": "share that the archive lacks",
    "overdue": "share overdue",
    "immature": "share not known yet",
    "auc": "AUC",
    "offline": "ranking, upper end of its interval",
    "ece": "calibration error",
    "drift": "PSI of the scores",
    "input_drift": "PSI of an input",
}
"""What a check holds against its limit; see ``zap.evaluation.served_alarms.Alarm``."""


def alarms(analysis: Analysis) -> Section:
    """What rings, and what was looked at."""
    rings = analysis["alarms"]
    if rings:
        body = "".join(
            paragraph(f"{_begun(each['said'])}.", "verdict warn") for each in rings
        )
    else:
        body = paragraph("No alarm rings.", "verdict")
    rows = [
        [
            ("! " if each["rings"] else "") + _NUMBERS[each["name"]],
            each["of"] or "all",
            f"{each['value']:.3g}",
            ("at least " if each["name"] in ("auc", "offline") else "up to ")
            + f"{each['limit']:.3g}",
        ]
        for each in analysis["checks"]
    ]
    if rows:
        body += table(["Number", "Of", "Found", "Passes"], rows, numbers_from=2)
    return Section("alarms", "Is anything wrong?", body)


def _begun(said: str) -> str:
    """A sentence with a capital at its beginning."""
    return said[:1].upper() + said[1:]


def joined(analysis: Analysis) -> Section:
    """What became of the predictions of the log."""
    counts = analysis["counts"]
    rows = [
        [said, f"{counts[f'predictions.{name}']:,}"]
        for name, said in _REASONS.items()
        if counts.get(f"predictions.{name}")
    ]
    rows += [
        [f"lines of the log: {name.rsplit('.', 1)[1]}", f"{number:,}"]
        for name, number in counts.items()
        if name.startswith("log.")
    ]
    observed = analysis["observed"]
    body = paragraph(
        f"{plural(counts['predictions.read'], 'prediction')} answered from "
        f"{analysis['since'][:16]} to {analysis['until'][:16]} (UTC), joined with "
        f"events observed from {observed['from'][:10]} until {observed['until'][:10]} "
        f"(exclusive, {observed['source']})."
    ) + table(["Predictions", "Number"], rows)
    return Section("joined", "What was joined?", body)


def waiting(analysis: Analysis) -> Section | None:
    """What is to be expected of those that have not matured."""
    found = analysis["immature"]
    if not found["n"]:
        return None
    body = paragraph(
        f"{plural(found['n'], 'prediction')} of {plural(found['subjects'], 'subject')} "
        f"have no known outcome yet. {_expected(found, analysis['kind'])} These are "
        "their own words: as good as the calibration of those that have matured."
    )
    overdue = analysis["predictions"]["overdue"]
    if overdue:
        body += paragraph(
            f"{plural(overdue, 'outcome')} should be known by the time of the last "
            "prediction: the archive is behind."
        )
    return Section("waiting", "What is still to come?", body)


def _expected(found: Analysis, kind: str) -> str:
    if kind == "amount":
        return f"Their predictions add up to {amount(found['expected'])}."
    if kind == "classes":
        pairs = zip(found["classes"], found["expected"], strict=True)
        numbers = ", ".join(f"{name} {number:,.0f}" for name, number in pairs)
        return f"By their predictions they will be, by class: {numbers}."
    return (
        f"By their own scores {found['expected']:,.0f} of them will turn positive "
        f"({percent(found['base_rate'])}), and in 95 of 100 cases "
        f"{found['expected_low']:,.0f} to {found['expected_high']:,.0f}; their AUC "
        f"would be {decimal(found['auc'])}."
    )


def versions(analysis: Analysis) -> Section:
    """Each version in service, and beside its evaluation."""
    name = RANKING[analysis["kind"]]
    shown = {"auc": "AUC", "auc_mean": "Mean AUC", "gini": "Gini"}[name]
    rows, remark = [], ""
    for each in analysis["by_version"]:
        numbers, pairs = each["numbers"], each["offline"] or {}
        remark = remark or pairs.get("remark", "")
        rows.append([each["version"]])
        rows.append(
            [
                "in service",
                f"{each['n']:,}",
                f"{numbers['n']:,}",
                _between(numbers, name),
                decimal(numbers.get("average_precision")),
                percent(numbers.get("base_rate")),
                error(numbers.get("ece")),
            ]
        )
        if name in pairs:
            rows.append(["in its evaluation", DASH, DASH, *_offline(pairs, name)])
            rows.append(["difference", DASH, DASH, *_differences(pairs, name)])
    head = ["", "Answered", "Matured", shown, "Av. precision", "Positive", "ECE"]
    body = table(head, rows) + (paragraph(remark, "note") if remark else "")
    return Section("versions", "As good as promised?", body)


def _between(numbers: Analysis, name: str) -> str:
    if numbers.get(name) is None:
        return DASH
    low, high = (decimal(numbers.get(f"{name}_{end}")) for end in ("low", "high"))
    return f"{decimal(numbers[name])} ({low} to {high})"


def _offline(pairs: Analysis, name: str) -> list[str]:
    told = {
        key.replace("offline", name, 1): value
        for key, value in pairs[name].items()
        if key.startswith("offline")
    }
    precision = pairs.get("average_precision", {}).get("offline")
    rate = pairs.get("base_rate", {}).get("offline")
    return [_between(told, name), decimal(precision), percent(rate), DASH]


def _differences(pairs: Analysis, name: str) -> list[str]:
    pair = pairs[name]
    shown = signed(pair["difference"])
    if pair.get("difference_low") is not None:
        low, high = signed(pair["difference_low"]), signed(pair["difference_high"])
        shown += f" ({low} to {high})"
    precision = pairs.get("average_precision", {}).get("difference")
    return [shown, signed(precision), DASH, DASH]


def days(analysis: Analysis) -> Section | None:
    """The days, of a yes or no, as charts; with one day there is nothing to draw."""
    known = [day for day in analysis["by_day"] if day["numbers"]["n"]]
    if analysis["kind"] != "binary" or len(known) < 2:
        return None
    charts = [
        plots.chart(
            "rates_by_day",
            rates_figure(known),
            "Mean prediction and share of positives by day.",
            "What was predicted for those who were asked about on a day, and what "
            "happened to them.",
        )
    ]
    if any(day["numbers"].get("auc") is not None for day in known):
        last = analysis["by_version"][-1]["offline"] or {}
        offline = last.get("auc", {}).get("offline")
        charts.append(
            plots.chart(
                "auc_by_day",
                auc_figure(known, offline),
                "AUC by day with 95 % intervals.",
                "How well each day's predictions rank. Hollow points say little: fewer "
                f"than {FEW_OUTCOMES} of either outcome, or an interval of no width.",
            )
        )
    width = known[0]["days"]
    said = "" if width == 1 else f"Each point stands for {width} days."
    body = (paragraph(said) if said else "") + side_by_side(
        *(chart.to_html() for chart in charts)
    )
    return Section("days", "Day by day", body, tuple(charts))


def notes(analysis: Analysis) -> Section | None:
    """What a reader should know."""
    if not analysis["notes"]:
        return None
    body = "".join(paragraph(note) for note in analysis["notes"])
    return Section("notes", "To be kept in mind", body)


def found_of(analysis: Analysis) -> Sequence[Section | None]:
    """All sections of this module that have something to show, in their order."""
    return [
        alarms(analysis),
        joined(analysis),
        versions(analysis),
        waiting(analysis),
        days(analysis),
        drifts(analysis),
        notes(analysis),
    ]
