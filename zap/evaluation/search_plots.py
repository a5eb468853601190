"""The chart of a search for settings: what mattered, and how the trials went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zap.evaluation.plots import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PALE,
    as_percent,
    axes_of_chart,
    figure_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def search_figure(
    trials: Sequence[Mapping[str, Any]], importances: Mapping[str, float]
) -> Figure:
    """Two charts, one above the other.

    Args:
        trials: each with ``number``, ``state``, ``value`` (of complete ones, else
            None) and ``base``.
        importances: share of each setting; empty where too few trials are complete.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with axes_of_chart(5.8) as first:
        figure = figure_of(first)
        figure.clear()
        above, below = figure.subplots(2, 1, height_ratios=[3, 2])
        _values(above, trials)
        _importances(below, importances)
    return figure


def _values(axes: Axes, trials: Sequence[Mapping[str, Any]]) -> None:
    complete = [t for t in trials if t["value"] is not None]
    numbers = [t["number"] for t in complete]
    values = [t["value"] for t in complete]
    best = [min(values[: at + 1]) for at in range(len(values))]
    axes.plot(numbers, values, "o", color=PALE, mec=BLUE, ms=5, label="trial")
    axes.step(numbers, best, where="post", color=BLUE, linewidth=1.8, label="best")
    base = next((t["value"] for t in complete if t["base"]), None)
    if base is not None:
        axes.axhline(base, color=GREY, linestyle="--", linewidth=1.2, label="start")
    ended = {"pruned": ("|", GREY), "failed": ("x", ORANGE)}
    for state, (marker, colour) in ended.items():
        those = [t["number"] for t in trials if t["state"] == state]
        if those:
            axes.plot(
                those,
                [0.03] * len(those),
                marker,
                color=colour,
                ms=9,
                transform=axes.get_xaxis_transform(),
                label=state,
            )
    axes.set(xlabel="trial", ylabel="held-out loss, calibrated")
    axes.margins(y=0.15)
    axes.locator_params(axis="x", integer=True)
    axes.legend(loc="upper right", ncols=2)


def _importances(axes: Axes, importances: Mapping[str, float]) -> None:
    if not importances:
        axes.set_axis_off()
        text = "too few complete trials to say what mattered"
        axes.text(0.5, 0.5, text, ha="center", color=INK, transform=axes.transAxes)
        return
    names = sorted(importances, key=importances.__getitem__)
    shares = [importances[name] for name in names]
    axes.barh(names, shares, 0.72, color=BLUE)
    axes.set(xlabel="share in how the losses differ")
    axes.set_xlim(0, max(*shares, 0.01) * 1.1)
    as_percent(axes.xaxis)
    axes.grid(False, axis="y")
