"""The section of a report that shows how the model was trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zap.evaluation import plots
from zap.evaluation.page import Section, paragraph
from zap.evaluation.words import plural


def training(history: Any) -> Section | None:
    """The losses by epoch, or None where no history is known.

    Args:
        history: a mapping of each epoch in a list, a mapping of lists, or a mapping
            that holds such a list under "epochs". Names with "loss" are drawn, those
            with "val" as what decides.
    """
    epochs, losses = _losses(history)
    if not losses:
        return None
    name, values = list(losses.items())[-1]
    best = min(range(len(values)), key=values.__getitem__)
    chart = plots.chart(
        "training",
        plots.history_figure(epochs, losses),
        f"Loss by epoch: {name} is lowest at epoch {epochs[best]:g} with "
        f"{values[best]:.4f}.",
        "The error while learning, on the examples learned from and on others. The "
        "model of the marked epoch is kept: the one that did best on the others.",
    )
    body = paragraph(
        f"Trained for {plural(len(epochs), 'epoch')}; epoch {epochs[best]:g} was best."
    )
    return Section("training", "How did it learn?", body + chart.to_html(), (chart,))


def _are_rows(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(row, Mapping) for row in found)


def _losses(history: Any) -> tuple[list[float], dict[str, list[float]]]:
    if isinstance(history, Mapping) and _are_rows(history.get("epochs")):
        history = history["epochs"]
    if isinstance(history, Mapping):
        columns = {str(key): list(column) for key, column in history.items()}
    else:
        rows = list(history or [])
        names = dict.fromkeys(key for row in rows for key in row)
        columns = {name: [row.get(name) for row in rows] for name in names}
    named = {name: column for name, column in columns.items() if "loss" in name}
    watched = next((name for name in named if "val" in name), None)
    learned = next((name for name in named if "val" not in name), None)
    found = {
        label: [float("inf") if item is None else float(item) for item in named[name]]
        for label, name in (("learned from", learned), ("held out", watched))
        if name is not None
    }
    length = len(next(iter(found.values()), []))
    return columns.get("epoch", list(range(1, length + 1))), found
