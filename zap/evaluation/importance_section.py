"""The section of a report that says what the model looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from zap.evaluation import plots
from zap.evaluation.page import Section, paragraph, side_by_side, table
from zap.evaluation.words import plural, signed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LONGEST = 20


def importance(metrics: Mapping[str, Any]) -> Section | None:
    """What the model loses without each field, or None where that is not known."""
    found = metrics.get("importance")
    if not found or not found["fields"]:
        return None
    rows = sorted(found["fields"], key=lambda row: -row["auc_lost"])[:_LONGEST]
    first = next((row for row in rows if row["name"] != "all"), rows[0])
    chart = plots.chart(
        "importance",
        importance_figure(rows),
        "AUC lost without each field: "
        + ", ".join(f"{label(row)} {row['auc_lost']:.3f}" for row in rows)
        + ".",
        "How much AUC the model loses when it is shown somebody else's value of one "
        "field and everything else as it was; the thin line is the spread over "
        f"{found['repeats']} repetitions.",
    )
    words = table(
        ["Field", "AUC lost", "Log loss gained"],
        [
            [label(row), signed(row["auc_lost"], 4), signed(row["log_loss_gained"], 4)]
            for row in rows
        ],
    )
    body = (
        paragraph(
            f"The model leans most on {label(first)}: with values of other "
            f"instances in its place the AUC falls by {first['auc_lost']:.3f}."
        )
        + paragraph(
            "Fields that say the same share their importance: each can be missed "
            "while the other is there. A field at zero may be left out of the "
            "instance, and less need be kept for serving. Measured on "
            f"{plural(found['n'], 'example')}; on few, small differences between "
            "fields say little."
        )
        + side_by_side(chart.to_html(), words)
    )
    return Section("importance", "What does the model look at?", body, (chart,))


def label(row: Mapping[str, str]) -> str:
    """A field as a reader knows it."""
    if row["name"] == "all":
        return "all events" if row["part"] == "events" else "all metadata"
    return row["name"] + (" (metadata)" if row["part"] == "metadata" else "")


def importance_figure(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Bars of the AUC lost, the largest on top.

    Args:
        rows: ``importance.fields`` of the metrics, in the order to be drawn.
    """
    with plots.axes_of_chart(1.2 + 0.34 * len(rows)) as axes:
        lost = np.array([row["auc_lost"] for row in rows])
        spread = np.array([row["auc_lost_sd"] for row in rows])
        places = np.arange(len(rows))[::-1]
        whole = [row["name"] == "all" for row in rows]
        colours = [plots.GREY if all_ else plots.BLUE for all_ in whole]
        axes.barh(
            places,
            lost,
            0.7,
            xerr=spread,
            color=colours,
            error_kw={"elinewidth": 1.0, "capsize": 2, "ecolor": plots.INK},
        )
        axes.set_yticks(places, [label(row) for row in rows])
        axes.axvline(0, color=plots.INK, linewidth=0.8)
        axes.set(xlabel="AUC lost without it")
        axes.locator_params(axis="x", nbins=5)
        axes.grid(False, axis="y")
    return plots.figure_of(axes)
