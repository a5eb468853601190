"""Shards of subjects as stateful work: their state is the runner's, at a small price.

A key is a shard, as elements are batches. The runner keeps notes of what happened to it
and now and then all of it (``zap.scoring.following.notes``), so that a bundle writes
what is new and not what is there. A worker keeps shards in memory beside that. Each
step draws a new mark: memory whose mark is not the one in the state is of a bundle that
failed, or is older, and the shard is made again from its notes.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.coders import BytesCoder
from apache_beam.metrics import Metrics
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.utils.timestamp import Timestamp

from zap.beam.follow_state import State
from zap.beam.follow_write import Step
from zap.scoring.following.job import FollowJob
from zap.scoring.following.notes import Note
from zap.scoring.following.output import read_progress
from zap.scoring.following.scores import followed_rows, scorer_of
from zap.scoring.following.shard import Row, Shard
from zap.serving.served import Served

MOST_SHARDS = 256


class Shards:
    """The shards that a process has in memory: who takes one out has it alone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[str, int], tuple[int, Shard]] = {}

    def take(self, job: str, key: int, drawn: int) -> Shard | None:
        """The shard as it was when that mark was drawn."""
        with self._lock:
            held = self._held.pop((job, key), None)
        return held[1] if held is not None and held[0] == drawn else None

    def put(self, job: str, key: int, drawn: int, shard: Shard) -> None:
        """Keep a shard; the one that was used least recently goes for it."""
        with self._lock:
            self._held[job, key] = drawn, shard
            if len(self._held) > MOST_SHARDS:
                self._held.pop(next(iter(self._held)))


MARK = beam.DoFn.StateParam(ReadModifyWriteStateSpec("mark", BytesCoder()))
NOTES = beam.DoFn.StateParam(BagStateSpec("notes", BytesCoder()))
PICTURE = beam.DoFn.StateParam(BagStateSpec("picture", BytesCoder()))
INSTANT = TimerSpec("instant", TimeDomain.WATERMARK)
TIMER = beam.DoFn.TimerParam(INSTANT)

_SHARDS = Shards()
_MODELS: dict[tuple[str, str, str], Served] = {}
_LOADS = threading.Lock()


def model_of(job: FollowJob) -> Served:
    """The model, loaded once a process."""
    key = job.registry, job.application, job.version
    with _LOADS:
        if key not in _MODELS:
            _MODELS[key] = job.load()
        return _MODELS[key]


@beam.typehints.with_input_types(tuple[int, tuple[int, bytes]])
class ScoreShards(beam.DoFn):
    """Scores the subjects of shards when the watermark passes their instants.

    Args:
        job: when, and with which model.
    """

    def __init__(self, job: FollowJob):
        self._job = job
        self._name = f"{job.output}\0{random.getrandbits(64)}"
        self._model: Served | None = None

    def setup(self) -> None:
        """Load the model."""
        self._model = model_of(self._job)

    def process(
        self,
        element: tuple[int, tuple[int, bytes]],
        mark: Any = MARK,
        notes: Any = NOTES,
        pieces: Any = PICTURE,
        timer: Any = TIMER,
    ) -> Iterator[Step]:
        """Take a batch; give the scores that it corrects."""
        key, (hint_us, events) = element
        state = State(mark, notes, pieces, timer)
        yield from self._step(key, state, None, events, hint_us)

    @on_timer(INSTANT)
    def fire(
        self,
        key: int = beam.DoFn.KeyParam,
        at: Timestamp = beam.DoFn.TimestampParam,
        mark: Any = MARK,
        notes: Any = NOTES,
        pieces: Any = PICTURE,
        timer: Any = TIMER,
    ) -> Iterator[Step]:
        """Give the scores of all instants up to the timer's."""
        state = State(mark, notes, pieces, timer)
        yield from self._step(key, state, int(at.micros) - 1, b"", 0)

    def _step(
        self, key: int, state: State, until_us: int | None, events: bytes, hint_us: int
    ) -> Iterator[Step]:
        before = state.read()
        shard = _SHARDS.take(self._name, key, before.drawn)
        if shard is None:
            shard = self._made_again(key, state)
        counted = shard.counts.copy()
        note = Note(before.number + 1, until_us, events)
        rows = note.happen(shard)
        after = state.noted(before, note, shard, hint_us)
        _SHARDS.put(self._name, key, after.drawn, shard)
        tell(shard.counts - counted)
        yield from self._given(key, after.number, shard, rows, until_us)

    def _made_again(self, key: int, state: State) -> Shard:
        """The shard of a state; of none, one that goes on where a run ended."""
        assert self._model is not None
        following = self._job.following
        found = read_progress(self._job.output, key)
        if found is not None:
            # What this run has told holds: it began there, whatever came since.
            since = found["since_us"]
            if found["run"] < self._job.run:
                since = found["scored_until_us"] - following.lateness_us
            # An end that is asked for may lie before what was scored.
            since = min(since, following.until_us - 1)
            following = replace(following, since_us=max(following.since_us, since))
        shard = Shard(self._model.need, following, scorer_of(self._model))
        state.happen(shard)
        return shard

    def _given(
        self,
        key: int,
        number: int,
        shard: Shard,
        rows: list[Row],
        until_us: int | None,
    ) -> Iterator[Step]:
        assert self._model is not None
        content, progress = b"", ""
        if rows:
            batch = followed_rows(self._model, rows, self._job.run)
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            content = sink.getvalue().to_pybytes()
        if until_us is not None:
            told = {
                "run": self._job.run,
                "since_us": shard.following.since_us,
                "scored_until_us": min(shard.fired_us, self._job.following.until_us),
                "subjects": len(shard.subjects),
                "counts": dict(sorted(shard.counts.items())),
            }
            progress = json.dumps(told)
        if content or progress:
            yield Step(key, number, self._job.run, progress, content)


def tell(counts: Counter[str]) -> None:
    """Add to the counters that a runner shows."""
    for name, number in counts.items():
        Metrics.counter("zap", name).inc(number)
