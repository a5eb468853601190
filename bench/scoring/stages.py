"""The steps of a scoring job in one process and without Beam, each with its seconds."""

from __future__ import annotations

import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from zap.beam.outputs import COUNTS
from zap.beam.pipeline import shard_count
from zap.beam.read import ReadEvents
from zap.beam.score import ScoreShard, WritePart
from zap.beam.score_pipeline import ScoreJob, made_folders
from zap.beam.shards import tables_of
from zap.beam.shuffle import KeyByShard
from zap.beam.sources import parts_to_read
from zap.scoring.parquet_output import ParquetOutput
from zap.scoring.rows import day_of
from zap.scoring.staging import LETTERS
from zap.serving.predictor import Predictor


class Watched:
    """A frozen model that keeps what it was given, and how long it took.

    Attributes:
        seconds: of all calls.
        inputs: of each call.
    """

    def __init__(self, model: Any):
        self._model, self.spec, self.outputs = model, model.spec, model.outputs
        self.reads_events = model.reads_events
        self.seconds = 0.0
        self.inputs: list[tuple[Any, ...]] = []

    def score(self, *inputs: Any) -> Any:
        """See ``FrozenModel.score``."""
        began = time.process_time()
        found = self._model.score(*inputs)
        self.seconds += time.process_time() - began
        self.inputs.append(inputs)
        return found


class Stages:
    """A job, step by step.

    Args:
        job: what is scored.

    Attributes:
        seconds: by the name of the step.
        model: the model, with all that it was asked.
        subjects: how many were scored.
    """

    def __init__(self, job: ScoreJob):
        self.seconds: Counter[str] = Counter()
        self._job = job
        predictor: Predictor = job.model.load().predictor
        self.model = Watched(predictor.scorer.model)
        self._scorer = predictor.scorer
        self.subjects = 0

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self.seconds[name] += time.process_time() - began

    def _each(self, name: str, found: Iterable[Any]) -> Iterator[Any]:
        """The elements of an iterator that works, with the time that each takes."""
        every = iter(found)
        while True:
            with self._timed(name):
                element = next(every, None)
            if element is None:
                return
            yield element

    def run(self) -> None:
        """All steps, the writing of a Parquet file included."""
        frozen, self._scorer.model = self._scorer.model, self.model
        try:
            with tempfile.TemporaryDirectory(prefix="zap-") as root:
                self._run(ParquetOutput(root))
        finally:
            self._scorer.model = frozen

    def _run(self, output: ParquetOutput) -> None:
        job, day = self._job, day_of(self._job.at_us)
        output.begin(job.model.application, [day])
        made_folders(output.folder)
        shards = shard_count(job.inputs.files, 1)
        step = ScoreShard(job.question, job.mapping, job.model, job.at_us, shards)
        rows: dict[int, list[bytes]] = defaultdict(list)
        settings = job.question.settings()
        for _, pieces in self._pieces(f"{output.folder}/{LETTERS}", shards):
            counts: Counter[str] = Counter()
            with self._timed("histories"):
                ((_, table),) = tables_of("shard", pieces, settings, counts)
                histories = step.histories(table, settings, counts)
            for found in self._each(
                "encode, pad, rows", step.scored(histories, counts)
            ):
                rows[found[0]].append(found[1])
            self.subjects += counts["subjects.scored"]
        self.seconds["model"] = self.model.seconds
        self.seconds["encode, pad, rows"] -= self.model.seconds
        write = WritePart(output, str(day), shards)
        parts = [
            found["part"]
            for item in sorted(rows.items())
            for found in self._each("write", write.process(item))
        ]
        with self._timed("write"):
            output.publish(day, parts)
        output.end()

    def _pieces(self, letters: str, shards: int) -> Iterator[tuple[int, list[Any]]]:
        job = self._job
        read = ReadEvents(job.mapping, job.question, letters, job.at_us)
        most = job.question.settings().max_subject_events
        key = KeyByShard(job.question.subject, shards, most)
        key.start_bundle()
        pieces: dict[int, list[Any]] = defaultdict(list)

        def keep(found: Iterable[Any]) -> None:
            for each in found:
                if getattr(each, "tag", None) != COUNTS:
                    number, piece = each
                    pieces[number].append(piece)

        for part in parts_to_read(job.inputs.sources or ()):
            for batch in self._each("read", read.process(part)):
                if isinstance(batch, pa.RecordBatch):
                    with self._timed("key and pack"):
                        keep(key.process(batch))
        with self._timed("key and pack"):
            keep(each.value for each in key.finish_bundle())
        yield from sorted(pieces.items())
