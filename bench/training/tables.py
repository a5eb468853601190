"""The benchmark's figures as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.data_path.tables import table
from bench.training import first_layer
from bench.training.first_layer import Figure
from bench.training.forms import Difference


def first_layer_table(figures: Sequence[Figure]) -> str:
    """Milliseconds by form, and what Zap takes."""
    rows = [
        [
            f"({figure.size}, {figure.width})",
            str(figure.units),
            f"{figure.rows:,}",
            *(f"{figure.seconds[name] * 1e3:.2f}" for name in first_layer.FORMS),
            figure.chosen,
            f"{figure.ratio:.2f}",
            f"{figure.ratio_of_usual:.2f}",
            "yes" if figure.equal else "NO",
        ]
        for figure in figures
    ]
    header = ["(indices, ones)", "units", "rows", *first_layer.FORMS]
    end = ["Zap takes", "of the fastest", "of looked up or multi-hot", "equal"]
    return table([*header, *end], rows)


def recurrence_table(found: Mapping[int, tuple[Mapping[str, float], float]]) -> str:
    """Milliseconds by form and number of steps, and seconds of compiling."""
    rows = [
        [
            str(steps),
            *(f"{each * 1e3:.2f}" for each in seconds.values()),
            f"{compiling:.1f}",
        ]
        for steps, (seconds, compiling) in found.items()
    ]
    names = list(next(iter(found.values()))[0])
    return table(["steps", *(f"{n} (ms)" for n in names), "to compile (s)"], rows)


def speed_table(found: Mapping[str, Mapping[str, float]]) -> str:
    """Examples a second by input and form, and how many times as many Zap's are."""
    rows = [
        [name, form, f"{speed:,.0f}", f"{speeds['Zap'] / speed:.1f}"]
        for name, speeds in found.items()
        for form, speed in speeds.items()
    ]
    return table(["input", "form", "examples a second", "Zap's, times"], rows)


def bucket_table(found: Mapping[str, Mapping[str, tuple[float, float]]]) -> str:
    """Blanks and seconds by input and order of the windows."""
    rows = [
        [name, order, f"{blank:.0%}", f"{seconds:.2f}"]
        for name, orders in found.items()
        for order, (blank, seconds) in orders.items()
    ]
    return table(["input", "windows", "blank events", "seconds"], rows)


def disk_table(found: Mapping[str, Mapping[str, tuple[float, float]]]) -> str:
    """Bytes an example by input and form, and Zap's share of each."""
    rows = []
    for name, forms in found.items():
        ours = forms["Zap, visits"]
        for form, sizes in forms.items():
            cells = [f"{size:,.1f}" for size in sizes]
            shares = [f"{a / b:.4f}" for a, b in zip(ours, sizes, strict=True)]
            rows.append([name, form, cells[0], shares[0], cells[1], shares[1]])
    header = ["input", "form", "bytes an example", "Zap's share"]
    return table([*header, "with gzip", "Zap's share"], rows)


def equality_table(found: Mapping[tuple[str, str], Difference]) -> str:
    """Differences of loss and gradients between the two forms."""
    rows = [
        [
            *key,
            f"{each.loss:.1e}",
            f"{each.gradient:.1e}",
            "yes" if each.equal else "NO",
        ]
        for key, each in found.items()
    ]
    return table(["input", "beside", "loss", "gradients", "within 1e-5"], rows)


def reading_table(found: Mapping[str, tuple[int, Mapping[str, float], float]]) -> str:
    """What reading and making batches cost beside an epoch.

    Args:
        found: by input, the examples, seconds of both, and an epoch's examples a
            second.
    """
    rows = []
    for name, (examples, seconds, speed) in found.items():
        epoch = examples / speed
        cells = [name, f"{examples:,}", f"{epoch:.2f}"]
        for spent in seconds.values():
            cells += [
                f"{spent:.2f}",
                f"{examples / spent:,.0f}",
                f"{spent / epoch:.2f}",
            ]
        rows.append(cells)
    header = ["input", "examples", "an epoch (s)", "reading once (s)"]
    header += ["examples a second", "of an epoch", "batches of an epoch (s)"]
    return table([*header, "examples a second", "of an epoch"], rows)
