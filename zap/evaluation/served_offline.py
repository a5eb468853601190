"""Served predictions beside what the model's evaluation had promised.

The two were measured on other people: the test split holds every cutoff of the rule,
service those who were asked about, later. So a difference is a sign and no proof; and
average precision moves with the base rate alone, which stands beside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from zap.bundles.target import AMOUNT, BINARY, CLASSES

Z = 1.959963984540054  # the normal distribution's 97.5 % quantile
RANKING = {BINARY: "auc", CLASSES: "auc_mean", AMOUNT: "gini"}
"""How well a model ranks, by its kind: the key in the metrics."""
REMARK = (
    "Those who were served are not those of the test split: other people, at moments "
    "that the site chose, later. A difference is a sign, no proof."
)


def beside_offline(
    served: Mapping[str, Any], offline: Mapping[str, Any], kind: str
) -> dict[str, Any]:
    """The measures of ranking in service and in the bundle's own evaluation.

    Args:
        served: what ``judge_served`` or ``brief`` found.
        offline: the bundle's ``metrics.json``.
        kind: of the target.

    Returns:
        For the measure of the kind, and of a yes or no also average_precision: served,
        offline, each with low and high where known, and difference with low and high
        (by the normal approximation, the two being independent). ``base_rate`` of both.
        Nothing for what one of them lacks.
    """
    found: dict[str, Any] = {"remark": REMARK}
    names = [RANKING[kind]] + (["average_precision"] if kind == BINARY else [])
    for name in names:
        if served.get(name) is not None and offline.get(name) is not None:
            found[name] = _pair(served, offline, name)
    for side, numbers in (("served", served), ("offline", offline)):
        if numbers.get("base_rate") is not None:
            found.setdefault("base_rate", {})[side] = numbers["base_rate"]
    return found


def _pair(
    served: Mapping[str, Any], offline: Mapping[str, Any], name: str
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for side, numbers in (("served", served), ("offline", offline)):
        found[side] = numbers[name]
        for end in ("low", "high"):
            found[f"{side}_{end}"] = numbers.get(f"{name}_{end}")
    found["difference"] = served[name] - offline[name]
    ours, theirs = _error(found, "served"), _error(found, "offline")
    if ours is not None and theirs is not None:
        reach = Z * math.hypot(ours, theirs)
        found["difference_low"] = found["difference"] - reach
        found["difference_high"] = found["difference"] + reach
    return found


def _error(found: Mapping[str, Any], side: str) -> float | None:
    """The standard error that an interval tells of."""
    low, high = found[f"{side}_low"], found[f"{side}_high"]
    return None if low is None or high is None else (high - low) / (2 * Z)
