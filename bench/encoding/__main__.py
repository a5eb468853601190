"""``python -m bench.encoding``: one instance online beside its hashes, and batches.

Contenders take turns, each at all visits in a row; of each visit the best time of all
rounds counts. Garbage is not collected while a clock runs.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import mmh3
import numpy as np
from sklearn.feature_extraction import FeatureHasher

from bench.encoding.parsing import derive_all, parsers
from bench.encoding.shop import (
    INSTANCE,
    Event,
    hashed_strings,
    new_pages,
    usual,
    visits,
)
from zap.encoding.columns import FlatHistories
from zap.encoding.encoder import Encoder
from zap.encoding.single import one_history
from zap.serving.stores.document import Document, decode, encode

EVENTS = 40
PAGE = ["product", "category", "url.path", "url.segments", "url.query_keys"]


def clocked(function: Callable[..., Any], items: Sequence[Any]) -> list[float]:
    """The seconds of a call with each item."""
    clock, took = time.perf_counter, []
    gc.disable()
    for item in items:
        began = clock()
        function(item)
        took.append(clock() - began)
    gc.enable()
    return took


def hash_all(keys: list[bytes]) -> None:
    """The calls to mmh3 alone."""
    seed, function = INSTANCE.hash_seed, mmh3.hash
    for key in keys:
        function(key, seed, signed=False)


def decoded(text: str) -> list[Event]:
    """A visit read anew: no text in it has been hashed by Python before."""
    return [
        {k: tuple(v) if isinstance(v, list) else v for k, v in event.items()}
        for event in json.loads(text)
    ]


def from_a_store(document: bytes) -> Sequence[Event]:
    """A visit as an event store hands it over, read anew."""
    return decode(document, 0)[0].events


def fresh() -> Encoder:
    """An encoder that is set up, but has seen nothing."""
    encoder = Encoder(INSTANCE)
    assert len(encoder.online.cache) == 0
    return encoder


class Online:
    """The contenders at single instances.

    Args:
        count: number of visits.
    """

    def __init__(self, count: int):
        self.encoder = Encoder(INSTANCE)
        self.visits = list(usual(count, EVENTS))
        self.texts = [json.dumps(visit) for visit in self.visits]
        self.documents = [encode(Document(json.loads(text))) for text in self.texts]
        self.keys = [hashed_strings(self.encoder, visit) for visit in self.visits]
        self.flat = [[key for row in rows for key in row] for rows in self.keys]
        self.rows = [[[key.decode() for key in r] for r in rows] for rows in self.keys]
        self.hasher = FeatureHasher(4096, input_type="string", alternate_sign=False)
        self.number = 10**6
        for visit in self.visits:
            self.encoder.encode_instance(visit)

    def contenders(self) -> Iterator[tuple[str, Callable[..., Any], list[Any]]]:
        """Each with its function and what it gets, prepared anew: one item a visit."""
        encode_instance = self.encoder.encode_instance
        distinct = [list(dict.fromkeys(keys)) for keys in self.flat]
        new = list(new_pages(len(self.visits), EVENTS, 0, self.number))
        self.number += len(new) * EVENTS
        new_keys = [
            [key for row in hashed_strings(self.encoder, visit) for key in row]
            for visit in new
        ]
        next_pages = list(new_pages(len(new), 1, 0, self.number))
        self.number += len(new)
        steps = [
            [*visit[1:], {**visit[-1], **{k: page[k] for k in PAGE}}]
            for visit, (page,) in zip(self.visits, next_pages, strict=True)
        ]
        yield "mmh3 alone", hash_all, self.flat
        yield "mmh3 alone, each distinct string once", hash_all, distinct
        yield "FeatureHasher", self.hasher.transform, self.rows
        yield "warm, the same objects", encode_instance, self.visits
        yield "warm, events read anew", encode_instance, list(map(decoded, self.texts))
        stored = list(map(from_a_store, self.documents))
        yield "warm, from a store's document", encode_instance, stored
        yield "warm, the last event new", encode_instance, steps
        yield "every URL new", encode_instance, new
        yield "mmh3 alone, every URL new", hash_all, new_keys
        cold = [(fresh(), decoded(text)) for text in self.texts]
        yield "cold", lambda pair: pair[0].encode_instance(pair[1]), cold
        yield "as a batch of one", self.encoder.encode_as_batch, self.visits
        for name, fields, sent in parsers(new, self.number):
            yield name, partial(derive_all, fields), sent

    def best(self, rounds: int) -> dict[str, float]:
        """Microseconds an instance: the best of each visit, averaged over visits."""
        found: dict[str, list[float]] = {}
        for _ in range(rounds):
            for name, function, items in self.contenders():
                best = found.setdefault(name, [float("inf")] * len(items))
                for at, took in enumerate(clocked(function, items)):
                    best[at] = min(best[at], took)
        return {name: float(np.mean(best)) * 1e6 for name, best in found.items()}


def batch(visits_of: Iterator[list[Event]]) -> tuple[FlatHistories, np.ndarray]:
    """Visits as one batch of histories, and all of their events."""
    made = list(visits_of)
    flat = [event for visit in made for event in visit]
    order = [{**event, "timestamp": place} for place, event in enumerate(flat)]
    histories = one_history(order, INSTANCE.reads.fields)
    times = np.array([event["timestamp"] for event in flat], np.int64)
    offsets = np.cumsum([0, *map(len, made)])
    return FlatHistories(offsets, times, histories.columns), np.arange(len(flat))


def batches(events: int, rounds: int) -> dict[str, float]:
    """Seconds of ``encode_events``, for usual events and for new pages."""
    encoder = Encoder(INSTANCE)
    count = events // EVENTS
    inputs = {
        "batch, usual": batch(usual(count, EVENTS)),
        "batch, every URL distinct": batch(new_pages(count, EVENTS, 0, 10**6)),
    }
    best = dict.fromkeys(inputs, float("inf"))
    for _ in range(rounds):
        for name, given in inputs.items():
            (took,) = clocked(lambda pair: encoder.encode_events(*pair), [given])
            best[name] = min(best[name], took)
    return best


def memory() -> tuple[int, float]:
    """Rows of a full cache, and bytes a row, the texts of its events included."""
    encoder = fresh()
    limit = INSTANCE.last * 220
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for visit in visits(limit // EVENTS, EVENTS, 0, 10**6):
        encoder.encode_instance(decoded(json.dumps(visit)))
    gc.collect()
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    rows = len(encoder.online.cache)
    return rows, held / rows


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.encoding")
    parser.add_argument("--visits", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch-events", type=int, default=200_000)
    args = parser.parse_args()
    online = Online(args.visits)
    strings = np.mean([len(keys) for keys in online.flat])
    distinct = np.mean([len(set(keys)) for keys in online.flat])
    print(
        f"{os.cpu_count()} cores, load before {os.getloadavg()[0]:.1f}; "
        f"{EVENTS} events, {strings:.0f} strings hashed, {distinct:.0f} distinct\n"
    )
    best = online.best(args.rounds)
    print("| one instance | microseconds | times mmh3 | FeatureHasher takes |")
    print("| --- | --- | --- | --- |")
    for name, took in best.items():
        times, than = took / best["mmh3 alone"], best["FeatureHasher"] / took
        print(f"| {name} | {took:.1f} | {times:.2f} | {than:.2f} times as long |")
    print("\n| batch | events a second | times the usual |\n| --- | --- | --- |")
    many = batches(args.batch_events, max(3, args.rounds // 10))
    for name, took in many.items():
        count = args.batch_events // EVENTS * EVENTS
        print(f"| {name} | {count / took:,.0f} | {took / many['batch, usual']:.2f} |")
    report(best, many)


def report(best: dict[str, float], many: dict[str, float]) -> None:
    """Print the goals beside what was measured, and the memory."""
    warm, cold = best["warm, events read anew"], best["cold"]
    stored = best["warm, from a store's document"]
    alone, hasher, new = (
        best["mmh3 alone"],
        best["FeatureHasher"],
        best["every URL new"],
    )
    ratio = many["batch, every URL distinct"] / many["batch, usual"]
    rows = [
        ("warm / mmh3 alone, the same objects", "at most 2",
         best["warm, the same objects"] / alone),
        ("warm / mmh3 alone, events read anew", "at most 2", warm / alone),
        ("warm / mmh3 alone, from a document", "at most 2", stored / alone),
        ("FeatureHasher / warm, events read anew", "at least 5", hasher / warm),
        ("FeatureHasher / warm, from a document", "at least 5", hasher / stored),
        ("cold / mmh3 alone", "at most 5", cold / alone),
        ("every URL new / warm", "at most 3", new / warm),
        ("every URL new / cold", "-", new / cold),
        ("every URL distinct / usual, batch", "at most 3", ratio),
    ]  # fmt: skip
    print("\n| ratio | goal | measured |\n| --- | --- | --- |")
    for name, goal, measured in rows:
        print(f"| {name} | {goal} | {measured:.2f} |")
    count, size = memory()
    total = count * size / 1e6
    print(
        f"\nA cache of {count:,} rows of new pages: {total:.1f} MB, "
        f"{size:,.0f} bytes each."
    )


if __name__ == "__main__":
    main()
