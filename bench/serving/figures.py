"""The picture of latency against load."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from bench.serving.asking import Asked

COLOURS = {"zap": "tab:blue", "reference": "tab:orange"}


def latency_against_load(
    by_store: dict[str, Sequence[Asked]], clients: int, path: Path
) -> None:
    """The p50 and the p99 of both servers over the requests that were due.

    Args:
        by_store: what open loads found.
        clients: those of this many are shown.
        path: of the picture.
    """
    figure, axes = plt.subplots(
        1, len(by_store), figsize=(5 * len(by_store), 4), squeeze=False, sharey=True
    )
    for axis, (store, found) in zip(axes[0], by_store.items(), strict=True):
        for name, colour in COLOURS.items():
            mine = sorted(
                (a for a in found if a.server == name and a.clients == clients),
                key=lambda a: a.rate,
            )
            rates = [a.rate for a in mine]
            for at, (quantile, style) in enumerate((("p50", ":"), ("p99", "-"))):
                shown = [a.quantiles_ms[at] for a in mine]
                label = f"{name}, {quantile}"
                axis.plot(rates, shown, style, color=colour, marker="o", label=label)
        axis.set(title=store, xlabel="requests due a second", yscale="log")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel(f"latency (ms), {clients} connections")
    axes[0][0].legend()
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
