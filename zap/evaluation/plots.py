"""The charts of a report, drawn with matplotlib and without any display.

A chart is drawn at the width of a phone's page, so that its letters stay readable there
and side by side on a desk. Colours are Okabe and Ito's, which the colour-blind tell
apart; markers and line styles differ too, for prints in grey. Figures are made without
pyplot, so nothing global changes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zap.errors import InputError, MissingExtraError
from zap.evaluation.page import Chart

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY, PALE, INK = "#0072B2", "#D55E00", "#8A8F98", "#BFD7EA", "#1B1F24"
WIDTH_INCHES, HEIGHT_INCHES = 4.4, 3.1
PNG_DOTS_PER_INCH = 160
PICTURES = (".png", ".svg", ".pdf")
_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E7EB",
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "svg.hashsalt": "zap",  # equal data give equal bytes
}


@contextmanager
def figure_in_style(width: float, height: float) -> Iterator[Figure]:
    """An empty figure in the report's style, to be drawn on.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("matplotlib", "train") from error
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        yield Figure(figsize=(width, height), layout="constrained")


@contextmanager
def axes_of_chart(height: float = HEIGHT_INCHES) -> Iterator[Axes]:
    """Axes of a new chart of the page's width, in the report's style.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    with figure_in_style(WIDTH_INCHES, height) as figure:
        yield figure.add_subplot()


def calibration_figure(curve: Mapping[str, Any]) -> Figure:
    """Share of positives against mean prediction, before and after calibration.

    Args:
        curve: ``calibration_curve`` of the metrics: buckets by ``after``, ``before``.
    """
    with axes_of_chart(3.8) as axes:
        buckets = [bucket for part in curve.values() for bucket in part or ()]
        top = round_up(max(max(b["mean_prediction"], b["rate_high"]) for b in buckets))
        axes.plot(
            [0, top],
            [0, top],
            color=GREY,
            linestyle="--",
            linewidth=1.2,
            label="exactly right",
        )
        if curve.get("before"):
            _reliability(axes, curve["before"], "before calibration", ORANGE, "s", 0.9)
        label = "after calibration" if curve.get("before") else "predictions"
        _reliability(axes, curve["after"], label, BLUE, "o", 1.6)
        name_reliability(axes, top)
        axes.legend(loc="upper left")
    return figure_of(axes)


def _reliability(
    axes: Axes,
    buckets: Sequence[Mapping[str, Any]],
    label: str,
    colour: str,
    marker: str,
    width: float,
) -> None:
    predicted = np.array([bucket["mean_prediction"] for bucket in buckets])
    rate = np.array([bucket["positive_rate"] for bucket in buckets])
    low = np.array([bucket["rate_low"] for bucket in buckets])
    high = np.array([bucket["rate_high"] for bucket in buckets])
    filled = marker == "o"
    axes.errorbar(
        predicted,
        rate,
        yerr=np.maximum([rate - low, high - rate], 0) if filled else None,
        color=colour,
        marker=marker,
        markersize=5.5,
        markerfacecolor=colour if filled else "white",
        linestyle="-" if filled else ":",
        linewidth=width,
        elinewidth=1.0,
        capsize=2,
        label=label,
    )


def distribution_figure(distribution: Mapping[str, Any]) -> Figure:
    """Which predictions positives got, and which negatives, each as shares of its own.

    Shares of the group, not counts: where one example in a hundred is positive, counts
    would hide all that matters.

    Args:
        distribution: the key of the same name of the metrics.
    """
    with axes_of_chart() as axes:
        edges = np.array(distribution["edges"])
        negatives, positives = (
            np.array(distribution[name]) / max(sum(distribution[name]), 1)
            for name in ("negatives", "positives")
        )
        axes.stairs(negatives, edges, color=PALE, fill=True, label="did not")
        axes.stairs(
            positives, edges, color=ORANGE, linewidth=1.8, label="turned positive"
        )
        axes.set(xlim=(0, edges[-1]), xlabel="prediction", ylabel="share of the group")
        axes.set_ylim(bottom=0)
        as_percent(axes.xaxis)
        as_percent(axes.yaxis)
        axes.legend(loc="upper right")
    return figure_of(axes)


def segments_figure(
    segments: Sequence[Mapping[str, Any]],
    key: str = "relative_odds",
    of: str = "times the average rate",
) -> Figure:
    """Relative odds of the five segments, very high on top.

    Args:
        segments: the key of the same name of the metrics, with known odds.
        key: what is drawn of each segment, 1 being the average.
        of: what it is, in words.
    """
    with axes_of_chart(2.5) as axes:
        odds = [segment[key] for segment in segments]
        places = np.arange(len(odds))[::-1]
        colours = [BLUE if value >= 1 else PALE for value in odds]
        axes.barh(places, odds, 0.72, color=colours)
        for place, value in zip(places, odds, strict=True):
            axes.annotate(
                f"{value:.2f}x",
                (value, place),
                (4, 0),
                textcoords="offset points",
                va="center",
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
            )
        axes.axvline(1, color=INK, linewidth=1.2, linestyle="--")
        axes.set_yticks(places, [segment["name"] for segment in segments])
        axes.set(xlim=(0, max(*odds, 1) * 1.18), xlabel=of)
        axes.grid(False, axis="y")
    return figure_of(axes)


def history_figure(epochs: Sequence[float], curves: Mapping[str, Any]) -> Figure:
    """Losses by epoch; the lowest of the last curve is marked.

    Args:
        epochs: the number of each epoch.
        curves: losses by name, each as long as ``epochs``; the one that stops
            training last.
    """
    with axes_of_chart(2.9) as axes:
        styles = [(GREY, "--", "s"), (BLUE, "-", "o")][-len(curves) :]
        for (name, values), (colour, line, marker) in zip(
            curves.items(), styles, strict=True
        ):
            axes.plot(
                epochs,
                values,
                color=colour,
                linestyle=line,
                marker=marker,
                markersize=4,
                label=name,
            )
        best = int(np.nanargmin(np.asarray(values, dtype=float)))
        axes.axvline(
            epochs[best], color=ORANGE, linewidth=1.4, linestyle=":", label="kept"
        )
        axes.set(xlabel="epoch", ylabel="loss")
        axes.locator_params(axis="x", integer=True)
        axes.legend(loc="upper right")
    return figure_of(axes)


def chart(name: str, figure: Figure, alt: str, caption: str) -> Chart:
    """The figure as a page shows it, and as a picture."""
    return Chart(name, alt, caption, to_svg(figure), to_png(figure))


def to_svg(figure: Figure) -> bytes:
    """The figure as SVG: letters as outlines, no date, so it is the same anywhere."""
    target = io.BytesIO()
    import matplotlib

    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]
        figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()


def to_png(figure: Figure) -> bytes:
    """The figure as PNG, at twice the dots of a common screen."""
    target = io.BytesIO()
    figure.savefig(
        target, format="png", dpi=PNG_DOTS_PER_INCH, metadata={"Software": None}
    )
    return target.getvalue()


def figure_of(axes: Axes) -> Figure:
    """The figure that the axes belong to."""
    from matplotlib.figure import Figure

    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    return figure


def reach(
    values: Sequence[float], lows: Sequence[float], highs: Sequence[float]
) -> list[list[float]]:
    """How far intervals reach below and above their values, as error bars want it."""
    return [
        [max(v - low, 0) for v, low in zip(values, lows, strict=True)],
        [max(high - v, 0) for v, high in zip(values, highs, strict=True)],
    ]


def round_up(value: float) -> float:
    """A round number somewhat above ``value``, at most 1."""
    for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8):
        if value * 1.05 <= step:
            return step
    return 1.0


def from_zero(axes: Axes) -> None:
    """Lets the axis upwards begin at 0, with room above the highest of what is drawn.

    The room that matplotlib leaves is a share of how far the values differ: of values
    that hardly do the highest would lie on the edge, and be cut.
    """
    axes.set_ylim(0, 1.06 * axes.dataLim.y1 or None)


def as_percent(axis: Any) -> None:
    """Shows the numbers along an axis as percent."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.4g}%"))


def name_reliability(axes: Axes, top: float) -> None:
    """What the axes of a calibration curve are, from 0 to ``top`` both."""
    axes.set(
        xlim=(0, top),
        ylim=(0, top),
        xlabel="mean prediction in the bucket",
        ylabel="share that turned positive",
    )
    as_percent(axes.xaxis)
    as_percent(axes.yaxis)


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure; the path's ending decides about the format.

    Raises:
        InputError: no picture has this ending.
    """
    check_picture(path)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=PNG_DOTS_PER_INCH)
    return target


def check_picture(path: str | Path) -> None:
    """Check that a path ends like a picture, before work is done for it.

    Raises:
        InputError: it does not.
    """
    if Path(path).suffix.lower() not in PICTURES:
        raise InputError(
            f"Expected a path that ends like a picture. Received: plot={path}. "
            "Use .png or .svg."
        )
