"""The charts of a registry: two versions beside one another, and all over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zap.errors import InputError
from zap.evaluation.plots import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    PNG_DOTS_PER_INCH,
    as_percent,
    figure_in_style,
    round_up,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Metrics = Mapping[str, Any]
RANKINGS = {
    "binary": ("auc", "AUC"),
    "classes": ("auc_mean", "mean AUC"),
    "amount": ("gini", "Gini"),
}
"""How well a model ranks, by its kind: the key in metrics, and its name."""
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
        value: how well the version ranks that became live.
    """

    when: datetime
    action: str
    value: float


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
            yerr=_reach(
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
    axes.set(
        xlim=(0, top),
        ylim=(0, top),
        xlabel="mean prediction in the bucket",
        ylabel="share that turned positive",
    )
    as_percent(axes.xaxis)
    as_percent(axes.yaxis)
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
                yerr=_reach(values[place:][:1], lows[place:][:1], highs[place:][:1]),
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


def versions_figure(
    points: Sequence[Point], changes: Sequence[Change], measure: str
) -> Figure:
    """How well each version ranks, by when it was added; and which was live when.

    Args:
        points: the versions, at least one.
        changes: deployments and reverts, the first first.
        measure: the name of what is shown.
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
        _dates(axes)
        figure.legend(loc="outside upper center", ncols=5)
    return figure


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure; the path's ending decides about the format.

    Raises:
        InputError: no picture has this ending.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        figure.savefig(target, dpi=PNG_DOTS_PER_INCH)
    except ValueError as error:
        raise InputError(
            f"Expected a path that ends like a picture. Received: plot={path} "
            f"({error}). Use .png or .svg."
        ) from error
    return target


def _points(axes: Axes, points: Sequence[Point]) -> None:
    for was_live, label in ((True, "was live"), (False, "never was")):
        some = [point for point in points if point.was_live == was_live]
        if not some:
            continue
        values = [point.value for point in some]
        axes.errorbar(
            [point.when for point in some],  # type: ignore[arg-type]
            values,
            yerr=_reach(values, [p.low for p in some], [p.high for p in some]),
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


def _reach(
    values: Sequence[float], lows: Sequence[float], highs: Sequence[float]
) -> list[list[float]]:
    """How far intervals reach below and above their values."""
    return [
        [max(v - low, 0) for v, low in zip(values, lows, strict=True)],
        [max(high - v, 0) for v, high in zip(values, highs, strict=True)],
    ]


def _dates(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=8)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    named = ConciseDateFormatter(locator)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(named)
