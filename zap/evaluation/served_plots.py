"""The charts of an analysis of served predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from zap.evaluation.plots import (
    BLUE,
    GREY,
    ORANGE,
    PALE,
    as_percent,
    axes_of_chart,
    figure_of,
    from_zero,
    reach,
)
from zap.evaluation.version_plots import date_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Days = Sequence[Mapping[str, Any]]
FEW_OUTCOMES = 5


def rates_figure(days: Days) -> Figure:
    """What was predicted of each day and what happened, of what has matured."""
    known = [day for day in days if day["numbers"]["n"]]
    with axes_of_chart(2.9) as axes:
        when = _dates(known)
        for key, label, colour, line, marker in (
            ("mean_prediction", "predicted", GREY, "--", ""),
            ("base_rate", "happened", BLUE, "-", "o"),
        ):
            axes.plot(
                when,  # type: ignore[arg-type]
                [day["numbers"][key] for day in known],
                color=colour,
                linestyle=line,
                marker=marker,
                markersize=4,
                label=label,
            )
        axes.set(ylabel="share that turned positive", xlabel="asked on (UTC)")
        from_zero(axes)
        as_percent(axes.yaxis)
        date_axis(axes)
        axes.legend(loc="best")
    return figure_of(axes)


def auc_figure(days: Days, offline: float | None) -> Figure:
    """AUC of each day with its interval, and of the evaluation.

    Days with few outcomes are hollow and without an interval: with one positive a
    bootstrap knows of no other, and its interval would be a point.
    """
    known = [day for day in days if day["numbers"].get("auc") is not None]
    with axes_of_chart(2.9) as axes:
        for few in (False, True):
            some = [day for day in known if has_few(day["numbers"]) == few]
            if some:
                _aucs(axes, some, few)
        if offline is not None:
            axes.axhline(
                offline, color=ORANGE, linestyle=":", linewidth=1.6, label="test split"
            )
        axes.set(ylabel="AUC", xlabel="asked on (UTC)")
        date_axis(axes)
        figure_of(axes).legend(loc="outside upper center", ncols=2)
    return figure_of(axes)


def has_few(numbers: Mapping[str, Any]) -> bool:
    """Whether there are too few of an outcome for an interval to say anything.

    A day that is ranked without a fault has an interval of no width, too.
    """
    n, positives = numbers["n"], numbers["positives"]
    flat = numbers["auc_low"] == numbers["auc_high"]
    return bool(flat or min(positives, n - positives) < FEW_OUTCOMES)


def _aucs(axes: Axes, days: Days, few: bool) -> None:
    """The AUC of some days; of those with few outcomes without an interval."""
    values, lows, highs = (
        [day["numbers"][key] for day in days] for key in ("auc", "auc_low", "auc_high")
    )
    axes.errorbar(
        _dates(days),  # type: ignore[arg-type]
        values,
        yerr=None if few else reach(values, lows, highs),
        color=GREY if few else BLUE,
        marker="o",
        markersize=4,
        markerfacecolor="white" if few else BLUE,
        linestyle="none",
        elinewidth=1.0,
        capsize=2,
        label="few outcomes" if few else "served, 95 % interval",
    )


def drift_figure(drift: Mapping[str, Any]) -> Figure:
    """The shares of a distribution in service and in its reference, by bucket.

    Args:
        drift: as ``zap.evaluation.served_drift.drift`` gives it.
    """
    names = drift["buckets"]
    with axes_of_chart(1.2 + 0.32 * len(names)) as axes:
        places = np.arange(len(names))[::-1]
        _bars(axes, places + 0.2, drift["reference_shares"], PALE, "training")
        _bars(axes, places - 0.2, drift["shares"], BLUE, "served")
        axes.set_yticks(places, [_short(name) for name in names])
        axes.set(xlabel="share of the predictions")
        axes.grid(False, axis="y")
        as_percent(axes.xaxis)
        figure_of(axes).legend(loc="outside upper center", ncols=2)
    return figure_of(axes)


def _bars(axes: Axes, places: Any, shares: Any, colour: str, label: str) -> None:
    axes.barh(places, shares, 0.38, color=colour, label=label)


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:22]}..."


def _dates(days: Days) -> list[datetime]:
    return [datetime.fromisoformat(day["day"]).replace(tzinfo=UTC) for day in days]
