"""Charts of what a registry knows of its versions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from zap.bundles.bundle import Bundle
from zap.bundles.deployments import DEPLOY, REVERT
from zap.bundles.registry import Registry
from zap.errors import BundleError, RegistryError
from zap.evaluation.pair_plots import comparison_figure
from zap.evaluation.plots import save_figure
from zap.evaluation.version_plots import (
    Change,
    Point,
    versions_figure,
)
from zap.jobs.models import METRICS, overview

SHORT = 8


@dataclass(frozen=True)
class Drawn:
    """A chart of versions.

    Attributes:
        path: where it is.
        measure: the name of what it shows.
        left_out: the versions that are not in it, sorted: they have no such measure,
            as their labels are of another kind or nobody judged them.
    """

    path: Path
    measure: str
    left_out: list[str]


def draw_history(registry: Registry, path: str | Path) -> Drawn:
    """Draw how well each version ranks over time, and which was live when.

    Of several kinds of labels, that of the version which was added last is drawn.

    Raises:
        RegistryError: no version has metrics to draw.
        InputError: no picture has the path's ending.
        MissingExtraError: matplotlib is not installed.
    """
    log, values = registry.history(), overview(registry)
    ranked = [one for one in values if one["value"] is not None]
    if not ranked:
        raise RegistryError(
            f"Expected versions with metrics to draw. Received: registry="
            f"{registry.path}, whose versions have none. Leave --plot out."
        )
    measure = ranked[0]["measure"]
    same = {one["version"]: one for one in ranked if one["measure"] == measure}
    left_out = sorted({one["version"] for one in values} - set(same))
    were_live = {entry.live for entry in log}
    points = [
        Point(
            version[:SHORT],
            datetime.fromisoformat(one["added"]),
            one["value"],
            one["low"],
            one["high"],
            version in were_live,
        )
        for version, one in same.items()
    ]
    changes = [
        Change(
            datetime.fromisoformat(entry.when),
            entry.action,
            same[entry.version]["value"] if entry.version in same else math.nan,
        )
        for entry in log
        if entry.action in (DEPLOY, REVERT)
    ]
    figure = versions_figure(points, changes, measure, len(left_out))
    return Drawn(save_figure(figure, path), measure, left_out)


def draw_pair(one: Bundle, other: Bundle, path: str | Path) -> Path:
    """Draw two versions side by side.

    Raises:
        InputError: no picture has the path's ending.
        BundleError: their labels are of two kinds, or there are no metrics.
        MissingExtraError: matplotlib is not installed.
    """
    metrics = [bundle.json(METRICS) for bundle in (one, other)]
    kinds = [each.get("kind", "binary") for each in metrics]
    if kinds[0] != kinds[1]:
        raise BundleError(
            "Expected two versions with labels of one kind to draw. Received: "
            f"kinds={kinds}. Leave --plot out."
        )
    names = [bundle.version[:SHORT] for bundle in (one, other)]
    return save_figure(comparison_figure(names, metrics), path)
