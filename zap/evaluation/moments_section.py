"""The section of a report that shows when in a session asking pays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zap.evaluation import plots
from zap.evaluation.page import Chart, Section, paragraph, side_by_side, table
from zap.evaluation.words import decimal, error, percent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLES = {
    "position": "By position in the session",
    "elapsed_seconds": "By time since the session began",
    "wait_seconds": "By time since the last event",
}
AXES = {
    "position": "events of the session so far",
    "elapsed_seconds": "time since the session began",
    "wait_seconds": "time since the last event",
}
_HEAD = ["", "Examples", "Positive", "Predicted", "AUC", "ECE (chance)"]
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def moments(metrics: Mapping[str, Any]) -> Section | None:
    """AUC and calibration against each kind of moment, or None where none varies."""
    found = metrics.get("moments")
    if not found:
        return None
    charts: list[Chart] = []
    body = ""
    asking = found.get("position", {}).get("asking")
    if asking:
        said = asking_said(found["position"]["bins"], asking)
        body += paragraph(said, "verdict")
    body += paragraph(
        "Each row and point is about the examples at that moment alone: those who got "
        "that far, and of two examples there which is likelier."
    )
    for name in TITLES:
        if name in found:
            bins = found[name]["bins"]
            pair = [_auc_chart(name, bins), _rate_chart(name, bins)]
            charts += pair
            body += f"<h3>{TITLES[name]}</h3>"
            body += side_by_side(*(chart.to_html() for chart in pair))
            body += table(_HEAD, [_row(name, each) for each in bins])
    return Section("moments", "When does asking pay?", body, tuple(charts))


def asking_said(bins: Sequence[Mapping[str, Any]], asking: Mapping[str, Any]) -> str:
    """The finding about when to ask, in a sentence or two.

    Args:
        bins: by position.
        asking: as ``zap.evaluation.moments.when_to_ask`` gives it.
    """
    earliest, best, highest = (
        bins[asking[name]] for name in ("earliest", "best", "highest")
    )
    place = bin_name("position", earliest)
    if asking["earliest"] == 0:
        said = f"Ask at once: at position {place} the AUC is {decimal(earliest['auc'])}"
        said += f", and waiting gains little ({decimal(best['auc'])} at best)."
    else:
        said = (
            f"Ask from position {place} on: the AUC is {decimal(earliest['auc'])} there"
            f", against {decimal(bins[0]['auc'])} at first, and "
            f"{percent(asking['share_of_subjects'])} of the subjects get that far, "
            f"{percent(asking['share_of_positives'])} of those who turn positive."
        )
    if highest["auc"] > best["auc"]:
        said += (
            f" At position {bin_name('position', highest)} it is "
            f"{decimal(highest['auc'])}, but most of those who turn positive never "
            "get there."
        )
    return said


def _row(name: str, each: Mapping[str, Any]) -> list[str]:
    low, high = decimal(each["auc_low"]), decimal(each["auc_high"])
    return [
        bin_name(name, each),
        f"{each['n']:,}",
        percent(each["base_rate"]),
        percent(each["mean_prediction"]),
        f"{decimal(each['auc'])} ({low} to {high})",
        f"{error(each['ece'])} ({error(each['ece_null_95_by_subject'])})",
    ]


def bin_name(name: str, each: Mapping[str, Any]) -> str:
    """A bin as a reader names it: "3", "6 to 7", "1 min to 5 min"."""
    low, high = each["from"], each["below"]
    if name == "position":
        first = 1 if low is None else int(low)
        if high is None:
            return f"{first:,} or more"
        last = int(high) - 1
        return f"{first:,}" if last <= first else f"{first:,} to {last:,}"
    if low is None:
        return f"under {duration(high)}"
    return (
        f"{duration(low)} to {duration(high)}"
        if high is not None
        else f"{duration(low)} or more"
    )


def duration(seconds: float) -> str:
    """A round time in its largest whole unit: 300 is "5 min"."""
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:,g} {unit}"
    return f"{seconds:,g} s"


def _auc_chart(name: str, bins: Sequence[Mapping[str, Any]]) -> Chart:
    said = ", ".join(f"{bin_name(name, b)}: {decimal(b['auc'])}" for b in bins)
    return plots.chart(
        f"moments_{name}_auc",
        auc_figure(name, bins),
        f"AUC by {AXES[name]}. {said}.",
        "How well the model ranks those who are asked at this moment, with a 95 % "
        "interval; at the dashed line it guesses.",
    )


def _rate_chart(name: str, bins: Sequence[Mapping[str, Any]]) -> Chart:
    said = ", ".join(
        f"{bin_name(name, b)}: {percent(b['mean_prediction'])} against "
        f"{percent(b['base_rate'])}"
        for b in bins
    )
    return plots.chart(
        f"moments_{name}_rate",
        rate_figure(name, bins),
        f"Mean prediction against positive rate by {AXES[name]}. {said}.",
        "What the model says on average at this moment, and how many turned positive. "
        "Where the lines part, predictions of this moment are off.",
    )


def auc_figure(name: str, bins: Sequence[Mapping[str, Any]]) -> Figure:
    """AUC of each bin with its interval.

    Args:
        name: the kind of moment.
        bins: ``moments.NAME.bins`` of the metrics.
    """
    with plots.axes_of_chart() as axes:
        places = np.arange(len(bins))
        auc, low, high = (
            np.array([np.nan if b[key] is None else b[key] for b in bins], float)
            for key in ("auc", "auc_low", "auc_high")
        )
        axes.fill_between(places, low, high, color=plots.PALE, linewidth=0)
        axes.plot(places, auc, color=plots.BLUE, marker="o", markersize=4.5)
        axes.axhline(0.5, color=plots.GREY, linestyle="--", linewidth=1.2)
        axes.set(ylabel="AUC")
        _moments_along(axes, name, bins)
    return plots.figure_of(axes)


def rate_figure(name: str, bins: Sequence[Mapping[str, Any]]) -> Figure:
    """Mean prediction and positive rate of each bin; arguments as ``auc_figure``."""
    with plots.axes_of_chart() as axes:
        places = np.arange(len(bins))
        for key, label, colour, marker, line in (
            ("base_rate", "turned positive", plots.ORANGE, "s", "--"),
            ("mean_prediction", "predicted", plots.BLUE, "o", "-"),
        ):
            axes.plot(
                places,
                [each[key] for each in bins],
                color=colour,
                marker=marker,
                markersize=4.5,
                linestyle=line,
                label=label,
            )
        plots.from_zero(axes)
        plots.as_percent(axes.yaxis)
        axes.legend(loc="best")
        _moments_along(axes, name, bins)
    return plots.figure_of(axes)


def _moments_along(axes: Any, name: str, bins: Sequence[Mapping[str, Any]]) -> None:
    """The names of the bins below the chart, slanted where they are long."""
    names = [bin_name(name, each) for each in bins]
    slanted = sum(map(len, names)) > 45
    axes.set_xticks(
        range(len(bins)),
        names,
        rotation=45 if slanted else 0,
        ha="right" if slanted else "center",
        fontsize=8.5,
    )
    axes.set(xlabel=AXES[name])
