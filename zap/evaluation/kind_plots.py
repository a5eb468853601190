"""The charts of classes and of amounts, in the style of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

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
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, each with a marker of its own for prints in grey.
_LINES = (
    (BLUE, "o", "-"),
    (ORANGE, "s", "--"),
    ("#009E73", "^", "-."),
    ("#CC79A7", "D", ":"),
    ("#E69F00", "v", "-"),
)
MOST_LINES = len(_LINES)
_WIDE_RANGE = 20  # between the least and the largest bucket: logarithmic axes


def class_calibration_figure(classes: Sequence[Mapping[str, Any]]) -> Figure:
    """How often each class happened against its probability, a line for each class.

    Args:
        classes: those of the metrics, at most ``MOST_LINES``.
    """
    with axes_of_chart(3.8) as axes:
        buckets = [b for one in classes for b in one["calibration_curve"]["after"]]
        top = max(max(b["mean_prediction"], b["rate_high"]) for b in buckets)
        top = min(1.0, 1.05 * top)
        ends = (0, top)
        axes.plot(
            ends, ends, color=GREY, linestyle="--", linewidth=1.2, label="exactly right"
        )
        for one, line in zip(classes, _LINES, strict=False):
            _line(
                axes,
                one["calibration_curve"]["after"],
                ("positive_rate", "rate_low", "rate_high"),
                one["name"],
                line,
            )
        axes.set(
            xlim=ends,
            ylim=ends,
            xlabel="mean probability in the bucket",
            ylabel="share in which it happened",
        )
        _percent(axes)
        axes.legend(loc="upper left")
    return figure_of(axes)


def ranking_figure(classes: Sequence[Mapping[str, Any]]) -> Figure:
    """The AUC of each class with its interval, the baseline's beside it.

    Args:
        classes: those of the metrics whose AUC is defined.
    """
    with axes_of_chart(1.2 + 0.38 * len(classes)) as axes:
        places = np.arange(len(classes))[::-1]
        values = np.array([one["auc"] for one in classes])
        low = np.array([one["auc_low"] for one in classes], float)
        high = np.array([one["auc_high"] for one in classes], float)
        axes.barh(places, values - 0.5, 0.62, left=0.5, color=PALE)
        axes.errorbar(
            values,
            places,
            xerr=np.maximum([values - low, high - values], 0),
            color=BLUE,
            marker="o",
            linestyle="none",
            capsize=3,
            label="model",
        )
        baseline = [one["auc_baseline"] for one in classes]
        if None not in baseline:
            axes.plot(
                baseline,
                places - 0.22,
                color=ORANGE,
                marker="s",
                markerfacecolor="white",
                linestyle="none",
                label="baseline",
            )
        axes.set_yticks(places, [one["name"] for one in classes])
        least = min(0.5, *(v for v in (*low, *baseline) if v is not None))
        axes.set(xlim=(least, 1), xlabel="AUC against the other classes")
        axes.grid(False, axis="y")
        axes.legend(loc="lower right")
    return figure_of(axes)


def amount_calibration_figure(curve: Mapping[str, Any]) -> Figure:
    """Mean amount that came against the mean predicted, before and after.

    Args:
        curve: ``calibration_curve`` of the metrics: buckets by ``after``, ``before``.
    """
    after, before = curve["after"], curve.get("before")
    with axes_of_chart(3.8) as axes:
        ends = _ends([*after, *(before or ())])
        axes.plot(
            ends, ends, color=GREY, linestyle="--", linewidth=1.2, label="exactly right"
        )
        names = ("mean_observed", "observed_low", "observed_high")
        if before and before != after:
            _line(axes, before, names[:1], "before", (ORANGE, "s", ":"))
        same = not before or before == after
        label = "predicted" if same else "after recalibration"
        _line(axes, after, names, label, (BLUE, "o", "-"))
        if _is_wide(after):
            axes.set(xscale="log", yscale="log")
            _plain_numbers(axes)
        axes.set(
            xlim=ends,
            ylim=ends,
            xlabel="mean prediction in the bucket",
            ylabel="mean amount that came",
        )
        axes.legend(loc="upper left")
    return figure_of(axes)


def _percent(axes: Axes) -> None:
    from matplotlib.ticker import PercentFormatter

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1, symbol="%"))


def _line(
    axes: Axes,
    buckets: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    label: str,
    line: tuple[str, str, str],
) -> None:
    """A curve of buckets; names of the height and, with bars, of its interval."""
    across = [bucket["mean_prediction"] for bucket in buckets]
    columns = [
        np.array([np.nan if b[name] is None else b[name] for b in buckets], float)
        for name in names
    ]
    bars = None
    if len(columns) == 3:
        bars = np.maximum([columns[0] - columns[1], columns[2] - columns[0]], 0)
    colour, marker, style = line
    axes.errorbar(
        across,
        columns[0],
        yerr=bars,
        color=colour,
        marker=marker,
        markersize=5.5,
        linestyle=style,
        linewidth=1.5,
        elinewidth=1.0,
        capsize=2,
        label=label,
    )


def _is_wide(buckets: Sequence[Mapping[str, Any]]) -> bool:
    seen = [b[name] for b in buckets for name in ("mean_prediction", "mean_observed")]
    return bool(min(seen) > 0 and max(seen) > _WIDE_RANGE * min(seen))


def _ends(buckets: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Where both axes begin and end."""
    names = ("mean_prediction", "mean_observed", "observed_low", "observed_high")
    seen = [b[name] for b in buckets for name in names if b[name] is not None]
    if _is_wide(buckets):
        return min(v for v in seen if v > 0) / 1.3, max(seen) * 1.3
    room = 0.06 * (max(seen) - min(seen)) or 1.0
    low = 0.0 if min(seen) >= 0 else min(seen) - room
    return low, max(seen) + room


def _plain_numbers(axes: Axes) -> None:
    """Ticks of a logarithmic axis as the numbers that they are."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 3), numticks=8))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.tick_params(which="minor", length=0, color=INK)
