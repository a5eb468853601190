"""What a model looks at: each field taken from other instances, and scored again.

If a field's values are dealt out anew, everything else stays as it was, and what the
model loses is what that field told it (paper, section 9, without training again). The
values are moved after encoding: each entry of a sparse row says which fields made it,
so that taking one field's entries from another row gives the very bytes that encoding
the moved column would have given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from zap.datasets.visits import Visits, take_rows
from zap.encoding.columns import BoolArray, FloatArray, IntArray, SparseRows
from zap.encoding.layout import LAST_SOURCE
from zap.evaluation.metrics import auc, log_loss

Score = Callable[[Visits], FloatArray]

REPEATS = 3
MOST_SCORED = 150_000


@dataclass(frozen=True)
class Field:
    """Something of an instance that can be taken from another.

    Attributes:
        part: "events" or "metadata".
        name: of the field; "all" for all of the part.
        mask: the bits of ``SparseRows.sources`` that stand for it.
    """

    part: str
    name: str
    mask: int


def fields_of(events: Sequence[str], metadata: Sequence[str]) -> list[Field]:
    """The fields of both parts in their order, and each part as a whole.

    Args:
        events: names by bit, as ``Encoder.event_sources``.
        metadata: names by bit, as ``Encoder.metadata_sources``.
    """
    found = []
    for part, names in (("events", events), ("metadata", metadata)):
        shown = [*names[:LAST_SOURCE], *(["others"] if names[LAST_SOURCE:] else [])]
        found += [Field(part, name, 1 << bit) for bit, name in enumerate(shown)]
        if len(shown) > 1:
            found.append(Field(part, "all", (1 << len(shown)) - 1))
    return found


def importance(
    visits: Visits,
    score: Score,
    fields: Sequence[Field],
    *,
    repeats: int = REPEATS,
    most_scored: int = MOST_SCORED,
    seed: int = 0,
) -> dict[str, Any] | None:
    """What the model loses when a field is taken from other instances.

    Args:
        visits: the judged examples, whose entries say what made them; binary labels.
        score: the probabilities of the frozen model; float64, shape (cutoffs,).
        fields: what to move.
        repeats: how many times each field is dealt out.
        most_scored: most examples that are scored in all; on large data fewer whole
            subjects are taken.
        seed: of the permutations.

    Returns:
        n, repeats, auc and log_loss as they are, and for each field its part and name,
        auc_lost and log_loss_gained (means over the repeats), auc_lost_sd. None where
        it is not known what made the entries, or where labels are all of one kind.
    """
    if visits.events.sources is None or visits.metadata.sources is None:
        return None
    moved = max(1, len(fields)) * repeats
    visits = some_subjects(visits.canonical_order(), most_scored // moved)
    if len(np.unique(visits.label)) < 2:
        return None
    y, weight = visits.label, visits.weight
    p = score(visits)
    before = auc(y, p, weight), log_loss(y, p, weight)
    rows = []
    for number, field in enumerate(fields):
        scores = [
            score(each) for each in _dealt(visits, field, repeats, [seed, number])
        ]
        aucs = np.array([before[0] - auc(y, p, weight) for p in scores])
        losses = np.array([log_loss(y, p, weight) - before[1] for p in scores])
        rows.append(
            {
                "part": field.part,
                "name": field.name,
                "auc_lost": float(aucs.mean()),
                "auc_lost_sd": float(aucs.std(ddof=1)) if repeats > 1 else 0.0,
                "log_loss_gained": float(losses.mean()),
            }
        )
    return {
        "n": visits.cutoffs,
        "repeats": repeats,
        "auc": before[0],
        "log_loss": before[1],
        "fields": rows,
    }


def some_subjects(visits: Visits, most_cutoffs: int) -> Visits:
    """The first visits of at most so many cutoffs, whole subjects alone.

    In the canonical order subjects are sorted by their hash, so the first are a sample.
    """
    if visits.cutoffs <= most_cutoffs:
        return visits
    fits = int(np.searchsorted(visits.cutoff_offsets, most_cutoffs, "right")) - 1
    first_left_out = visits.subject_hash[fits]
    kept: BoolArray = visits.subject_hash < first_left_out
    return visits.take_visits(kept if kept.any() else np.arange(fits))


def _dealt(
    visits: Visits, field: Field, repeats: int, seed: Sequence[int]
) -> Iterator[Visits]:
    rows: SparseRows = getattr(visits, field.part)
    for repeat in range(repeats):
        donors = np.random.default_rng([*seed, repeat]).permutation(len(rows))
        moved: Any = {field.part: with_field_of(rows, field.mask, donors)}
        yield replace(visits, **moved)


def with_field_of(rows: SparseRows, mask: int, donors: IntArray) -> SparseRows:
    """Each row with the entries of some fields taken from another row.

    Args:
        rows: sparse rows whose entries say what made them.
        mask: the bits of the fields to take.
        donors: int64, shape (rows,): the row to take them from.

    Returns:
        The rows that encoding the moved columns gives: an entry that another field made
        too stays, and one that both bring is there once.
    """
    assert rows.sources is not None
    stays = (rows.sources & ~mask) != 0
    given = take_rows(rows, donors)
    assert given.sources is not None
    comes = (given.sources & mask) != 0
    owner = np.concatenate([_rows_of(rows)[stays], _rows_of(given)[comes]])
    index = np.concatenate([rows.indices[stays], given.indices[comes]])
    value = np.concatenate([rows.values[stays], given.values[comes]])
    source = np.concatenate([rows.sources[stays] & ~mask, given.sources[comes] & mask])
    order = np.lexsort((index, owner))
    owner, index, value, source = (a[order] for a in (owner, index, value, source))
    new = np.ones(len(owner), bool)
    new[1:] = (np.diff(owner) != 0) | (np.diff(index) != 0)
    first = np.flatnonzero(new)
    counts = np.bincount(owner[first], minlength=len(rows))
    return SparseRows(
        np.concatenate(([0], np.cumsum(counts))),
        index[first].astype(np.int32),
        np.maximum.reduceat(value, first) if len(first) else value,
        np.bitwise_or.reduceat(source, first) if len(first) else source,
    )


def _rows_of(rows: SparseRows) -> IntArray:
    return np.repeat(np.arange(len(rows)), np.diff(rows.offsets))
