"""The section of a report that shows the model slice by slice (paper, section 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zap.evaluation import plots
from zap.evaluation.page import Chart, Section, paragraph, side_by_side, table
from zap.evaluation.words import decimal, error, percent, spell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = ((plots.BLUE, "o"), (plots.ORANGE, "s"), (plots.INK, "^"), (plots.GREY, "D"))
_HEAD = ["", "Examples", "Positive", "Predicted", "AUC", "ECE (chance)", "Top 10 %"]


def slices(metrics: Mapping[str, Any]) -> Section | None:
    """Each statistic with its groups, or None where there are none."""
    found = metrics.get("slices")
    if not found:
        return None
    charts = []
    body = paragraph(
        "A model can be right on the whole and wrong for some. Here the examples are "
        "grouped by each statistic that the generator stores with them. Top 10 %: the "
        "share of positives among the tenth of the group with the highest predictions; "
        f"over all examples it is {percent(metrics['top_decile_rate'])}."
    )
    for each in found:
        chart = _chart(each)
        charts.append(chart)
        body += f"<h3>{spell(each['statistic'])}</h3>"
        body += side_by_side(chart.to_html(), table(_HEAD, _rows(metrics, each)))
        if any(group["rough"] for group in each["groups"]):
            body += paragraph(
                "* Fewer than 100 positives: the numbers of this group are rough.",
                "note",
            )
    return Section("slices", "For whom is it right?", body, tuple(charts))


def _rows(metrics: Mapping[str, Any], each: Mapping[str, Any]) -> list[list[str]]:
    groups = [(group_name(group, each["whole"]), group) for group in each["groups"]]
    rows = [
        _row(name + (" *" if group["rough"] else ""), group) for name, group in groups
    ]
    # Metrics of former times have the mean without the examples' weights alone.
    whole = {"mean_prediction": metrics["distribution"]["mean"], **metrics}
    return [*rows, _row("all", whole)]


def _row(name: str, numbers: Mapping[str, Any]) -> list[str]:
    return [
        name,
        f"{numbers['n']:,}",
        percent(numbers["base_rate"]),
        percent(numbers["mean_prediction"]),
        decimal(numbers["auc"]),
        f"{error(numbers['ece'])} ({error(numbers['ece_null_95_by_subject'])})",
        percent(numbers["top_decile_rate"]),
    ]


def group_name(group: Mapping[str, Any], whole: bool) -> str:
    """A group of examples as a reader names it: "yes", "4 to 8", "no value"."""
    if "yes" in group:
        return "yes" if group["yes"] else "no"
    low, high = group["from"], group["below"]
    if low is None and high is None:
        return "no value"
    if high is None:
        return f"{low:,g} or more"
    if whole:
        last = f"{high - 1:,g}"
        if low is None:
            return f"up to {last}"
        return last if low == high - 1 else f"{low:,g} to {last}"
    return f"below {high:,g}" if low is None else f"{low:,g} to {high:,g}"


def _chart(each: Mapping[str, Any]) -> Chart:
    name = each["statistic"]
    said = "; ".join(
        f"{group_name(group, each['whole'])}: predicted "
        f"{percent(group['mean_prediction'])}, positive {percent(group['base_rate'])}"
        for group in each["groups"]
    )
    return plots.chart(
        f"slices_{name}",
        slices_figure(each),
        f"Calibration curves by {name}. {said}.",
        f"Calibration of each group by {spell(name).lower()}. Points on the dashed "
        "line are right; a curve below it promises too much to its group.",
    )


def slices_figure(each: Mapping[str, Any]) -> Figure:
    """The calibration curves of a statistic's groups over one another (figure 9).

    Args:
        each: one entry of ``slices`` of the metrics.
    """
    with plots.axes_of_chart(3.8) as axes:
        curves = [group["calibration_curve"] for group in each["groups"]]
        top = plots.round_up(_highest(curves))
        axes.plot([0, top], [0, top], color=plots.GREY, linestyle="--", linewidth=1.2)
        for group, curve, (colour, marker) in zip(
            each["groups"], curves, STYLES, strict=False
        ):
            axes.plot(
                [bucket["mean_prediction"] for bucket in curve],
                [bucket["positive_rate"] for bucket in curve],
                color=colour,
                marker=marker,
                markersize=4.5,
                linewidth=1.4,
                label=group_name(group, each["whole"]),
            )
        axes.set(
            xlim=(0, top),
            ylim=(0, top),
            xlabel="mean prediction in the bucket",
            ylabel="share that turned positive",
        )
        plots.as_percent(axes.xaxis)
        plots.as_percent(axes.yaxis)
        axes.legend(loc="upper left", title=spell(each["statistic"]))
    return plots.figure_of(axes)


def _highest(curves: Sequence[Sequence[Mapping[str, Any]]]) -> float:
    return max(
        float(bucket[key])
        for curve in curves
        for bucket in curve
        for key in ("mean_prediction", "positive_rate")
    )
