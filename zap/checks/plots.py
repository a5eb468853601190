"""The chart of a check: the label rate by position, the rule against every event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zap.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def position_figure(rates: Sequence[Mapping[str, Any]], name: str) -> Figure:
    """Two lines over the position in the session.

    Args:
        rates: as in a report's ``bias``.
        name: the generator's, for the title.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError("matplotlib", "train") from error
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.add_subplot()
    lines = (
        ("every", "after every event", "o", "#0072B2"),
        ("rule", "under the rule", "s", "#D55E00"),
    )
    for what, label, marker, color in lines:
        points = [
            (place, row[f"{what}_rate"])
            for place, row in enumerate(rates)
            if row[f"{what}_rate"] is not None
        ]
        places, values = zip(*points, strict=True) if points else ((), ())
        axes.plot(places, values, marker=marker, label=label, color=color, ms=4)
    shown = [row["position"].replace(" or more", "+") for row in rates]
    axes.set_xticks(range(len(rates)), shown, fontsize=7)
    axes.set_ylim(0, 1)
    axes.set_xlabel("events so far in the session")
    axes.set_ylabel("label rate")
    axes.set_title(name)
    axes.grid(color="#E4E7EB")
    axes.legend(frameon=False)
    return figure
