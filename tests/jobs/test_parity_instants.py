"""Parity where the instant counts, and where visitors become users.

The encoder is real; in place of a model stands a number made of the encoded digest, so
that any difference of the encoded bytes is a difference of the score.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.encoding.encoder import EncodedInstance, Encoder
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import Instance
from zap.encoding.metadata import Last, Tenure, Wait
from zap.encoding.subject_names import keyed_subject, subject_hash
from zap.errors import InputError
from zap.events.mapping import EventMapping
from zap.events.sources import list_sources
from zap.histories.chosen import chosen_histories
from zap.jobs.parity import result as causes
from zap.jobs.parity.archived import ArchivedSubject
from zap.jobs.parity.rebuild import Rebuilder
from zap.serving.log import Logged, event_hashes
from zap.serving.predictor import Prediction

KEY = b"k" * 32
START_US, MINUTE_US = 1_768_471_200_000_000, 60_000_000
MAPPING = EventMapping.from_dict(
    {
        "fields": {
            "event_id": "id",
            "anonymous_id": "device",
            "user_id": "user",
            "timestamp": {"column": "time", "unit": "us"},
            "received_at": {"column": "received", "unit": "us"},
            "type": "event",
        },
        "properties": {"page": {"column": "page", "type": "string"}},
    }
)
BINS = {"edges": [30.0 * place for place in range(100)]}
EVENT_CUT = Instance(
    types=["view"],
    last=3,
    lookback_days=0.01,
    fields=[Hash("page"), SincePrevious(**BINS)],
    metadata=[Tenure(**BINS), Last("page", types=["note"], encode=Hash("page"))],
    hash_buckets=64,
    metadata_buckets=64,
)
TIME_CUT = Instance(
    types=["view"], last=3, fields=[Hash("page")], wait=Wait(**BINS), hash_buckets=64
)
Row = dict[str, Any]


@dataclass(frozen=True)
class Numbered:
    """Stands for a predictor: the score is made of the digest."""

    encoder: Encoder

    def score(self, encoded: EncodedInstance) -> Prediction:
        number = int(encoded.digest[:12], 16) / 16**12
        return Prediction(number, (), len(encoded.events))


def row(name: str, minute: float, **more: Any) -> Row:
    time = START_US + round(minute * MINUTE_US)
    base = {"id": name, "device": "d", "user": None, "time": time, "received": time}
    return {**base, "event": "view", "page": f"p{len(name)}", **more}


def write(folder: Path, rows: list[Row]) -> str:
    schema = pa.schema(
        [(n, pa.string()) for n in ("id", "device", "user", "event", "page")]
        + [(n, pa.int64()) for n in ("time", "received")]
    )
    path = folder / "events.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema), path)
    return str(path)


def archived(
    folder: Path, rows: list[Row], subject: str, name: str, moment_us: int = 0
) -> ArchivedSubject:
    sources = list_sources([write(folder, rows)], MAPPING)
    keyed = keyed_subject(KEY, subject_hash(name))
    found = chosen_histories(sources, MAPPING, subject, {"page"}, [keyed], KEY)
    return ArchivedSubject.of(found, found.place_of(keyed, moment_us))


def logged(
    instance: Instance, rows: list[Row], **more: Any
) -> tuple[Logged, Rebuilder]:
    """What a server would log that has these events, and what makes it again."""
    model = Numbered(Encoder(instance))
    events = [
        {
            "timestamp": each["time"],
            "received_at": each["received"],
            "type": each["event"],
            "page": each["page"],
        }
        for each in rows
    ]
    encoded = model.encoder.encode_instance(events, more.get("instant"))
    entry = Logged(
        **{
            "id": "one",
            "time": START_US + 60 * MINUTE_US,
            "instant": None,
            "application": "shop",
            "version": "0" * 16,
            "fingerprint": model.encoder.fingerprint,
            "subject": "s",
            "events": len(encoded.events),
            "ids": event_hashes(each["id"] for each in rows),
            "encoded": encoded.digest,
            "score": model.score(encoded).value,
            "source": "subject",
            **more,
        }
    )
    return entry, Rebuilder(model, has_ids=True, has_receipts=True)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 40), st.sampled_from(["view", "note", "other"])),
        min_size=1,
        max_size=12,
    ),
    st.booleans(),
)
def test_all_comes_out_again_whatever_the_instance(
    tmp_path_factory, made, waits
) -> None:
    """The server hands over its whole past, the archive's view what is looked at."""
    rows = [
        row(f"e{n:02}", minute + n / 100, event=kind, page=f"p{n % 5}")
        for n, (minute, kind) in enumerate(sorted(made))
    ]
    past = [each for each in rows if each["event"] != "other"]
    more = {"instant": START_US + 50 * MINUTE_US} if waits or not past else {}
    entry, rebuilder = logged(TIME_CUT if waits else EVENT_CUT, past, **more)
    folder = tmp_path_factory.mktemp("archive")
    subject = archived(folder, rows, "anonymous_id", "d")
    found = rebuilder.rebuild(entry, subject)
    assert found.cause is None and found.encoded == entry.encoded


def test_a_receipt_that_serving_knew_otherwise_is_a_clock(tmp_path: Path) -> None:
    rows = [row("a", 0), row("bb", 10)]
    served = [rows[0], {**rows[1], "received": rows[1]["time"]}]
    entry, rebuilder = logged(EVENT_CUT, served)
    there = [rows[0], {**rows[1], "received": rows[1]["time"] + 9 * MINUTE_US}]
    subject = archived(tmp_path, there, "anonymous_id", "d")
    assert rebuilder.rebuild(entry, subject).cause == causes.CLOCK


def test_an_instant_asked_for_is_the_one_of_the_replay(tmp_path: Path) -> None:
    rows = [row("a", 0), row("bb", 10), row("ccc", 30)]
    instant = START_US + 20 * MINUTE_US
    entry, rebuilder = logged(TIME_CUT, rows[:2], instant=instant)
    subject = archived(tmp_path, rows, "anonymous_id", "d")
    assert rebuilder.rebuild(entry, subject).cause is None
    posted, rebuilder = logged(EVENT_CUT, rows[:2], source="events")
    assert rebuilder.rebuild(posted, subject).cause is None


@pytest.mark.parametrize("name", ["user:u", "anonymous:d"])
def test_persons_are_who_they_were_known_to_be(tmp_path: Path, name: str) -> None:
    """A device is linked in minute 20: its events are the user's from then on."""
    rows = [
        row("a", 0),
        row("bb", 5),
        row("ccc", 8, device="phone", user="u"),
        row("dddd", 20, user="u"),
        row("eeeee", 30),
    ]
    subject = archived(tmp_path, rows, "person", name)
    before = [rows[0], rows[1]] if name == "anonymous:d" else [rows[2]]
    entry, rebuilder = logged(EVENT_CUT, before, time=START_US + 10 * MINUTE_US)
    found = rebuilder.rebuild(entry, subject)
    if name == "anonymous:d":
        assert found.cause is None
        return
    # What was linked later is what came in later.
    assert found.cause == causes.LATE
    entry, rebuilder = logged(EVENT_CUT, rows, time=START_US + 40 * MINUTE_US)
    assert rebuilder.rebuild(entry, subject).cause is None


def test_a_linked_device_is_its_present_users(tmp_path: Path) -> None:
    """Asked about a device, a server answers of the user whose it is by then."""
    rows = [
        row("a", 0),
        row("bb", 5, user="u"),
        row("ccc", 8, device="phone", user="u"),
        row("dddd", 20, user="w"),
        row("eeeee", 30),
    ]
    expected = {2: rows[:1], 10: rows[:3], 25: rows[3:4], 40: rows[3:]}
    for minute, past in expected.items():
        time_us = START_US + minute * MINUTE_US
        subject = archived(tmp_path, rows, "person", "anonymous:d", time_us)
        entry, rebuilder = logged(EVENT_CUT, past, time=time_us)
        found = rebuilder.rebuild(entry, subject, with_events=True)
        assert found.cause is None, minute
        assert [each.event_id for each in found.events] == [e["id"] for e in past]


def test_an_archive_without_the_subject_lacks_its_events(tmp_path: Path) -> None:
    """What others' events have tells that ids are there."""
    rows = [row("a", 0), row("bb", 5)]
    entry, _ = logged(EVENT_CUT, rows)
    others = [row("ccc", 0, device="other")]
    keyed = keyed_subject(KEY, subject_hash("d"))
    for made, has_ids in ((others, True), ([{**others[0], "id": None}], False)):
        sources = list_sources([write(tmp_path, made)], MAPPING)
        found = chosen_histories(
            sources, MAPPING, "anonymous_id", {"page"}, [keyed], KEY
        )
        assert (found.has_ids, found.has_receipts) == (has_ids, True)
        rebuilder = Rebuilder(
            Numbered(Encoder(EVENT_CUT)),  # type: ignore[arg-type]
            found.has_ids,
            found.has_receipts,
        )
        subject = ArchivedSubject.of(found, found.place_of(keyed, entry.time))
        cause = causes.MISSING if has_ids else causes.UNKNOWN
        assert rebuilder.rebuild(entry, subject).cause == cause


def test_an_archive_without_events_is_told(tmp_path: Path) -> None:
    sources = list_sources([write(tmp_path, [])], MAPPING)
    with pytest.raises(InputError, match="Expected events in the archive"):
        chosen_histories(sources, MAPPING, "anonymous_id", {"page"}, ["k"], KEY)
