"""Shards of events to written examples, in Beam."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import apache_beam as beam
import fsspec
import numpy as np
from numpy.typing import NDArray

from zap.beam.outputs import count, error
from zap.beam.shuffle import to_table
from zap.datasets.assemble import as_instances, assemble, in_split, label_reach
from zap.datasets.digest import digest_of, shown
from zap.datasets.splits import EMBARGOED, SPLITS, Split
from zap.datasets.tfexample import encode_visits
from zap.datasets.tfrecord import write_records
from zap.datasets.visits import Visits
from zap.encoding.encoder import Encoder
from zap.encoding.fit import SketchSet, fit, sketch_instance
from zap.encoding.measured import measure_events
from zap.errors import ZapError
from zap.events.derived import DERIVED
from zap.events.mapping import EventMapping
from zap.examples.generator import Generator
from zap.examples.methods import Failure
from zap.examples.observed import ObservedRange
from zap.examples.slicing import Slices, slice_histories
from zap.histories.build import build_histories

PARTS = "parts"
TRAIN, TEST = SPLITS.index("train"), SPLITS.index("test")


@dataclass(frozen=True)
class SlicedShard:
    """The slices of one shard and the part of each of its cutoffs."""

    shard: int
    slices: Slices
    part: NDArray[np.int8]


class SliceShard(beam.DoFn):
    """Makes the histories of a shard, cuts and labels them, assigns the parts.

    Args:
        generator: the question.
        mapping: how rows fold into events.
        split: which cutoff belongs to which part.
        dead_letters: folder for the subjects that the generator raised on.
    """

    def __init__(
        self,
        generator: Generator,
        mapping: EventMapping,
        split: Split,
        dead_letters: str,
    ):
        self._generator = generator
        self._mapping = mapping
        self._split = split
        self._dead_letters = dead_letters

    def process(
        self, element: tuple[int, Iterable[bytes]], observed: ObservedRange
    ) -> Iterator[Any]:
        """A `SlicedShard`, and counts and errors beside it."""
        shard, pieces = element
        try:
            yield from self._slice(shard, pieces, observed)
        except ZapError as problem:
            yield error(problem)

    def _slice(
        self, shard: int, pieces: Iterable[bytes], observed: ObservedRange
    ) -> Iterator[Any]:
        generator = self._generator
        fields = generator.fields()
        table = to_table(pieces)
        if fields is None:
            fields = {*table.schema.names, *DERIVED} - {"timestamp"}
        histories, counts = build_histories(
            table, generator.settings(), fields, self._mapping
        )
        slices = slice_histories(generator, histories, observed)
        counts.update(slices.counts)
        counts["subjects.generator_error"] += len(slices.failures)
        self._write_failures(shard, slices.failures)
        part = self._split.assign(
            slices.histories.subject_hash[slices.cutoffs.subject],
            slices.cutoffs.instant_us,
            label_reach(generator, slices),
        )
        counts["cutoffs.dropped.embargo"] += int((part == EMBARGOED).sum())
        yield from count(counts)
        yield SlicedShard(shard, slices, part)

    def _write_failures(self, shard: int, failures: Iterable[Failure]) -> None:
        lines = [json.dumps(asdict(failure)) for failure in failures]
        if lines:
            path = f"{self._dead_letters}/subjects-{shard:05d}.jsonl"
            with fsspec.open(path, "wb") as file:
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


class WriteExamples(beam.DoFn):
    """Encodes a shard and writes one file for each part that it has examples of.

    Args:
        folder: where the parts' folders are.
        layout: "visits" or "instances".
        compression: "none" or "gzip".
    """

    def __init__(self, folder: str, layout: str, compression: str):
        self._folder = folder
        self._layout = layout
        self._compression = compression

    def process(
        self, shard: SlicedShard, encoder: Mapping[str, Any] | None
    ) -> Iterator[Any]:
        """A description of each file written; counts and errors beside it."""
        if encoder is None or not len(shard.slices.cutoffs):
            return
        try:
            fitted = Encoder.from_dict(encoder)
            visits, events = assemble(shard.slices, fitted)
            found = measure_events(
                fitted, shard.slices.histories, events, visits.events
            )
            yield from count({f"encoding.{name}": n for name, n in found.items()})
            for number, name in enumerate(SPLITS):
                chosen = in_split(visits, shard.part, number)
                if number != TEST:
                    chosen = chosen.without_sources()
                if len(chosen):
                    yield self._write(name, shard.shard, chosen)
        except ZapError as problem:
            yield error(problem)

    def _write(self, split: str, shard: int, visits: Visits) -> dict[str, Any]:
        if self._layout == "instances":
            visits = as_instances(visits)
        records = encode_visits(visits)
        ending = ".tfrecord.gz" if self._compression == "gzip" else ".tfrecord"
        path = f"{split}/part-{shard:05d}{ending}"
        size = write_records(f"{self._folder}/{path}", records, self._compression)
        return {
            "path": path,
            "split": split,
            "bytes": size,
            "visits": len(visits),
            "events": len(visits.events),
            "examples": visits.cutoffs,
            "label_sum": float(visits.label.astype(np.float64).sum()),
            "subjects": len(np.unique(visits.subject_hash)),
            "digest": shown(digest_of(records)),
        }
