"""Shards of events to parts of a day's predictions, in Beam."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from zap.beam.outputs import count, error
from zap.beam.shards import tables_of
from zap.beam.shuffle import Piece, to_bytes, to_table
from zap.bundles.bundle import Bundle
from zap.encoding.columns import IntArray
from zap.errors import BundleError, ZapError
from zap.events.mapping import EventMapping
from zap.events.schema import TIMESTAMP
from zap.examples.evaluate import Context
from zap.examples.methods import Methods
from zap.histories.batch import HistoryBatch
from zap.histories.build import HistorySettings, build_histories
from zap.histories.identity import LINKED_AT
from zap.histories.subjects import subject_hashes
from zap.scoring.output import Output
from zap.scoring.question import BundleQuestion
from zap.scoring.rows import prediction_rows
from zap.scoring.scores import cutoffs_at, score_cutoffs
from zap.scoring.summary import SAMPLE, facts_of
from zap.serving.served import Served, served

MOST_ROWS = 65_536
_LOADED: dict[tuple[str, ...], Served] = {}
_LOADING = threading.Lock()


@dataclass(frozen=True)
class Model:
    """Where a version lies that workers load.

    Attributes:
        application: whose it is.
        version: what the bundle there must be.
        path: of the bundle: of a disk that all workers share, or a URL.
    """

    application: str
    version: str
    path: str

    def load(self) -> Served:
        """The version, loaded once a process.

        Raises:
            BundleError: it is damaged, or another one lies there now.
        """
        key = self.application, self.version, self.path
        with _LOADING:
            if key not in _LOADED:
                bundle = Bundle.load(self.path)
                if bundle.version != self.version:
                    raise BundleError(
                        f"Expected the bundle of version {self.version}. Received: "
                        f"version={bundle.version}, path={self.path}. Score again: it "
                        "was replaced meanwhile."
                    )
                _LOADED.clear()
                _LOADED[key] = served(self.application, bundle)
            return _LOADED[key]


class ScoreShard(beam.DoFn):
    """Makes the histories of a shard and scores each at one instant.

    Args:
        question: which events count, and for whom the question is asked.
        mapping: how rows fold into events.
        model: the version that predicts.
        at_us: the instant; the events are those that were known by then.
        ranges: how many ranges of the subjects' hashes rows go to.
        spill: where shards lie that do not fit into memory; see `tables_of`.
    """

    def __init__(
        self,
        question: BundleQuestion,
        mapping: EventMapping,
        model: Model,
        at_us: int,
        ranges: int,
        spill: str | None = None,
    ):
        self._question, self._mapping, self._model = question, mapping, model
        self._at_us, self._ranges, self._spill = at_us, ranges, spill

    def process(
        self, element: tuple[int, Iterable[Piece]], coarse: Collection[str] = ()
    ) -> Iterator[Any]:
        """Numbers of ranges with rows of them; counts and errors beside them.

        Args:
            element: the shard's number, and its rows in pieces.
            coarse: digests of the sources whose clock is too coarse for bot rules.
        """
        shard, pieces = element
        counts: Counter[str] = Counter()
        settings = self._question.settings()
        if settings.bots is not None:
            rules = replace(settings.bots, coarse=frozenset(coarse))
            settings = replace(settings, bots=rules)
        try:
            for _, table in tables_of(
                f"{shard:05d}", pieces, settings, counts, self._spill
            ):
                histories = self.histories(table, settings, counts)
                yield from self.scored(histories, counts)
        except ZapError as problem:
            yield error(problem)
        yield from count(counts)

    def histories(
        self, table: pa.Table, settings: HistorySettings, counts: Counter[str]
    ) -> HistoryBatch:
        """The histories of whole subjects, by the rules of the question."""
        histories, dropped = build_histories(
            all_linked(table),
            settings,
            self._question.fields(),
            self._mapping,
            known_by_us=self._at_us,
        )
        counts.update(dropped)
        return histories

    def scored(
        self, histories: HistoryBatch, counts: Counter[str]
    ) -> Iterator[tuple[int, bytes]]:
        """Rows of predictions by the range of their subjects' hashes."""
        cutoffs = cutoffs_at(histories, self._at_us)
        counts["subjects.dropped.no_activity"] += histories.subjects - len(cutoffs)
        asked = Methods(self._question).eligible(Context(histories), cutoffs)
        counts["subjects.dropped.not_eligible"] += int((~asked).sum())
        cutoffs = cutoffs.select(asked)
        if not len(cutoffs):
            return
        model = self._model.load()
        scores = score_cutoffs(model.predictor, histories, cutoffs)
        counts["subjects.scored"] += len(scores)
        names = [histories.subject[row] for row in cutoffs.subject.tolist()]
        at_us = np.full(len(names), self._at_us, np.int64)
        rows = prediction_rows(model, names, at_us, scores)
        hashes = histories.subject_hash[cutoffs.subject]
        yield from by_range(rows, hashes, self._ranges)


def all_linked(table: pa.Table) -> pa.Table:
    """Events of which all links are known: those of persons have no time before them.

    Only what was known at the instant was read. So who was a visitor then is one in the
    data, and there is no second history of the time before a link.
    """
    place = table.schema.get_field_index(LINKED_AT)
    if place < 0:
        return table
    return table.set_column(place, LINKED_AT, pa.nulls(table.num_rows, TIMESTAMP))


def range_of(hashes: IntArray, ranges: int) -> IntArray:
    """The range of each hash, ascending with it: which of ``ranges`` equal ones."""
    above = (hashes >> 32) + (1 << 31)
    found: IntArray = (above * ranges) >> 32
    return found


def by_range(
    rows: pa.RecordBatch, hashes: IntArray, ranges: int
) -> Iterator[tuple[int, bytes]]:
    """Rows cut by the range of their subjects' hashes, in pieces that can travel.

    Args:
        rows: sorted by hash.
        hashes: int64, shape (rows,): of the subjects.
        ranges: how many there are.
    """
    ends = np.searchsorted(range_of(hashes, ranges), np.arange(ranges + 1))
    for number in range(ranges):
        start, stop = int(ends[number]), int(ends[number + 1])
        for first in range(start, stop, MOST_ROWS):
            piece = rows.slice(first, min(MOST_ROWS, stop - first))
            yield number, to_bytes(piece)


class WritePart(beam.DoFn):
    """Writes the predictions of one range of hashes as a part of the day.

    Args:
        output: where parts go.
        day: of the predictions; part of the parts' names.
        ranges: how many there are.
    """

    def __init__(self, output: Output, day: str, ranges: int):
        self._output, self._day, self._ranges = output, day, ranges

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterator[Any]:
        """What the output says of the part, and its facts; errors beside it."""
        number, pieces = element
        rows = in_order(to_table(pieces))
        name = f"{self._day}-part-{number:05d}"
        try:
            written = self._output.part(name, batches_in(rows))
        except ZapError as problem:
            yield error(problem)
            return
        facts = facts_of(rows, max(1, SAMPLE // self._ranges))
        yield {"number": number, "part": dict(written), "facts": facts}


def in_order(rows: pa.Table) -> pa.Table:
    """Rows in the order of their subjects' hashes; of equal ones by name."""
    hashes = pa.array(subject_hashes(rows.column("subject").combine_chunks()))
    keyed = pa.table({"hash": hashes, "subject": rows.column("subject")})
    order = [("hash", "ascending"), ("subject", "ascending")]
    return rows.take(pc.sort_indices(keyed, sort_keys=order))


def batches_in(rows: pa.Table) -> list[pa.RecordBatch]:
    """A table as batches of a bounded size."""
    found: list[pa.RecordBatch] = rows.combine_chunks().to_batches(MOST_ROWS)
    return found
