"""The chart of two versions beside one another: calibration, and each measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zap.evaluation.plots import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    figure_in_style,
    name_reliability,
    reach,
    round_up,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Metrics = Mapping[str, Any]
_PANELS = (
    ("auc", "AUC"),
    ("auc_mean", "mean AUC"),
    ("gini", "Gini"),
    ("average_precision", "average\nprecision"),
    ("ece", "ECE"),
    ("log_loss", "log loss"),
    ("rmse", "RMSE"),
    ("deviance_explained", "deviance\nexplained"),
)
_LOOKS = ((ORANGE, "s", "white"), (BLUE, "o", BLUE))


def comparison_figure(names: Sequence[str], metrics: Sequence[Metrics]) -> Figure:
    """Calibration curves of two versions, and their measures side by side.

    Args:
        names: of the two.
        metrics: of the two, of one kind of label.
    """
    panels = [
        (key, name)
        for key, name in _PANELS
        if all(one.get(key) is not None for one in metrics)
    ]
    curves = all(one.get("kind", "binary") == "binary" for one in metrics)
    widths = ([2.6] if curves else []) + [1.0] * len(panels)
    with figure_in_style(1.5 * sum(widths) + 0.6, 4.1) as figure:
        grid = figure.add_gridspec(1, len(widths), width_ratios=widths)
        if curves:
            _curves(figure.add_subplot(grid[0, 0]), metrics)
        for place, (key, name) in enumerate(panels, start=int(curves)):
            _panel(figure.add_subplot(grid[0, place]), key, name, metrics)
        _name_both(figure, names)
    return figure


def _curves(axes: Axes, metrics: Sequence[Metrics]) -> None:
    parts = [one["calibration_curve"]["after"] for one in metrics]
    top = round_up(
        max(max(b["mean_prediction"], b["rate_high"]) for part in parts for b in part)
    )
    axes.plot([0, top], [0, top], color=GREY, linestyle="--", linewidth=1.2)
    for part, (colour, marker, fill) in zip(parts, _LOOKS, strict=True):
        rates = [b["positive_rate"] for b in part]
        axes.errorbar(
            [b["mean_prediction"] for b in part],
            rates,
            yerr=reach(
                rates, [b["rate_low"] for b in part], [b["rate_high"] for b in part]
            ),
            color=colour,
            marker=marker,
            markersize=5.5,
            markerfacecolor=fill,
            linewidth=1.4,
            elinewidth=1,
            capsize=2,
        )
    name_reliability(axes, top)
    axes.set_title("calibration (dashed: exactly right)", fontsize=10)


def _name_both(figure: Figure, names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    looks = [
        Line2D([], [], color=colour, marker=marker, markerfacecolor=fill, label=name)
        for name, (colour, marker, fill) in zip(names, _LOOKS, strict=True)
    ]
    figure.legend(handles=looks, loc="outside upper center", ncols=2)


def _panel(axes: Axes, key: str, title: str, metrics: Sequence[Metrics]) -> None:
    """One measure of both: points with intervals where there are, else bars from 0."""
    values = [one[key] for one in metrics]
    if all(one.get(f"{key}_low") is not None for one in metrics):
        lows, highs = (
            [one[f"{key}_{end}"] for one in metrics] for end in ("low", "high")
        )
        for place, (colour, marker, fill) in enumerate(_LOOKS):
            axes.errorbar(
                [place],
                values[place : place + 1],
                yerr=reach(values[place:][:1], lows[place:][:1], highs[place:][:1]),
                color=colour,
                marker=marker,
                markersize=8,
                markerfacecolor=fill,
                capsize=4,
            )
        room = 0.12 * max(max(highs) - min(lows), 1e-6)
        axes.set_ylim(min(lows) - room, max(highs) + room)
    else:
        axes.bar([0, 1], values, 0.62, color=[look[0] for look in _LOOKS])
        chance = [one.get(f"{key}_null_95") for one in metrics]
        for place, value in enumerate(chance):
            if value is not None:
                axes.hlines(value, place - 0.4, place + 0.4, INK, "--", lw=1.3)
        axes.set_ylim(0, 1.15 * max([*values, *(c for c in chance if c), 1e-6]))
        if any(chance):
            title += "\n(dashed: chance)"
    axes.set_xticks([0, 1], [f"{value:.3g}" for value in values], fontsize=9)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlim(-0.6, 1.6)
    axes.set_title(title, fontsize=10)
    axes.grid(False, axis="x")
