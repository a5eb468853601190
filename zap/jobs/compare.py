"""Two versions of a model beside one another: what they reach, and why they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.bundles.bundle import Bundle
from zap.evaluation.headline import summary_table
from zap.evaluation.words import flatten
from zap.jobs.models import METRICS, optional

MADE_OF = {
    "generator": ("generator", "digest"),
    "instance": ("instance",),
    "encoder": ("encoder_fingerprint",),
    "dataset": ("dataset",),
    "split": ("split",),
    "label": ("label",),
}
"""What two versions may share, and where ``bundle.json`` says so."""


def compare(one: Bundle, other: Bundle) -> dict[str, Any]:
    """What two versions have in common, and what not.

    Args:
        one, other: the two; pairs below are in this order.

    Returns:
        versions; measures, a list of rows (name, text, text), since the measures are
        those of the kind of label; metrics, a pair of the whole; observed, a pair;
        same, by name of what a model is made of; settings and packages, pairs by name
        of those that differ; and says, what is to be kept in mind.

    Raises:
        BundleError: a bundle has no metrics, or is damaged.
    """
    both = (one, other)
    metrics = [bundle.json(METRICS) for bundle in both]
    same = {
        name: _at(one.info, keys) == _at(other.info, keys)
        for name, keys in MADE_OF.items()
    }
    return {
        "versions": [bundle.version for bundle in both],
        "created": [bundle.info["created_at"] for bundle in both],
        "observed": [bundle.info.get("observed") for bundle in both],
        "measures": _rows([dict(summary_table(each)) for each in metrics]),
        "metrics": metrics,
        "same": same,
        "settings": _differ([_settings(bundle) for bundle in both]),
        "packages": _differ([dict(bundle.info.get("versions", {})) for bundle in both]),
        "says": _says(same),
    }


def _says(same: Mapping[str, bool]) -> str:
    if same["dataset"] and same["split"]:
        return (
            "Both were judged on the same examples, but each interval is of one "
            "version: the difference is surer than the two intervals look."
        )
    return (
        "They were judged on different examples, each on its own test split: a "
        "difference may lie in the examples. To hold both against the same ones: "
        "zap evaluate --bundle A --examples DIR, and again for B."
    )


def _settings(bundle: Bundle) -> dict[str, Any]:
    """The settings of the model, and what its calibration came to."""
    settings = dict(flatten(optional(bundle, "config.json")))
    calibrator = optional(bundle, "calibrator.json")
    if "kind" in calibrator:
        settings["calibrator"] = calibrator["kind"]
    return settings


def _rows(pair: list[dict[str, str]]) -> list[tuple[str, str, str]]:
    names = dict.fromkeys(name for each in pair for name in each)
    return [(name, pair[0].get(name, "-"), pair[1].get(name, "-")) for name in names]


def _differ(pair: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = sorted({name for each in pair for name in each})
    return {
        name: [each.get(name) for each in pair]
        for name in names
        if pair[0].get(name) != pair[1].get(name)
    }


def _at(info: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    found: Any = info
    for key in keys:
        found = found.get(key, {}) if isinstance(found, Mapping) else None
    return found
