"""The chart of all versions over time, and which of them was live when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from zap.evaluation.plots import (
    BLUE,
    GREY,
    ORANGE,
    figure_in_style,
    reach,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RANKINGS = {
    "binary": ("auc", "AUC"),
    "classes": ("auc_mean", "mean AUC"),
    "amount": ("gini", "Gini"),
}
"""How well a model ranks, by its kind: the key in metrics, and its name."""
_MOST_NAMES = 12


@dataclass(frozen=True)
class Point:
    """A version in a chart over time.

    Attributes:
        name: short.
        when: it was added.
        value, low, high: how well it ranks, and the interval of that.
        was_live: whether it ever was.
    """

    name: str
    when: datetime
    value: float
    low: float
    high: float
    was_live: bool


@dataclass(frozen=True)
class Change:
    """Another version became live.

    Attributes:
        when: that was.
        action: "deploy" or "revert".
        value: how well the version ranks that became live; NaN where it is not in the
            chart, and then the line of the live version has a gap.
    """

    when: datetime
    action: str
    value: float


def versions_figure(
    points: Sequence[Point],
    changes: Sequence[Change],
    measure: str,
    left_out: int = 0,
) -> Figure:
    """How well each version ranks, by when it was added; and which was live when.

    Args:
        points: the versions, at least one.
        changes: deployments and reverts, the first first.
        measure: the name of what is shown.
        left_out: how many versions have no such measure; the chart says so.
    """
    with figure_in_style(8.8, 4.0) as figure:
        axes = figure.add_subplot()
        _points(axes, points)
        moments = [p.when for p in points] + [change.when for change in changes]
        first, last = min(moments), max(moments)
        room = max((last - first) * 0.04, timedelta(milliseconds=500))
        if changes:
            whens = [*(change.when for change in changes), last + room]
            values = [*(change.value for change in changes), changes[-1].value]
            axes.step(
                whens,  # type: ignore[arg-type]
                values,
                where="post",
                color=ORANGE,
                linewidth=1.6,
                label="the live version",
                zorder=1,
            )
        for action, marker, label in (
            ("deploy", "^", "deployed"),
            ("revert", "v", "reverted to"),
        ):
            some = [change for change in changes if change.action == action]
            if some:
                axes.scatter(
                    [change.when for change in some],  # type: ignore[arg-type]
                    [change.value for change in some],
                    marker=marker,
                    s=70,
                    color=ORANGE,
                    edgecolor="white",
                    label=label,
                    zorder=4,
                )
        axes.set_xlim(first - room, last + room)  # type: ignore[arg-type]
        axes.set(xlabel="added, or deployed (UTC)", ylabel=f"{measure}, 95 % interval")
        axes.margins(y=0.12)
        if left_out:
            axes.set_title(without(left_out, measure), loc="left", fontsize=8)
        date_axis(axes)
        figure.legend(loc="outside upper center", ncols=5)
    return figure


def without(left_out: int, measure: str) -> str:
    """That versions are not in a chart, and why."""
    which = (
        "1 version, which has" if left_out == 1 else f"{left_out} versions, which have"
    )
    return f"Without {which} no {measure}"


def _points(axes: Axes, points: Sequence[Point]) -> None:
    for was_live, label in ((True, "was live"), (False, "never was")):
        some = [point for point in points if point.was_live == was_live]
        if not some:
            continue
        values = [point.value for point in some]
        axes.errorbar(
            [point.when for point in some],  # type: ignore[arg-type]
            values,
            yerr=reach(values, [p.low for p in some], [p.high for p in some]),
            color=BLUE if was_live else GREY,
            marker="o",
            markersize=6,
            markerfacecolor=BLUE if was_live else "white",
            linestyle="none",
            elinewidth=1.2,
            capsize=3,
            label=f"a version that {label}",
            zorder=3,
        )
    if len(points) <= _MOST_NAMES:
        for point in points:
            axes.annotate(
                point.name,
                (point.when, point.high),
                (0, 5),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                family="monospace",
            )


def date_axis(axes: Axes) -> None:
    """Dates along the axis below, as short as they can be told."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    named = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(named)
