"""Rows of subjects that are too large, withheld before they are moved and held.

A subject over ``max_subject_events`` is dropped whole, wherever its rows were read. So
once one place (a worker's bundle, or the step that puts a shard together) has passed on
more rows of a subject than the limit, the verdict is certain whatever others read, and
its further rows need not travel: they are only counted, under the reason that they
would have been dropped for. No rows of other subjects are touched and the counts stay
exact, however the input is cut and in whatever order it is read.

What is certain is told by rows of one kind: activity and dimension rows have a limit
each, and rows flagged as bots' are taken out before the limit looks, except in the
variant ``with_bots``. So rows pass by (subject, whether it is a dimension's, flag), up
to one more than the limit of each: enough to drop the subject under both views.

To count all subjects would cost memory for each. Only those with ``FREQUENT`` rows in a
batch are counted, and of these at most ``COUNTED`` are remembered. Who is counted too
low is passed on too long, which costs a little and changes nothing.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray, IntArray
from zap.encoding.dimensions import DIMENSION_PREFIX
from zap.events.coded import codes_of, decoded, encoded, whole
from zap.histories.selection import BOT

FREQUENT = 64
"""Rows in one batch from which on a subject is counted: a subject may cost as much
more than the limit as there are batches, times this."""

COUNTED = 65_536
"""Most counts that are remembered."""

Kind = tuple[str, bool, str | None]
"""A subject, whether rows of dimensions, and the reason of their flag."""


class HeavySubjects:
    """Withholds rows that cannot change a dataset, of one stream of batches.

    The rows that it passed on must all arrive where the subjects are dropped. So one of
    these serves one bundle, which a runner keeps or repeats as a whole.

    Args:
        subject: the column of the subject.
        most: the limit, ``max_subject_events``.
    """

    def __init__(self, subject: str, most: int):
        self._subject = subject
        self._most = most
        self._passed: dict[Kind, int] = {}
        self._over: set[str] = set()

    def pass_on(
        self, batch: pa.RecordBatch | pa.Table
    ) -> tuple[pa.RecordBatch | pa.Table, Counter[str]]:
        """The rows that are still needed, in their order; and the others by reason.

        Args:
            batch: canonical events, maybe with the column ``BOT``.
        """
        coded = encoded(whole(batch.column(self._subject)))
        names, places = coded.dictionary, codes_of(coded)
        # The last place is that of rows without a subject, which are another step's.
        sizes = np.bincount(places + 1, minlength=len(names) + 1)
        watched = np.append(sizes[1:] >= FREQUENT, False)
        if self._over:
            known = pc.is_in(names, value_set=pa.array([*self._over], names.type))
            watched[:-1] |= known.to_numpy(zero_copy_only=False)
        rows = np.flatnonzero(watched[places])
        if not len(rows):
            return batch, Counter()
        keep, counts = self._kept(batch.take(pa.array(rows)))
        self._forget()
        if keep.all():
            return batch, counts
        mask = np.ones(batch.num_rows, bool)
        mask[rows] = keep
        return batch.filter(pa.array(mask)), counts

    def _kept(self, rows: pa.RecordBatch | pa.Table) -> tuple[BoolArray, Counter[str]]:
        """Which rows of watched subjects pass, and how many do not, by reason."""
        kinds, code = _kinds(rows, self._subject)
        before = np.array([self._passed.get(kind, 0) for kind in kinds])
        keep = _rank(code) < self._most + 1 - before[code]
        counts: Counter[str] = Counter()
        read = np.bincount(code, minlength=len(kinds))
        passed = np.bincount(code[keep], minlength=len(kinds))
        for kind, had, new, there in zip(
            kinds, before.tolist(), passed.tolist(), read.tolist(), strict=True
        ):
            self._passed[kind] = had + new
            name, _, reason = kind
            if had + new > self._most:
                self._over.add(name)
            if there > new:
                counts[_dropped(reason)] += there - new
        return keep, counts

    def _forget(self) -> None:
        """Forget who was counted least; they start again at nothing."""
        if len(self._passed) > COUNTED:
            most = sorted(self._passed, key=lambda kind: -self._passed[kind])
            self._passed = {kind: self._passed[kind] for kind in most[: COUNTED // 2]}
            self._over &= {name for name, _, _ in self._passed}


def _dropped(reason: str | None) -> str:
    """The count that a row would have gone to."""
    if reason is None:
        return "events.dropped.max_subject_events"
    return f"events.dropped.bot.{reason}"


def _kinds(
    rows: pa.RecordBatch | pa.Table, subject: str
) -> tuple[list[Kind], IntArray]:
    """The distinct kinds of rows, and the place among them of each row."""
    table = {
        "subject": _texts(rows.column(subject)),
        "dimension": pc.starts_with(_texts(rows.column("type")), DIMENSION_PREFIX),
        "reason": _texts(rows.column(BOT))
        if BOT in rows.schema.names
        else pa.nulls(rows.num_rows, pa.string()),
    }
    found = [_codes(column) for column in table.values()]
    code = np.zeros(rows.num_rows, np.int64)
    for values, places in found:
        code = code * len(values) + places
    distinct, code = np.unique(code, return_inverse=True)
    kinds = []
    for each in distinct.tolist():
        each, reason = divmod(each, len(found[2][0]))
        name, dimension = divmod(each, len(found[1][0]))
        kinds.append((found[0][0][name], found[1][0][dimension], found[2][0][reason]))
    return kinds, np.asarray(code, np.int64)


def _texts(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return decoded(whole(column))


def _codes(column: pa.Array | pa.ChunkedArray) -> tuple[list[object], IntArray]:
    coded = pc.dictionary_encode(column, null_encoding="encode")
    return coded.dictionary.to_pylist(), coded.indices.to_numpy().astype(np.int64)


def _rank(code: IntArray) -> IntArray:
    """How many rows of the same code stand before each row."""
    order = np.argsort(code, kind="stable")
    sizes = np.bincount(code)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    rank = np.empty(len(code), np.int64)
    rank[order] = np.arange(len(code)) - starts
    return rank
