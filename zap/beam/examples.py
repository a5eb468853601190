"""Shards of events to written examples, in Beam."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zap.beam.outputs import count, error
from zap.beam.shards import tables_of
from zap.beam.shuffle import Piece
from zap.datasets.assemble import label_reach
from zap.datasets.splits import EMBARGOED, SPLITS, Split
from zap.datasets.variants import Cut, Variant, make_variants
from zap.datasets.writing import whole
from zap.encoding.encoder import Encoder
from zap.encoding.fit import SketchSet, fit, sketch_instance
from zap.errors import ZapError
from zap.events.derived import DERIVED
from zap.events.mapping import EventMapping
from zap.examples.generator import Generator
from zap.examples.methods import Failure
from zap.examples.observed import ObservedRange
from zap.examples.slicing import Slices, slice_histories
from zap.histories.build import HistorySettings, build_histories
from zap.histories.selection import BOT

TRAIN = SPLITS.index("train")


@dataclass(frozen=True)
class SlicedShard:
    """The slices of one shard, the part of each of its cutoffs, and its variants.

    Attributes:
        name: of the shard, or of a part of one that was too large.
        slices: its cutoffs.
        part: int8, shape (cutoffs,): the part of the dataset of each.
        variants: counterfactual versions.
    """

    name: str
    slices: Slices
    part: NDArray[np.int8]
    variants: tuple[Variant, ...] = ()


class SliceShard(beam.DoFn):
    """Makes the histories of a shard, cuts and labels them, assigns the parts.

    Args:
        generator: the question.
        mapping: how rows fold into events.
        split: which cutoff belongs to which part.
        dead_letters: folder for the subjects that the generator raised on.
        spill: a folder for parts of a shard that is too large; None for the worker's.
    """

    def __init__(
        self,
        generator: Generator,
        mapping: EventMapping,
        split: Split,
        dead_letters: str,
        spill: str | None = None,
    ):
        self._generator = generator
        self._mapping = mapping
        self._split = split
        self._dead_letters = dead_letters
        self._spill = spill

    def process(
        self,
        element: tuple[int, Iterable[Piece]],
        observed: ObservedRange,
        coarse: Collection[str] = (),
    ) -> Iterator[Any]:
        """A `SlicedShard` or several, and counts and errors beside them.

        Args:
            element: the shard's number, and its rows in pieces.
            observed: the observed range.
            coarse: digests of the sources whose clock is too coarse for bot rules.
        """
        shard, pieces = element
        settings = self._generator.settings()
        if settings.bots is not None:
            rules = replace(settings.bots, coarse=frozenset(coarse))
            settings = replace(settings, bots=rules)
        counts: Counter[str] = Counter()
        try:
            for name, table in tables_of(
                f"{shard:05d}", pieces, settings, counts, self._spill
            ):
                yield self._slice(name, table, settings, observed, counts)
        except ZapError as problem:
            yield error(problem)
        yield from count(counts)

    def _slice(
        self,
        name: str,
        table: pa.Table,
        settings: HistorySettings,
        observed: ObservedRange,
        counts: Counter[str],
    ) -> SlicedShard:
        flagged: dict[str, str] = {}
        base = self._cut(table, settings, observed, counts, flagged)
        slices, part = base.slices, base.part
        variants, found = make_variants(
            table,
            settings,
            base,
            flagged,
            lambda rows, how: self._cut(rows, how, observed, Counter(), {}),
        )
        counts.update(found)
        counts.update(slices.counts)
        counts["subjects.generator_error"] += len(slices.failures)
        self._write_failures(name, slices.failures)
        counts["cutoffs.dropped.embargo"] += int((part == EMBARGOED).sum())
        return SlicedShard(name, slices, part, tuple(variants))

    def _cut(
        self,
        table: pa.Table,
        settings: HistorySettings,
        observed: ObservedRange,
        counts: Counter[str],
        flagged: dict[str, str],
    ) -> Cut:
        """Histories, cutoffs, labels and parts of some rows."""
        generator = self._generator
        fields = generator.fields()
        if fields is None:
            fields = {*table.schema.names, *DERIVED} - {"timestamp", BOT}
        histories, dropped = build_histories(
            table, settings, fields, self._mapping, flagged
        )
        counts.update(dropped)
        slices = slice_histories(generator, histories, observed)
        part = self._split.assign(
            slices.histories.subject_hash[slices.cutoffs.subject],
            slices.cutoffs.instant_us,
            label_reach(generator, slices),
        )
        return Cut(histories.subjects, slices, part)

    def _write_failures(self, name: str, failures: Iterable[Failure]) -> None:
        lines = [json.dumps(asdict(failure)) for failure in failures]
        if lines:
            path = f"{self._dead_letters}/subjects-{name}.jsonl"
            with whole(path) as file:
                file.write("".join(f"{line}\n" for line in lines).encode())


class SketchTrain(beam.DoFn):
    """What the instance leaves open, over what the training cutoffs can see."""

    def process(self, shard: SlicedShard, generator: Generator) -> Iterator[Any]:
        """The shard's sketches; errors beside them."""
        train = shard.slices.cutoffs.select(shard.part == TRAIN)
        try:
            yield sketch_instance(
                generator.instance, shard.slices.histories, train
            ).to_dict()
        except ZapError as problem:
            yield error(problem)


class FitEncoder(beam.DoFn):
    """Makes the encoder of the sketches of all shards."""

    def process(
        self, sketches: Mapping[str, Any], generator: Generator
    ) -> Iterator[Any]:
        """The encoder as JSON; errors beside it."""
        try:
            fitted = fit(generator.instance, SketchSet.from_dict(sketches))
            yield Encoder(fitted).to_dict()
        except ZapError as problem:
            yield error(problem)


class MergeSketches(beam.CombineFn):
    """Merges the sketches of all shards."""

    def create_accumulator(self) -> SketchSet:
        return SketchSet()

    def add_input(self, total: SketchSet, sketches: Mapping[str, Any]) -> SketchSet:
        return total.merge(SketchSet.from_dict(sketches))

    def merge_accumulators(self, totals: Iterable[SketchSet]) -> SketchSet:
        merged = SketchSet()
        for total in totals:
            merged = merged.merge(total)
        return merged

    def extract_output(self, total: SketchSet) -> dict[str, Any]:
        return total.to_dict()
