"""How many rows may be bad before nothing that is made of the others is to be trusted.

A job, the proof of a generator and whoever reads files beside them say it in one way:
how many, why, and what the first of them is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from zap.errors import InputError
from zap.events.raw import DeadLetter

MOST_BAD = 0.01
"""The share of bad rows that is put up with where nothing else is said."""


def refuse_bad_rows(
    counts: Mapping[str, int], most: float, first: Callable[[], str]
) -> None:
    """Check that not too many rows are bad.

    Args:
        counts: rows read and bad, by reason.
        most: the share of the rows read that may be bad.
        first: says what the first is, see ``told``; asked only where too many are.

    Raises:
        InputError: more than that are.
    """
    bad = {n: c for n, c in counts.items() if n.startswith("rows.bad.") and c}
    total = counts.get("rows.read", 0)
    if sum(bad.values()) <= most * total:
        return
    reasons = ", ".join(
        f"{name.removeprefix('rows.bad.')} {number:,}"
        for name, number in sorted(bad.items(), key=lambda each: -each[1])
    )
    raise InputError(
        f"Expected at most {most:.1%} bad rows. Received: {sum(bad.values()):,} of "
        f"{total:,} ({reasons}). {first()} Mend the mapping or the data, name such "
        "rows under [[skip]], or raise --max-bad-share."
    )


def told(letter: DeadLetter) -> str:
    """A bad row as a sentence."""
    return (
        f"The first: {letter.source} line {letter.line}: {letter.reason}, "
        f"{letter.detail}"
    )
