"""The pipeline that one writes at first: ``python -m bench.data_path.per_event``.

An element of the pipeline is an event, a dict; events are grouped by visitor, and a
loop in Python walks over the sorted events of each and makes a ``tf.Example`` after
every page view. What is told of a text is cached, as anyone would do.
"""

from __future__ import annotations

import argparse
import zlib
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import pyarrow.parquet as pq
from apache_beam.io import WriteToTFRecord
from apache_beam.metrics import Metrics
from tensorflow.core.example.example_pb2 import Example

from bench.data_path import job
from zap.beam.runner import make_pipeline

COLUMNS = [
    "id",
    "anonymous_id",
    "timestamp",
    "event",
    "url",
    "referrer",
    "user_agent",
    "campaign",
    "step",
    "visit_number",
    "bought_before",
]
SINCE_EDGES, TENURE_EDGES = job.SINCE_EDGES.tolist(), job.TENURE_EDGES.tolist()

Row = dict[str, Any]


def read_rows(path: str) -> Iterator[Row]:
    """The rows of a file as dicts, with what orders those of one time."""
    row = 0
    for batch in pq.ParquetFile(path).iter_batches(columns=COLUMNS):
        for found in batch.to_pylist():
            yield {**found, "place": (path, row)}
            row += 1


def is_good(row: Row) -> bool:
    """Whether a row is an event of a person that the question looks at."""
    ms = row["timestamp"]
    if ms is None or not job.EARLIEST_MS <= ms < job.LATEST_MS:
        return False
    if not row["event"] or not row["anonymous_id"]:
        return False
    if row["event"] == "page_view" and job.read_page(row["url"]).excluded:
        return False
    return not job.read_agent(row["user_agent"]).crawler


class MakeExamples(beam.DoFn):
    """The examples of one visitor.

    Args:
        observed: for which time the data are complete, in milliseconds.
    """

    def __init__(self, observed: tuple[int, int]):
        self._from, self._until = observed
        self._dropped = {
            reason: Metrics.counter("events.dropped", reason)
            for reason in ("max_subject_events", "duplicate_id", "rate", "max_events")
        }
        self._kept = Metrics.counter("events", "kept")

    def process(self, element: tuple[str, Iterable[Row]]) -> Iterator[tuple[int, Any]]:
        """The part of each example, and the example."""
        visitor, rows = element
        part = part_of(visitor)
        state = Past(visitor)
        for session in self._sessions(self._clean(rows)):
            self._kept.inc(len(session))
            last_buy = max(
                (n for n, row in enumerate(session) if row["event"] == "purchase"),
                default=-1,
            )
            whole = session[-1]["timestamp"] + job.GAP_MS <= self._until
            pages, bought = 0, False
            for number, row in enumerate(session):
                bought = bought or row["event"] == "purchase"
                if row["event"] != "page_view":
                    continue
                pages += 1
                state.see(row)
                asked = whole and row["timestamp"] >= self._from
                if asked and not bought and pages <= job.MAX_VIEWS:
                    seconds = (row["timestamp"] - session[0]["timestamp"]) / 1000
                    yield part, state.example(number < last_buy, pages, seconds)

    def _clean(self, rows: Iterable[Row]) -> list[Row]:
        """The visitor's events in order, without repeats; none if there are many."""
        ordered = sorted(rows, key=lambda row: (row["timestamp"], row["place"]))
        if len(ordered) > job.MAX_SUBJECT_EVENTS:
            self._dropped["max_subject_events"].inc(len(ordered))
            return []
        seen: set[str] = set()
        kept = []
        for row in ordered:
            if row["id"] and row["id"] in seen:
                self._dropped["duplicate_id"].inc()
                continue
            seen.add(row["id"])
            kept.append(row)
        return kept

    def _sessions(self, rows: Sequence[Row]) -> Iterator[list[Row]]:
        """The sessions of people that are not too long."""
        sessions: list[list[Row]] = []
        for row in rows:
            if (
                not sessions
                or row["timestamp"] - sessions[-1][-1]["timestamp"] > job.GAP_MS
            ):
                sessions.append([])
            sessions[-1].append(row)
        for session in sessions:
            if is_fast(session):
                self._dropped["rate"].inc(len(session))
            elif len(session) > job.MAX_EVENTS:
                self._dropped["max_events"].inc(len(session))
            else:
                yield session


def is_fast(session: Sequence[Row]) -> bool:
    """Whether more pages were asked for in a while than people read."""
    n = job.RATE_EVENTS
    times = [row["timestamp"] for row in session if row["event"] == "page_view"]
    pairs = zip(times, times[n:], strict=False)
    return any(late - early <= job.RATE_MS for early, late in pairs)


class Past:
    """What is known of a visitor so far.

    Args:
        visitor: the visitor's name.
    """

    def __init__(self, visitor: str):
        self._visitor = visitor
        self._events: deque[tuple[list[int], list[float]]] = deque(maxlen=job.LAST)
        self._row: Row = {}
        self._first_ms = 0
        self._last: dict[str, Any] = {}

    def see(self, row: Row) -> None:
        """Encode a page view and remember it."""
        if not self._row:
            self._first_ms = row["timestamp"]
        self._events.append(self._encoded(row))
        for name in ("campaign", "visit_number", "bought_before"):
            if row[name] is not None and row[name] != "":
                self._last[name] = row[name]
        self._row = row

    def _encoded(self, row: Row) -> tuple[list[int], list[float]]:
        places = {*job.read_page(row["url"]).places}
        places.update(job.read_step(row["step"]), job.read_referrer(row["referrer"]))
        agent = job.read_agent(row["user_agent"])
        if not self._row or agent != job.read_agent(self._row["user_agent"]):
            places.update(agent.places)
        indices = sorted(places)
        values = [1.0] * len(indices)
        if self._row:
            since = (row["timestamp"] - self._row["timestamp"]) / 1000
            since = min(since, SINCE_EDGES[-1])
            low = bisect_right(SINCE_EDGES, since) - 1
            share = 0.0
            if low + 1 < len(SINCE_EDGES):
                width = SINCE_EDGES[low + 1] - SINCE_EDGES[low]
                share = (since - SINCE_EDGES[low]) / width
            indices.append(job.HASH_BUCKETS + low)
            values.append(1 - share)
            if share > 0:
                indices.append(job.HASH_BUCKETS + low + 1)
                values.append(share)
        return indices, values

    def example(self, label: bool, pages: int, seconds: float) -> Example:
        """The example after the page view that was seen last."""
        example = Example()
        features = example.features.feature
        features["visitor"].bytes_list.value.append(self._visitor.encode())
        instant_us = self._row["timestamp"] * 1000
        features["instant_us"].int64_list.value.append(instant_us)
        features["label"].float_list.value.append(float(label))
        features["pages"].float_list.value.append(pages)
        features["seconds"].float_list.value.append(seconds)
        features["metadata_indices"].int64_list.value.extend(self._metadata())
        lengths = features["event_lengths"].int64_list.value
        indices = features["event_indices"].int64_list.value
        values = features["event_values"].float_list.value
        for event_indices, event_values in self._events:
            lengths.append(len(event_indices))
            indices.extend(event_indices)
            values.extend(event_values)
        return example

    def _metadata(self) -> list[int]:
        places = [*job.read_campaign(self._last.get("campaign"))]
        visit = self._last.get("visit_number")
        if visit is not None:
            clipped = max(job.LOWEST_VISIT, min(job.HIGHEST_VISIT, visit))
            places.append(job.VISIT_PLACE + clipped - job.LOWEST_VISIT)
        bought = self._last.get("bought_before")
        if bought is not None:
            places.append(job.BOUGHT_PLACE + int(bought))
        tenure = (self._row["timestamp"] - self._first_ms) / 1000
        places.append(job.TENURE_PLACE + bisect_right(TENURE_EDGES, tenure) - 1)
        return places


def part_of(visitor: str) -> int:
    """The part of a visitor: index into ``job.SPLITS``."""
    drawn = zlib.crc32(visitor.encode()) % job.SPLIT_ENDS[-1]
    return bisect_right(job.SPLIT_ENDS, drawn)


def main(argv: Sequence[str] | None = None) -> None:
    """Read a folder of Parquet files, write TFRecords and a manifest."""
    parser = argparse.ArgumentParser(prog="python -m bench.data_path.per_event")
    parser.add_argument("input", type=Path, help="folder of Parquet files")
    parser.add_argument("output", type=Path, help="folder to be made")
    parser.add_argument("--mapping", type=Path, required=True, help="observed range")
    args, beam_args = parser.parse_known_args(argv)
    args.output.mkdir(parents=True)
    pipeline = make_pipeline(beam_args)
    parts = (
        pipeline
        | "Files" >> beam.Create(job.files_of(args.input))
        | "Read" >> beam.FlatMap(read_rows)
        | "Good rows" >> beam.Filter(is_good)
        | "By visitor" >> beam.Map(lambda row: (row["anonymous_id"], row))
        | "Group" >> beam.GroupByKey()
        | "Examples" >> beam.ParDo(MakeExamples(job.observed_ms(args.mapping)))
        | "Parts" >> beam.Partition(lambda pair, n: pair[0], len(job.SPLITS))
    )
    for name, part in zip(job.SPLITS, parts, strict=True):
        _ = (
            part
            | f"Serialize {name}" >> beam.Map(lambda pair: pair[1].SerializeToString())
            | f"Count {name}" >> beam.Map(_counted, name)
            | f"Write {name}"
            >> WriteToTFRecord(
                str(args.output / name), file_name_suffix=".tfrecord", num_shards=2
            )
        )
    result = pipeline.run()
    result.wait_until_finish()
    found = result.metrics().query()["counters"]
    counts = {f"{c.key.metric.namespace}.{c.key.metric.name}": c.result for c in found}
    job.write_manifest(args.output, counts)


def _counted(record: bytes, part: str) -> bytes:
    Metrics.counter("examples", part).inc()
    return record


if __name__ == "__main__":
    main()
