"""Scores of now against scores of training, in the same bins.

The bins are training's own. Of a yes or no they are those of the distribution in
``metrics.json``; of an amount they lie between the quantiles that it holds, so that
training's shares are known without the predictions themselves; of classes a bin is a
class, and its height the mean probability. All are shares, so that 200 predictions can
be held against 20,000.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from zap.serving.ui.recent import Value


def training_of(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """What a bundle's metrics say of training, as the console shows it.

    Returns:
        kind, n, base_rate (a mean amount, of amounts; None of classes), auc, edges (or
        the names of classes), shares and mean. Shares are None where a bundle of an
        earlier version lacks them.
    """
    kind = metrics.get("kind", "binary")
    told = {"kind": kind, "n": metrics.get("n"), "auc": metrics.get("auc")}
    if kind == "classes":
        return {**told, **_of_classes(metrics)}
    return {**told, **(_of_amounts if kind == "amount" else _of_binary)(metrics)}


def _of_binary(metrics: Mapping[str, Any]) -> dict[str, Any]:
    found = metrics.get("distribution") or {}
    counts = [
        yes + no
        for yes, no in zip(
            found.get("positives", ()), found.get("negatives", ()), strict=True
        )
    ]
    return {
        "base_rate": metrics.get("base_rate"),
        "edges": found.get("edges"),
        "shares": shares_of(counts),
        "mean": found.get("mean"),
    }


def _of_amounts(metrics: Mapping[str, Any]) -> dict[str, Any]:
    quantiles = (metrics.get("quantiles") or {}).get("predicted") or {}
    points = sorted((float(key) / 100, value) for key, value in quantiles.items())
    edges: list[float] = []
    up_to: list[float] = []
    for share, value in points:
        if edges and value <= edges[-1]:
            up_to[-1] = share  # many equal predictions: one edge stands for all
        else:
            edges.append(value)
            up_to.append(share)
    between = zip([0.0, *up_to], [*up_to, 1.0], strict=True)
    return {
        "base_rate": metrics.get("mean_observed"),
        "edges": edges or None,
        "shares": [high - low for low, high in between] if edges else None,
        "mean": metrics.get("mean_predicted"),
    }


def _of_classes(metrics: Mapping[str, Any]) -> dict[str, Any]:
    classes = metrics.get("classes") or []
    return {
        "auc": metrics.get("auc_mean"),
        "base_rate": None,
        "names": [each["name"] for each in classes],
        "base_rates": [each["base_rate"] for each in classes],
        "shares": [each["mean_prediction"] for each in classes] or None,
        "mean": None,
    }


def now_of(training: Mapping[str, Any], values: Sequence[Value]) -> dict[str, Any]:
    """The same numbers of predictions that were just made.

    Args:
        training: as `training_of` gives it; says which bins there are.
        values: predictions of the same version; those of another form are left out.

    Returns:
        n, shares (None without predictions or bins) and mean.
    """
    if training["kind"] == "classes":
        rows = [v for v in values if isinstance(v, tuple)]
        width = len(training["names"])
        rows = [row for row in rows if len(row) == width]
        means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
        return {"n": len(rows), "shares": means or None, "mean": None}
    numbers = [v for v in values if not isinstance(v, tuple)]
    mean = sum(numbers) / len(numbers) if numbers else None
    edges, shares = training["edges"], None
    if edges:
        inner = edges[1:-1] if training["kind"] == "binary" else edges
        shares = shares_of(counts_of(inner, numbers))
    return {"n": len(numbers), "shares": shares, "mean": mean}


def counts_of(inner: Sequence[float], values: Sequence[float]) -> list[int]:
    """How many values lie in each bin; the first and last bin are open.

    Args:
        inner: the edges between bins, rising; a value on an edge is in the upper bin.
        values: finite numbers.
    """
    counts = [0] * (len(inner) + 1)
    for value in values:
        counts[bisect_right(inner, value)] += 1
    return counts


def shares_of(counts: Sequence[int]) -> list[float] | None:
    """Counts as parts of 1; None if there is nothing to count."""
    total = sum(counts)
    return [count / total for count in counts] if total else None
