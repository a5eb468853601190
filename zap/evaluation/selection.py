"""The section of a report on what was left out, and what late arrival costs.

A rule that leaves out bots moves the base rate, and with it AUC and ECE; without both
versions side by side nobody can tell a better model from an easier question.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zap.evaluation.page import Section, paragraph, table
from zap.evaluation.words import DASH, decimal, error, percent, plural, signed

Facts = Mapping[str, Any]

_REASONS = {
    "crawler": "known crawler, by its agent",
    "missing_agent": "sent no user agent",
    "rate": "page views faster than people read",
    "regularity": "page views as even as a clock",
}


def left_out(metrics: Facts, facts: Facts) -> Section | None:
    """What was left out by which rule, and the numbers with and without it."""
    selection = facts.get("selection") or {}
    variants = metrics.get("variants") or {}
    body = _reasons(selection) + _with_bots(variants.get("with_bots"))
    body += _not_judged(selection) + _late(variants.get("on_time"))
    if not body:
        return None
    return Section("left-out", "What was left out, and what that changes", body)


def _reasons(selection: Facts) -> str:
    """A table of the reasons, with label rates in and out."""
    reasons = selection.get("reasons") or {}
    if not reasons:
        return ""
    kept = selection["kept"]
    rows = [
        [
            reason_words(name),
            f"{found['events']:,}",
            f"{found['subjects']:,}",
            f"{found['examples']:,}",
            percent(found["label_rate"]),
        ]
        for name, found in reasons.items()
    ]
    rows.append(
        ["kept", DASH, DASH, f"{kept['examples']:,}", percent(kept["label_rate"])]
    )
    head = ["Reason", "Events", "Subjects", "Examples", "Positive"]
    return paragraph(
        "Events that a rule took for a bot's are left out of all parts. Subjects are "
        "those with such events; their examples, and how many of these are positive, "
        "are counted as if nothing had been left out."
    ) + table(head, rows)


def reason_words(reason: str) -> str:
    """A reason in plain words."""
    rule = reason.removeprefix("rule.")
    return _REASONS.get(reason, f"the site's own rule {rule!r}")


def _with_bots(variant: Facts | None) -> str:
    if not variant:
        return ""
    one, two = variant["as_is"], variant["variant"]
    return (
        "<h3>The test part with and without bots</h3>"
        + paragraph(_verdict(one, two))
        + _versions([("Without bots, as it is", one), ("With bots", two)])
    )


def _verdict(one: Facts, two: Facts) -> str:
    if one["auc"] is None or two["auc"] is None:
        return "In one of the two versions all have the same outcome."
    return (
        f"With the bots the base rate would be {percent(two['base_rate'])} instead of "
        f"{percent(one['base_rate'])}, the AUC of the same model {decimal(two['auc'])} "
        f"instead of {decimal(one['auc'])}, and its calibration error "
        f"{error(two['ece'])} instead of {error(one['ece'])}."
    )


def _versions(versions: Sequence[tuple[str, Facts]]) -> str:
    rows = [
        [
            name,
            f"{found['n']:,}",
            percent(found["base_rate"]),
            _interval(found),
            f"{error(found['ece'])} ({error(found['ece_null_95'])})",
        ]
        for name, found in versions
    ]
    head = ["", "Examples", "Base rate", "AUC (95 %)", "ECE (by chance up to)"]
    return table(head, rows)


def _interval(found: Facts) -> str:
    if found["auc"] is None:
        return DASH
    low, high = decimal(found["auc_low"]), decimal(found["auc_high"])
    return f"{decimal(found['auc'])} ({low} to {high})"


def _not_judged(selection: Facts) -> str:
    sessions = selection.get("not_judged")
    if not sessions:
        return ""
    return paragraph(
        f"{plural(sessions, 'session')} had page views enough for a rule on rate or "
        "regularity, which says nothing here: the clock of these events is coarser "
        "than a second, or its minutes stand still."
    )


def _late(variant: Facts | None) -> str:
    """What late arrival costs, on all examples and on those that it touches."""
    if not variant:
        return ""
    one, two, touched = variant["as_is"], variant["variant"], variant["touched"]
    share = variant["lacking"] / one["n"] if one["n"] else 0.0
    text = (
        f"{percent(share)} of the test examples ({variant['lacking']:,}) lack an event "
        f"that had happened and came too late to be seen."
    )
    paired = variant["paired"]
    if paired["auc_difference"] is not None:
        low, high = paired["auc_difference_low"], paired["auc_difference_high"]
        text += (
            f" Had all arrived on time, the AUC would be {decimal(two['auc'])} instead "
            f"of {decimal(one['auc'])}; on the {plural(paired['n'], 'example')} that "
            f"are in both, the difference is {signed(paired['auc_difference'])} (95 % "
            f"interval {signed(low)} to {signed(high)})."
        )
    versions = [
        ("As it is", one),
        ("All on time", two),
        ("Touched subjects, as it is", touched["as_is"]),
        ("Touched subjects, all on time", touched["variant"]),
    ]
    head = "<h3>What late arrival costs</h3>"
    return head + paragraph(text) + _versions(versions)
