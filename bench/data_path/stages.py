"""``python -m bench.data_path.stages INPUT --mapping FILE``: where a job's time goes.

The steps of the pipeline in one process and without Beam, each with its seconds. What
Beam adds is what a job takes longer than their sum.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from zap.beam.examples import FitEncoder, SketchTrain, SlicedShard, SliceShard
from zap.beam.pipeline import shard_count
from zap.beam.read import ReadEvents
from zap.beam.shuffle import KeyByShard
from zap.beam.sources import parts_to_read
from zap.beam.write import WriteExamples
from zap.datasets.digest import add_digests, shown
from zap.datasets.splits import SPLITS, SubjectSplit
from zap.encoding.encoder import Encoder
from zap.encoding.fit import SketchSet, is_fitted
from zap.events.mapping import EventMapping
from zap.events.observed import observed_range
from zap.events.sources import list_sources
from zap.examples.generator import Generator
from zap.examples.observed import ObservedRange
from zap.examples.registry import load_generator


class Stages:
    """A job, step by step.

    Args:
        generator: the question.
        paths: files of events.
        mapping: how their rows become events; it declares the observed range.
        folder: where the examples go.

    Attributes:
        seconds: by the name of the step.
    """

    def __init__(
        self, generator: Generator, paths: list[str], mapping: EventMapping, folder: str
    ):
        self.seconds: Counter[str] = Counter()
        self._generator, self._mapping, self._folder = generator, mapping, folder
        self._sources = list_sources(paths, mapping)
        files = [source.path for source in self._sources]
        declared = observed_range(mapping, files)
        assert declared is not None, "the mapping must declare the observed range"
        self._observed = ObservedRange(*declared)
        for split in SPLITS:
            Path(folder, split).mkdir(parents=True)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - began

    def _each(self, name: str, found: Iterable[Any]) -> Iterator[Any]:
        """The elements of an iterator that works, with the time that each takes."""
        every = iter(found)
        while True:
            with self._timed(name):
                element = next(every, None)
            if element is None:
                return
            yield element

    def run(self) -> str:
        """All steps; the digest of what was written, variants included."""
        shards = self._shards()
        encoder = self._encoder(shards)
        step = WriteExamples(self._folder, "visits", "none")
        found = [
            each
            for shard in shards
            for each in self._each("encode and write", step.process(shard, encoder))
        ]
        parts = [each["digest"] for each in found if isinstance(each, dict)]
        return shown(add_digests(int(digest, 16) for digest in parts))

    def _pieces(self) -> dict[int, list[Any]]:
        generator = self._generator
        read = ReadEvents(self._mapping, generator, self._folder)
        most = generator.settings().max_subject_events
        key = KeyByShard(generator.subject, shard_count(self._sources, 1), most)
        key.start_bundle()
        pieces: dict[int, list[Any]] = defaultdict(list)

        def keep(found: Iterable[Any]) -> None:
            for each in found:
                if isinstance(each, tuple):
                    pieces[each[0]].append(each[1])

        for part in parts_to_read(self._sources):
            for batch in self._each("read", read.process(part)):
                if isinstance(batch, pa.RecordBatch):
                    with self._timed("key and pack"):
                        keep(key.process(batch))
        with self._timed("key and pack"):
            keep(each.value for each in key.finish_bundle())
        return pieces

    def _shards(self) -> list[SlicedShard]:
        step = SliceShard(
            self._generator, self._mapping, SubjectSplit(), f"{self._folder}/dead"
        )
        return [
            each
            for item in self._pieces().items()
            for each in self._each(
                "histories and slices", step.process(item, self._observed)
            )
            if isinstance(each, SlicedShard)
        ]

    def _encoder(self, shards: list[SlicedShard]) -> dict[str, Any]:
        generator = self._generator
        if is_fitted(generator.instance):
            return Encoder(generator.instance).to_dict()
        with self._timed("sketch and fit"):
            total = SketchSet()
            for shard in shards:
                for found in SketchTrain().process(shard, generator):
                    total = total.merge(SketchSet.from_dict(found))
            (encoder,) = FitEncoder().process(total.to_dict(), generator)
        fitted: dict[str, Any] = encoder
        return fitted


def main() -> None:
    """Run a job and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.data_path.stages")
    parser.add_argument("input", nargs="+")
    parser.add_argument("--mapping", required=True)
    parser.add_argument("--generator", default="simulated_shop")
    args = parser.parse_args()
    generator = load_generator(args.generator)
    with tempfile.TemporaryDirectory() as folder:
        mapping = EventMapping.load(args.mapping)
        stages = Stages(generator, args.input, mapping, folder)
        digest = stages.run()
    print("| step | seconds |\n| --- | --- |")
    for name, seconds in [*stages.seconds.items(), ("sum", stages.seconds.total())]:
        print(f"| {name} | {seconds:.2f} |")
    print(f"\ndigest {digest}")


if __name__ == "__main__":
    main()
