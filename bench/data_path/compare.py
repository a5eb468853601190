"""Are two contestants' examples the same? Held against each other one by one.

Examples are paired by visitor, instant and, where several share one, by their pages.
Windows and metadata are compared by 128-bit hashes, so that millions of examples take
seconds; a sample is compared entry by entry besides, which guards the hashes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.data_path.examples import Examples, read_examples
from zap.encoding.columns import BoolArray, IntArray, SparseRows

U64 = NDArray[np.uint64]
SEEDS = (0x9E3779B97F4A7C15, 0xD1B54A32D192ED03)  # odd, so that powers never vanish


@dataclass(frozen=True)
class Comparison:
    """What two sets of examples have in common.

    Attributes:
        common: examples that both have.
        differing: those of them that differ, by what differs; in several, counted in
            each.
        unequal: those that differ in anything.
        missing: examples of the first that the second lacks.
        extra: examples of the second that the first lacks.
        sampled: examples that were compared entry by entry.
        first: the first difference in words; "" if there is none.
    """

    common: int
    differing: Mapping[str, int]
    unequal: int
    missing: int
    extra: int
    sampled: int
    first: str

    @property
    def equal(self) -> bool:
        """Whether both hold the same examples."""
        return not (self.unequal or self.missing or self.extra)

    def to_dict(self) -> dict[str, Any]:
        """The figures as a JSON object."""
        return {**vars(self), "differing": dict(self.differing), "equal": self.equal}


def compare(ours: Examples, theirs: Examples, sample: int = 2_000) -> Comparison:
    """Hold two sets of examples against each other.

    Args:
        ours: one.
        theirs: the other.
        sample: how many examples that both have are compared entry by entry.
    """
    keys = [example_keys(each) for each in (ours, theirs)]
    _, left, right = np.intersect1d(*keys, assume_unique=True, return_indices=True)
    differing = _differing(ours, theirs, left, right)
    unequal = np.any([*differing.values()], axis=0)
    drawn = np.random.default_rng(0).permutation(len(left))[:sample]
    exact = [
        place
        for place in drawn.tolist()
        if shown(ours, left[place]) != shown(theirs, right[place])
    ]
    if not set(exact) <= set(np.flatnonzero(unequal).tolist()):
        raise AssertionError("entries differ, and their hashes do not")
    first = ""
    if unequal.any():
        place = int(np.argmax(unequal))
        first = _in_words(shown(ours, left[place]), shown(theirs, right[place]))
    elif len(left) < max(len(ours), len(theirs)):
        first = _only_one_has(ours, theirs, left, right)
    return Comparison(
        common=len(left),
        differing={name: int(mask.sum()) for name, mask in differing.items()},
        unequal=int(unequal.sum()),
        missing=len(ours) - len(left),
        extra=len(theirs) - len(left),
        sampled=len(drawn),
        first=first,
    )


def example_keys(examples: Examples) -> U64:
    """A hash of visitor, instant and place among those that share both; (examples,)."""
    pages = examples.columns["pages"]  # they rise from one view to the next
    order = np.lexsort((pages, examples.instant_us, examples.subject))
    subject, instant = examples.subject[order], examples.instant_us[order]
    begins = np.append(True, np.diff(subject) != 0)[: len(order)]
    begins[1:] |= np.diff(instant) != 0
    first = np.flatnonzero(begins)
    number = np.arange(len(order)) - first[np.cumsum(begins) - 1]
    keys = np.empty(len(order), np.uint64)
    keys[order] = _mixed(
        subject.view(np.uint64),
        _mixed(instant.view(np.uint64), number.astype(np.uint64)),
    )
    return keys


def _differing(
    ours: Examples, theirs: Examples, left: IntArray, right: IntArray
) -> dict[str, BoolArray]:
    found = {}
    for name, column in ours.columns.items():
        found[name] = column[left] != theirs.columns[name][right]
    found["window"], found["metadata"] = (np.zeros(len(left), bool) for _ in range(2))
    for seed in SEEDS:
        for name, hashes in (("window", window_hashes), ("metadata", vector_hashes)):
            one, other = hashes(ours, seed)[left], hashes(theirs, seed)[right]
            found[name] |= one != other
    return found


def vector_hashes(examples: Examples, seed: int) -> U64:
    """A hash of each example's metadata; shape (examples,)."""
    return row_hashes(examples.metadata, seed)


def row_hashes(rows: SparseRows, seed: int) -> U64:
    """A hash of each sparse vector: of its entries and their order; shape (rows,)."""
    bits = rows.values.view(np.uint32).astype(np.uint64)
    entries = _mixed((rows.indices.astype(np.uint64) << np.uint64(32)) | bits, seed)
    return _range_hashes(entries, rows.offsets[:-1], rows.offsets[1:], seed)


def window_hashes(examples: Examples, seed: int) -> U64:
    """A hash of the events of each window and their order; shape (examples,)."""
    events = _mixed(row_hashes(examples.events, seed), seed)
    return _range_hashes(events, examples.start, examples.stop, seed)


def _range_hashes(items: U64, start: IntArray, stop: IntArray, seed: int) -> U64:
    """Polynomials of the items in each range, modulo 2**64, mixed with its length.

    A range is a difference of prefix sums of item times seed^place, and is moved back
    to its beginning by the inverse power.
    """
    base = np.uint64(seed)
    powers = np.cumprod(np.append(np.uint64(1), np.full(len(items), base)))
    prefix = np.append(np.uint64(0), np.cumsum(items * powers[:-1]))
    back = np.uint64(pow(seed, -1, 2**64))
    inverse = np.cumprod(np.append(np.uint64(1), np.full(len(items), back)))
    return _mixed(
        (prefix[stop] - prefix[start]) * inverse[start], (stop - start).view(np.uint64)
    )


def _mixed(values: U64, salt: U64 | int) -> U64:
    """Splitmix64 of the values and a salt."""
    x = values ^ (np.asarray(salt, np.uint64) * np.uint64(SEEDS[0]))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return x ^ (x >> np.uint64(31))


def shown(examples: Examples, place: int) -> dict[str, Any]:
    """All of one example, entry by entry."""
    events = [
        _entries(examples.events, row)
        for row in range(examples.start[place], examples.stop[place])
    ]
    return {
        "visitor": int(examples.subject[place]),
        "instant_us": int(examples.instant_us[place]),
        **{name: float(column[place]) for name, column in examples.columns.items()},
        "metadata": _entries(examples.metadata, place),
        "events": len(events),
        **{f"event {number}": event for number, event in enumerate(events)},
    }


def _entries(rows: SparseRows, row: int) -> list[tuple[int, float]]:
    span = slice(rows.offsets[row], rows.offsets[row + 1])
    return list(
        zip(rows.indices[span].tolist(), rows.values[span].tolist(), strict=True)
    )


def _in_words(ours: dict[str, Any], theirs: dict[str, Any]) -> str:
    names = [n for n in {**ours, **theirs} if ours.get(n) != theirs.get(n)]
    return (
        f"visitor {ours['visitor']} at {ours['instant_us']}: {names[0]} is "
        f"{ours.get(names[0])} and {theirs.get(names[0])}"
    )


def _only_one_has(
    ours: Examples, theirs: Examples, left: IntArray, right: IntArray
) -> str:
    for name, examples, common in (("first", ours, left), ("second", theirs, right)):
        alone = np.setdiff1d(np.arange(len(examples)), common)
        if len(alone):
            return f"only the {name} has {shown(examples, alone[0])}"
    return ""


def main() -> None:
    """Compare two folders; exit status 1 if they differ."""
    parser = argparse.ArgumentParser(prog="python -m bench.data_path.compare")
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    args = parser.parse_args()
    found = compare(read_examples(args.first), read_examples(args.second))
    for name, value in found.to_dict().items():
        print(f"{name}: {value}")
    sys.exit(0 if found.equal else 1)


if __name__ == "__main__":
    main()
