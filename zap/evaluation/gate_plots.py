"""The charts of a retraining's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zap.encoding.columns import FloatArray
from zap.evaluation.plots import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    axes_of_chart,
    figure_of,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDEST = 2.5


def checks_figure(checks: Sequence[Mapping[str, Any]]) -> Figure:
    """Each check on a scale from its least to its most, its past beside it.

    Args:
        checks: those with a past and a bound; a bound that is missing is taken to lie
            as far from the middle of the past as the other.
    """
    with axes_of_chart(1.0 + 0.3 * len(checks)) as axes:
        places = np.arange(len(checks))[::-1]
        axes.axvspan(-1, 1, color=PALE, alpha=0.5, linewidth=0)
        for place, check in zip(places, checks, strict=True):
            past = places_of(check, check["past"])
            colour, marker = (BLUE, "D") if check["passed"] else (ORANGE, "X")
            at = places_of(check, [check["value"]])
            axes.plot(at, [place], marker, color=colour, markersize=7)
            axes.plot(past, np.full(len(past), place), "o", color=GREY, markersize=3.5)
        axes.set_yticks(places, [check["name"] for check in checks])
        axes.tick_params(axis="y", labelsize=8)
        axes.set(xlim=(-_WIDEST - 0.2, _WIDEST + 0.2))
        axes.set_xticks([-1, 0, 1], ["least", "usual", "most"])
        axes.grid(False, axis="y")
    return figure_of(axes)


def differences_figure(beside: Sequence[Mapping[str, Any]]) -> Figure:
    """AUC of the new version less that of each reference, with intervals."""
    with axes_of_chart(1.2 + 0.6 * len(beside)) as axes:
        places = np.arange(len(beside))[::-1]
        for place, one in zip(places, beside, strict=True):
            colour = BLUE if one["passed"] else ORANGE
            axes.plot([one["low"], one["high"]], [place, place], color=colour)
            axes.plot([one["difference"]], [place], "o", color=colour, markersize=7)
            axes.plot([one["bound"]], [place], "|", color=INK, markersize=14)
        axes.axvline(0, color=GREY, linewidth=1)
        axes.axvline(beside[0]["margin"], color=ORANGE, linestyle=":", linewidth=1.4)
        names = [(one["version"] or "baseline")[:8] for one in beside]
        axes.set_yticks(places, names, family="monospace")
        axes.set(ylim=(-0.6, len(beside) - 0.4), xlabel="difference in AUC")
        axes.grid(False, axis="y")
    return figure_of(axes)


def live_figure(
    names: Sequence[str], values: Sequence[float], reach: Sequence[float]
) -> Figure:
    """The live model's AUC run by run, with intervals."""
    with axes_of_chart(2.9) as axes:
        axes.errorbar(
            np.arange(len(names)),
            values,
            yerr=np.array(reach),
            color=BLUE,
            marker="o",
            capsize=3,
        )
        axes.set_xticks(np.arange(len(names)), names, rotation=40, ha="right")
        axes.tick_params(axis="x", labelsize=8)
        axes.set(ylabel="AUC of the live version, 95 %")
    return figure_of(axes)


def places_of(check: Mapping[str, Any], values: Sequence[float]) -> FloatArray:
    """Values on the scale of a check: 0 is the median of its past, -1 and 1 its bounds.

    Each side has a scale of its own: of a number that may be half or double, the
    bounds lie unequally far from what is usual, and half is not nearly too little.
    """
    middle = float(np.median(check["past"]))
    reach = [
        abs(bound - middle)
        for bound in (check["low"], check["high"])
        if bound is not None
    ]
    below, above = (
        abs(bound - middle) if bound is not None else reach[0]
        for bound in (check["low"], check["high"])
    )
    off = np.asarray(values, np.float64) - middle
    side = np.maximum(np.where(off < 0, below, above), 1e-12)
    return np.asarray(np.clip(off / side, -_WIDEST, _WIDEST))
