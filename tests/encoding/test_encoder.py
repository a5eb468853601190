"""Batches, single instances and a plain loop over events encode alike."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from typing import Any

import mmh3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_events import (
    DAY_US,
    HOUR_US,
    INSTANCE,
    PAST_EVENTS,
    SUBJECTS,
    Event,
    all_cutoffs,
    flat,
    pasts,
    retained,
    same_bytes,
)

from zap.encoding.columns import (
    Cutoffs,
    FlatHistories,
    SparseRows,
)
from zap.encoding.encoder import EncodedInstance, Encoder
from zap.encoding.features import (
    Hash,
    LinearBins,
    OneHot,
    PowerBins,
)
from zap.encoding.instance import ANY, Instance
from zap.errors import EncodingError

Row = dict[int, float]


def rows_of(sparse: SparseRows) -> list[Row]:
    return [
        dict(
            zip(sparse.indices[a:b].tolist(), sparse.values[a:b].tolist(), strict=True)
        )
        for a, b in zip(sparse.offsets[:-1], sparse.offsets[1:], strict=True)
    ]


@settings(max_examples=60)
@given(SUBJECTS, st.sampled_from([0, 1, HOUR_US, 30 * HOUR_US]))
def test_a_batch_and_single_instances_give_the_same_bytes(
    subjects: list[list[Event]], later_us: int
) -> None:
    encoder, histories = Encoder(INSTANCE), flat(subjects)
    cutoffs = all_cutoffs(subjects, later_us)
    kept, start, stop = encoder.windows(histories, cutoffs)
    metadata = encoder.encode_metadata(histories, cutoffs)
    assert len(metadata) == len(cutoffs)
    for c, (past, instant) in enumerate(pasts(subjects, cutoffs)):
        one = encoder.encode_instance(past, instant)
        events = encoder.encode_events(histories, kept[start[c] : stop[c]])
        assert same_bytes(one.events, events)
        assert rows_of(one.metadata) == [rows_of(metadata)[c]]


@given(SUBJECTS)
def test_a_row_does_not_depend_on_which_rows_are_asked(
    subjects: list[list[Event]],
) -> None:
    encoder, histories = Encoder(INSTANCE), flat(subjects)
    kept, _, _ = encoder.windows(histories, all_cutoffs(subjects, 0))
    rows = rows_of(encoder.encode_events(histories, kept))
    assert rows[::2] == rows_of(encoder.encode_events(histories, kept[::2]))


@given(SUBJECTS, PAST_EVENTS)
def test_nothing_after_a_position_reaches_its_instance(
    subjects: list[list[Event]], other: list[Event]
) -> None:
    """The future is replaced; rows and metadata of the past stay as they were."""
    encoder, half = (
        Encoder(INSTANCE),
        [events[: len(events) // 2] for events in subjects],
    )
    latest = [events[-1]["timestamp"] if events else 0 for events in half]
    changed = [
        past + [{**event, "timestamp": event["timestamp"] + last} for event in other]
        for past, last in zip(half, latest, strict=True)
    ]
    found = []
    for version in (subjects, changed):
        histories = flat(version)
        cutoffs = Cutoffs(
            subject=np.arange(len(half)),
            position=histories.offsets[:-1] + list(map(len, half)),
            instant_us=np.array(latest, np.int64),
        )
        kept, start, stop = encoder.windows(histories, cutoffs)
        ranges = [kept[a:b] for a, b in zip(start, stop, strict=True)]
        events = encoder.encode_events(histories, np.concatenate(ranges))
        found.append(
            (rows_of(events), rows_of(encoder.encode_metadata(histories, cutoffs)))
        )
    assert found[0] == found[1]


@given(PAST_EVENTS, st.sampled_from([0, HOUR_US, 30 * HOUR_US]))
def test_what_reads_says_is_enough(events: list[Event], later_us: int) -> None:
    """An event store that keeps only what ``reads`` asks for gives the same bytes."""
    encoder = Encoder(INSTANCE)
    instant = (events[-1]["timestamp"] if events else 0) + later_us
    reads = INSTANCE.reads
    needed = retained(events, instant)
    slim = [
        {k: v for k, v in events[i].items() if k in (*reads.fields, "timestamp")}
        for i in sorted(needed)
    ]
    whole = encoder.encode_instance(events, instant)
    kept = encoder.encode_instance(slim, instant)
    assert same_bytes(whole.events, kept.events)
    assert same_bytes(whole.metadata, kept.metadata)


# An oracle: one event, one feature, one loop at a time.


def bucket(field: str, text: str, buckets: int) -> int:
    data = f"{field}={text}".encode("utf-8", "surrogatepass")
    return int(mmh3.hash(data, 5_914_960, signed=False)) % buckets


def bin_of(value: float, edges: list[float]) -> int:
    return max([0, *(i for i, edge in enumerate(edges) if edge <= value)])


def power(step: float, c1: float, c2: float, n: int) -> list[float]:
    m = round(c1 / step)
    b = math.log(c2 / c1) / math.log(n / m)
    a = c1 / m**b
    return [step * i if i < m else c1 if i == m else a * i**b for i in range(n)] + [c2]


def smooth(value: float, edges: list[float]) -> Row:
    i = bin_of(value, edges)
    if i == len(edges) - 1 or value < edges[0]:
        return {i: 1.0}
    way = (value - edges[i]) / (edges[i + 1] - edges[i])
    return {i: 1 - way, i + 1: way}


def text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def event_row(event: Event, before: Event | None) -> Row:
    row: Row = {}
    if event["page"] is not None:
        row[bucket("page", event["page"], 8)] = 1.0
    for segment in (event["segments"] or ())[:2]:
        row[bucket("segments", segment, 8)] = 1.0
    flag = event["flag"]
    if flag is not None and (before is None or before["flag"] != flag):
        row[bucket("flag", text(flag), 8)] = 1.0
    amount = event["amount"]
    at = 8
    if amount is not None:
        row |= {at + i: v for i, v in smooth(amount, power(1, 3, 20, 8)).items()}
    at += 9
    if event["page"] in ("x", "1"):
        row[at + ("x", "1").index(event["page"])] = 1.0
    at += 2
    if amount is not None:
        row[at + min(max(math.floor(amount), -1), 3) + 1] = 1.0
        row[at + 5] = (min(max(amount, -2), 8) + 2) / 10
        row[at + 6 + bin_of(amount, [0, 2, 4, 6, 8])] = 1.0
    at += 5 + 1 + 5
    if before is not None:
        seconds = (event["timestamp"] - before["timestamp"]) / 1e6
        row[at + bin_of(seconds, power(1800, 7200, 86400, 12))] = 1.0
    return {place: value for place, value in row.items() if value > 1e-9}


def metadata_row(past: list[Event], instant: int) -> Row:
    row: Row = {}
    kept = [event for event in past if event["type"] in ("view", "buy")]
    plans = [e["plan"] for e in past if e["type"] != "other" and e["plan"] is not None]
    if plans:
        row[bucket("plan", plans[-1], 4)] = 1.0
    amounts = [event["amount"] for event in kept if event["amount"] is not None]
    if amounts:
        row[4 + bin_of(amounts[-1], [0, 2, 4, 6])] = 1.0
    edges = power(3600, 7200, 864000, 8)
    for at, chosen in ((8, kept[:1]), (17, kept[-1:])):
        for event in chosen:
            row[at + bin_of((instant - event["timestamp"]) / 1e6, edges)] = 1.0
    at = 26
    for days in (1, 3):
        for of in ("count", "amount"):
            now = total(kept, of, instant - days * DAY_US, None)
            before = total(
                kept, of, instant - 2 * days * DAY_US, instant - days * DAY_US
            )
            size = 5 if of == "count" else 9
            row[at] = scaled(now, size, of == "amount")
            row[at + 1] = scaled(now - before, size, True)
            at += 2
    for kind in ("buy", "view"):
        own = [event for event in kept if event["type"] == kind]
        row[at] = scaled(total(own, "count", instant - DAY_US, None), 3, False)
        at += 1
    return {place: value for place, value in row.items() if value > 1e-9}


def total(events: list[Event], of: str, since: int, until: int | None) -> float:
    inside = [
        event
        for event in events
        if event["timestamp"] >= since and (until is None or event["timestamp"] < until)
    ]
    if of == "count":
        return len(inside)
    return sum(event["amount"] for event in inside if event["amount"] is not None)


def scaled(number: float, size: float, signed: bool) -> float:
    logs = min(math.log(1 + abs(number)) / math.log(1 + size), 1)
    return 0.5 + math.copysign(logs, number) / 2 if signed else logs


def close(left: Row, right: Row) -> bool:
    """Equal to 1e-5; a value that small may be missing on one side."""
    places = {*left, *right}
    return all(abs(left.get(p, 0) - right.get(p, 0)) < 1e-5 for p in places)


@given(PAST_EVENTS, st.sampled_from([0, 1, HOUR_US, 30 * HOUR_US]))
def test_an_instance_is_what_a_plain_loop_makes_of_it(
    events: list[Event], later_us: int
) -> None:
    instant = (events[-1]["timestamp"] if events else 0) + later_us
    found = Encoder(INSTANCE).encode_instance(events, instant)
    kept = [event for event in events if event["type"] in ("view", "buy")]
    expected = [
        event_row(event, kept[i - 1] if i else None)
        for i, event in enumerate(kept)
        if i >= len(kept) - 3 and event["timestamp"] >= instant - 2 * DAY_US
    ]
    rows = rows_of(found.events)
    assert len(rows) == len(expected)
    assert all(close(a, b) for a, b in zip(rows, expected, strict=True))
    assert close(rows_of(found.metadata)[0], metadata_row(events, instant))


@given(SUBJECTS)
def test_indices_ascend_and_keep_to_the_sizes(subjects: list[list[Event]]) -> None:
    encoder, histories = Encoder(INSTANCE), flat(subjects)
    cutoffs = all_cutoffs(subjects, 0)
    kept, _, _ = encoder.windows(histories, cutoffs)
    for rows, size, most in (
        (
            encoder.encode_events(histories, kept),
            encoder.event_size,
            encoder.max_event_ones,
        ),
        (
            encoder.encode_metadata(histories, cutoffs),
            encoder.metadata_size,
            encoder.max_metadata_ones,
        ),
    ):
        assert rows.indices.dtype == np.int32 and rows.values.dtype == np.float32
        assert ((rows.values > 0) & (rows.values <= 1)).all()
        for a, b in zip(rows.offsets[:-1], rows.offsets[1:], strict=True):
            places = rows.indices[a:b].tolist()
            assert places == sorted(set(places)) and len(places) <= most
            assert all(0 <= place < size for place in places)


def test_sizes_are_the_sums_of_the_blocks() -> None:
    encoder = Encoder(INSTANCE)
    assert encoder.event_size == 8 + 9 + 2 + 5 + 1 + 5 + 13
    assert encoder.metadata_size == 4 + 4 + 9 + 9 + 8 + 2
    assert encoder.max_event_ones == 4 + 2 + 1 + 1 + 1 + 1 + 1
    assert encoder.max_metadata_ones == 1 + 1 + 1 + 1 + 8 + 2


def test_an_encoder_survives_json_with_its_fingerprint() -> None:
    encoder = Encoder(INSTANCE)
    again = Encoder.from_dict(json.loads(json.dumps(encoder.to_dict())))
    assert again.instance == encoder.instance
    assert again.fingerprint == encoder.fingerprint


@pytest.mark.parametrize(
    "change", [{"last": 4}, {"hash_seed": 1}, {"hash_buckets": 9}, {"wait": False}]
)
def test_a_fingerprint_tells_encoders_apart(change: dict[str, Any]) -> None:
    data = {**INSTANCE.to_dict(), **change}
    other = Encoder(Instance.from_dict(data))
    assert other.fingerprint != Encoder(INSTANCE).fingerprint


def test_declared_and_stored_edges_are_one_encoder() -> None:
    declared = Encoder(INSTANCE)
    assert Encoder(declared.instance).fingerprint == declared.fingerprint


def test_an_unfitted_instance_is_refused_by_its_parts() -> None:
    bare = Instance(types=ANY, fields=[Hash("page"), PowerBins("amount")])
    with pytest.raises(EncodingError, match=r"PowerBins\('amount'\), hash_buckets"):
        Encoder(bare)


def test_another_format_is_refused() -> None:
    data = {**Encoder(INSTANCE).to_dict(), "format": 99}
    with pytest.raises(EncodingError, match="format=99"):
        Encoder.from_dict(data)


def test_a_missing_field_is_named_with_those_that_exist() -> None:
    histories = flat([[]])
    lacking = FlatHistories(
        histories.offsets, histories.time_us, {"type": histories.columns["type"]}
    )
    with pytest.raises(EncodingError, match=r"field='amount'; there are type"):
        Encoder(INSTANCE).encode_events(lacking, np.zeros(0, np.int64))


def test_text_in_a_numeric_feature_is_named() -> None:
    encoder = Encoder(Instance(types=ANY, fields=[LinearBins("amount", 1, 3)]))
    with pytest.raises(EncodingError, match="amount='many'"):
        encoder.encode_instance([{"timestamp": 0, "type": "a", "amount": "many"}])


@pytest.mark.parametrize("texts", [["x"] * 3, ["x", "y", "x"]])
def test_a_user_agent_is_dropped_only_where_it_repeats(texts: list[str]) -> None:
    encoder = Encoder(Instance(types=ANY, fields=[Hash("agent.os")], hash_buckets=64))
    events = [
        {"timestamp": i, "type": "a", "agent.os": text} for i, text in enumerate(texts)
    ]
    lengths = np.diff(encoder.encode_instance(events).events.offsets).tolist()
    assert lengths == [1, int(texts[1] != texts[0]), int(texts[2] != texts[1])]


def test_fields_that_share_a_bucket_light_it_once() -> None:
    fields = [Hash("page"), Hash("plan"), OneHot("type", values=["a"])]
    encoder = Encoder(Instance(types=ANY, fields=fields, hash_buckets=1))
    event = {"timestamp": 0, "type": "a", "page": "x", "plan": "free"}
    found = encoder.encode_instance([event, event]).events
    assert found.indices.tolist() == [0, 1, 0, 1]
    assert found.offsets.tolist() == [0, 2, 4]


def test_a_digest_is_that_of_the_rows_as_little_endian_bytes() -> None:
    """It stands in logs for years: rows cut out of others have it, too."""
    events = SparseRows(
        np.array([2, 4, 5]),
        np.array([9, 9, 1, 7, 3], np.int32)[:5],
        np.array([0, 0, 1, 0.5, 0.25], np.float32),
    )
    cut = SparseRows(events.offsets, events.indices[2:], events.values[2:])
    metadata = SparseRows(np.array([0, 1]), np.array([4], np.int32), np.ones(2)[::2])
    parts = [
        struct.pack("<3q3i3f", 0, 2, 3, 1, 7, 3, 1, 0.5, 0.25),
        struct.pack("<2qif", 0, 1, 4, 1),
    ]
    expected = hashlib.blake2b(b"".join(parts), digest_size=16).hexdigest()
    assert EncodedInstance(cut, metadata).digest == expected
