"""Sliced shards to files of encoded examples, in Beam."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import apache_beam as beam
import fsspec
import numpy as np
from numpy.typing import NDArray

from zap.beam.examples import SlicedShard
from zap.beam.outputs import count, error
from zap.beam.packed import pack, unpack
from zap.beam.shuffle import Piece, bytes_of, spilled
from zap.datasets.assemble import as_instances, assemble, in_split
from zap.datasets.parts import describe_part
from zap.datasets.recent import candidates, packed_lines
from zap.datasets.splits import SPLITS
from zap.datasets.tfexample import encode_visits
from zap.datasets.tfrecord import write_records
from zap.datasets.variants import Variant, encode_variant
from zap.datasets.visits import Visits
from zap.datasets.writing import whole, writing
from zap.encoding.columns import BoolArray
from zap.encoding.encoder import Encoder
from zap.encoding.measured import measure_events
from zap.errors import ZapError
from zap.examples.slicing import Slices

PARTS = "parts"
CANDIDATES = "candidates"  # a folder of the workspace, gone before it is published
TEST = SPLITS.index("test")
OTHERS = [number for number in range(len(SPLITS)) if number != TEST]


class PackShard(beam.DoFn):
    """Makes slices small, to wait for the encoder.

    Args:
        fields: what the encoder reads; other columns go.
        spill: a folder that all workers share, to wait in; None to travel.
    """

    def __init__(self, fields: Collection[str], spill: str | None):
        self._fields = {*fields, "type"}
        self._spill = spill

    def process(self, shard: SlicedShard) -> Iterator[Any]:
        """The shard packed, or the place where it lies; errors beside it."""
        variants = [
            replace(each, cut=replace(each.cut, slices=self._narrowed(each.cut.slices)))
            for each in shard.variants
        ]
        slices = self._narrowed(shard.slices)
        packed = pack([shard.name, slices, shard.part, variants])
        if self._spill is None:
            yield packed
            return
        try:
            for _, place in spilled([(shard.name, packed)], self._spill):
                yield place
        except ZapError as problem:
            yield error(problem)

    def _narrowed(self, slices: Slices) -> Slices:
        histories = slices.histories
        own = {n: c for n, c in histories.columns.items() if n in self._fields}
        bare = replace(histories, columns=own, subject=(), received_us=None)
        return replace(slices, histories=bare, failures=())


class WriteExamples(beam.DoFn):
    """Encodes a shard and writes one file for each part that it has examples of.

    Args:
        folder: where the parts' folders are.
        layout: "visits" or "instances".
        compression: "none" or "gzip".
        recent: how many examples are told again as events; 0 for none.
        of_shard: of these, a shard's share; see `RecentSample`.
    """

    def __init__(
        self,
        folder: str,
        layout: str,
        compression: str,
        recent: int = 0,
        of_shard: int = 0,
    ):
        self._folder = folder
        self._layout = layout
        self._compression = compression
        self._recent = recent
        self._of_shard = of_shard

    def process(
        self, element: SlicedShard | Piece, encoder: Mapping[str, Any] | None
    ) -> Iterator[Any]:
        """A description of each file written; counts and errors beside it."""
        if encoder is None:
            return
        shard = element
        if not isinstance(shard, SlicedShard):
            shard = SlicedShard(*unpack(bytes_of(shard)))
        try:
            fitted = Encoder.from_dict(encoder)
            for variant in shard.variants:
                yield self._write_variant(shard.name, variant, fitted)
            yield from self._write_shard(shard, fitted)
        except ZapError as problem:
            yield error(problem)

    def _write_shard(self, shard: SlicedShard, encoder: Encoder) -> Iterator[Any]:
        counts: Counter[str] = Counter()
        # Only where a model is judged anybody asks which feature made an entry.
        for numbers, with_sources in ((OTHERS, False), ([TEST], True)):
            some = np.isin(shard.part, numbers)
            if not some.any():
                continue
            slices = shard.slices.select(some)
            visits, events = assemble(slices, encoder, with_sources)
            counts.update(
                measure_events(encoder, slices.histories, events, visits.events)
            )
            yield from self._write_parts(shard.name, visits, shard.part[some])
        self._write_recent(shard, encoder)
        yield from count({f"encoding.{name}": n for name, n in counts.items()})

    def _write_recent(self, shard: SlicedShard, encoder: Encoder) -> None:
        if not self._recent or not len(shard.part):
            return
        self._make_folders(CANDIDATES)
        lines = candidates(
            shard.slices, shard.part, encoder, self._of_shard, self._recent
        )
        path = f"{self._folder}/{CANDIDATES}/{shard.name}.jsonl.gz"
        with whole(path) as file:
            file.write(packed_lines(lines))

    def _write_parts(
        self, name: str, visits: Visits, part: NDArray[np.int8]
    ) -> Iterator[dict[str, Any]]:
        """The files of visits whose cutoffs are in the parts ``part``."""
        of_visit = part[visits.cutoff_offsets[:-1]]
        whole = (part == np.repeat(of_visit, np.diff(visits.cutoff_offsets))).all()
        if whole and self._layout == "visits":
            records = encode_visits(visits)
            for number in np.unique(of_visit).tolist():
                rows = of_visit == number
                own = [records[row] for row in np.flatnonzero(rows).tolist()]
                yield self._write(SPLITS[number], name, visits, rows, own)
            return
        for number in np.unique(part).tolist():
            chosen = in_split(visits, part, number)
            if self._layout == "instances":
                chosen = as_instances(chosen)
            yield self._write_all(SPLITS[number], name, chosen)

    def _write_variant(
        self, name: str, variant: Variant, encoder: Encoder
    ) -> dict[str, Any]:
        folder = f"variants/{variant.name}"
        self._make_folders("variants", folder)
        visits = encode_variant(variant, encoder, self._layout)
        more = {"variant": variant.name, "lacking": variant.lacking}
        return self._write_all(folder, name, visits) | more

    def _make_folders(self, *names: str) -> None:
        """Make folders, but never that of a job which is gone (see `spilled`)."""
        for name in names:
            files, path = fsspec.core.url_to_fs(f"{self._folder}/{name}")
            local = "file" in files.protocol
            with writing(path), contextlib.suppress(FileExistsError):
                os.mkdir(path) if local else files.makedirs(path)

    def _write_all(self, split: str, name: str, visits: Visits) -> dict[str, Any]:
        every = np.ones(len(visits), bool)
        return self._write(split, name, visits, every, encode_visits(visits))

    def _write(
        self,
        split: str,
        name: str,
        visits: Visits,
        rows: BoolArray,
        records: Sequence[bytes],
    ) -> dict[str, Any]:
        """Write a file of the visits ``rows``, which are ``records``; describe it."""
        ending = ".tfrecord.gz" if self._compression == "gzip" else ".tfrecord"
        path = f"{split}/part-{name}{ending}"
        size = write_records(f"{self._folder}/{path}", records, self._compression)
        described = describe_part(visits, rows, records)
        return {"path": path, "split": split, "bytes": size, **described}
