"""A shard's scores against a plain loop over all events, encoded as in a batch."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from zap.encoding.aggregates import Scale, windows
from zap.encoding.encoder import Encoder
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import Instance
from zap.encoding.metadata import Last, Tenure, Wait
from zap.errors import InputError
from zap.scoring.following.notes import Note, picture, put_back
from zap.scoring.following.options import Following
from zap.scoring.following.shard import Asked, Row, Shard
from zap.serving.predictor import Prediction
from zap.serving.stores.need import Need
from zap.times import SECOND_US

START = 1_772_353_800 * SECOND_US
MINUTE = 60 * SECOND_US
BINS = (1800, 7200, 86400, 12)
Event = dict[str, Any]

INSTANCES = {
    "sequence": Instance(
        types=["view", "buy"],
        last=3,
        fields=[Hash("type"), SincePrevious(*BINS)],
        metadata=[Last("page", Hash("page"))],
        hash_buckets=64,
        metadata_buckets=16,
    ),
    "windows": Instance(
        types=["view", "buy"],
        last=2,
        fields=[Hash("type")],
        metadata=[Tenure(*BINS)],
        aggregates=replace(
            windows([10 / 1440, 0.1], by="type"),
            types=["view", "buy"],
            scales=[Scale(20.0, False)] * 2,
        ),
        wait=Wait(*BINS),
        lookback_days=20 / 1440,
        hash_buckets=64,
    ),
}


def said(encoded: Any) -> Prediction:
    """A prediction that tells encoded instances apart to the bit."""
    return Prediction(float(int(encoded.digest[:12], 16)), (0.5,), len(encoded.events))


def model(encoder: Encoder) -> Any:
    def score(asked: Sequence[Asked]) -> list[Prediction]:
        return [said(encoder.encode_instance(e, at)) for e, at in asked]

    return score


def made(count: int, rng: random.Random) -> list[Event]:
    """Events in the order in which they came: some late, some early, some twice."""
    found: list[Event] = []
    for number in range(count):
        if found and rng.random() < 0.05:
            found.append(rng.choice(found[-50:]))
            continue
        received = START + number * 7 * SECOND_US
        behind = rng.choice([0, 0, 1, 20, 300, 2000, -90]) * SECOND_US
        event: Event = {
            "event_id": f"e{number}",
            "sequence": number,
            "timestamp": received - behind,
            "received_at": received + rng.choice([0, 0, 0, 120, -120]) * SECOND_US,
            "type": rng.choice(["view", "view", "buy", "other"]),
            "anonymous_id": f"v{rng.randrange(7)}" if rng.random() < 0.95 else None,
        }
        if rng.random() < 0.5:
            event["page"] = rng.choice("pqs")
        found.append(event)
    return found


def expected(
    events: Sequence[Event], encoder: Encoder, following: Following, until_us: int
) -> dict[tuple[int, str], Prediction]:
    """By hand: for each window's end all of the past, through the batch path."""
    kept: dict[str, Event] = {}
    for event in sorted(events, key=lambda e: (e["timestamp"], e["sequence"])):
        known = event["received_at"] if following.receipts else event["timestamp"]
        kept.setdefault(event["event_id"], {**event, "received_at": known})
    types = ("view", "buy")
    found = {}
    for event in kept.values():
        if event["anonymous_id"] is None or event["type"] not in types:
            continue
        known = max(event["timestamp"], event["received_at"])
        length = following.every_us or 1
        at = known + -known % length
        if not following.since_us < at <= until_us:
            continue
        past = [
            e
            for e in kept.values()
            if e["anonymous_id"] == event["anonymous_id"]
            and e["timestamp"] <= at
            and e["received_at"] <= at
        ]
        subject = event["anonymous_id"]
        found[at, subject] = said(encoder.encode_as_batch(past, at))
    return found


def follow(
    shard: Shard, events: Sequence[Event], rng: random.Random, behind_us: int
) -> list[Row]:
    """Events in pieces, and time that goes on behind their receipt."""
    rows: list[Row] = []
    place = newest = 0
    while place < len(events):
        many = rng.choice([1, 5, 40])
        piece = events[place : place + many]
        rows += shard.add(piece)
        place += many
        newest = max([newest, *(e["received_at"] for e in piece)])
        while shard.next_us is not None and shard.next_us <= newest - behind_us:
            rows += shard.fire(shard.next_us)
    return rows


def last_of(rows: Sequence[Row]) -> dict[tuple[int, str], Prediction]:
    found: dict[tuple[int, str], Row] = {}
    for row in rows:
        before = found.get((row.at_us, row.subject))
        assert row.pane == (0 if before is None else before.pane + 1)
        found[row.at_us, row.subject] = row
    return {key: row.prediction for key, row in found.items()}


@pytest.mark.parametrize("every_us", [0, 5 * MINUTE])
@pytest.mark.parametrize("receipts", [True, False])
@pytest.mark.parametrize("sees", INSTANCES)
def test_the_last_scores_are_those_of_the_whole_past(
    sees: str, receipts: bool, every_us: int
) -> None:
    rng = random.Random(f"{sees} {receipts} {every_us}")
    encoder = Encoder(INSTANCES[sees])
    need = Need.of(INSTANCES[sees], "anonymous_id")
    events = made(400, rng)
    until = START + 30 * MINUTE
    following = Following(every_us, receipts, until_us=until)
    shard = Shard(need, following, model(encoder))
    rows = follow(shard, events, rng, behind_us=10 * SECOND_US)
    while shard.next_us is not None:
        rows += shard.fire(shard.next_us)
    wanted = expected(events, encoder, following, until)
    assert len(wanted) > 20
    assert last_of(rows) == wanted
    assert shard.counts["events.late"] > 0
    assert shard.counts["scores.corrected"] > 0


def test_what_is_kept_is_what_is_looked_at() -> None:
    rng = random.Random(3)
    sees = INSTANCES["sequence"]
    shard = Shard(
        Need.of(sees, "anonymous_id"),
        Following(MINUTE, lateness_us=MINUTE),
        model(Encoder(sees)),
    )
    follow(shard, made(3000, rng), rng, behind_us=0)
    assert max(len(s.events) for s in shard.subjects.values()) < 60
    assert max(len(s.given) for s in shard.subjects.values()) <= 3


def test_an_event_that_comes_too_late_corrects_nothing_and_is_counted() -> None:
    sees = INSTANCES["sequence"]
    need = Need.of(sees, "anonymous_id")
    shard = Shard(
        need, Following(MINUTE, False, lateness_us=MINUTE), model(Encoder(sees))
    )
    first = {
        "timestamp": START + 1,
        "type": "view",
        "anonymous_id": "a",
        "event_id": "1",
    }
    assert shard.add([first]) == []
    (row,) = shard.fire(START + MINUTE)
    assert (row.at_us, row.pane, row.late) == (START + MINUTE, 0, False)
    (again,) = shard.add([{**first, "event_id": "2", "timestamp": START + 2}])
    assert (again.at_us, again.pane, again.late) == (START + MINUTE, 1, True)
    (new,) = shard.add([{**first, "event_id": "3", "anonymous_id": "b"}])
    assert (new.subject, new.pane, new.late) == ("b", 0, True)
    later = {**first, "event_id": "4", "timestamp": START + 5 * MINUTE + 1}
    assert shard.add([later]) == []
    assert len(shard.fire(START + 6 * MINUTE)) == 1
    last = {**first, "event_id": "5", "timestamp": START + 2}
    (row,) = shard.add([last])  # it is past for the later window, whose time is not up
    assert (row.at_us, row.pane) == (START + 6 * MINUTE, 1)
    assert shard.counts["events.too_late"] == 1
    assert shard.add([{**first, "event_id": "5", "timestamp": START + 2}]) == []
    assert shard.counts["events.repeated"] == 1


def test_a_shard_made_again_goes_on_as_if_nothing_had_been() -> None:
    rng = random.Random(5)
    sees = INSTANCES["windows"]
    need, encoder = Need.of(sees, "anonymous_id"), Encoder(sees)
    following = Following(MINUTE, False)
    events = made(300, rng)
    whole = Shard(need, following, model(encoder))
    other = Shard(need, following, model(encoder))
    for place in range(0, 300, 20):
        piece = events[place : place + 20]
        until = piece[-1]["received_at"] - MINUTE
        assert whole.add(piece) == other.add(piece)
        assert whole.fire(until) == other.fire(until)
        again = Shard(need, following, model(encoder))
        pieces = picture(other, place)
        rng.shuffle(pieces)
        assert put_back(again, pieces) == place
        other = again
    assert other.counts == whole.counts
    assert other.counts["scores.corrected"] > 0


def test_notes_come_back_from_bytes() -> None:
    for note in (Note(3, None, b"\x00\n"), Note(4, START)):
        assert Note.of_bytes(note.to_bytes()) == note


def test_persons_and_odd_settings_are_refused() -> None:
    sees = INSTANCES["sequence"]
    with pytest.raises(InputError, match="zap score"):
        Shard(Need.of(sees, "person"), Following(0), model(Encoder(sees)))
    with pytest.raises(InputError, match="every_us=-1"):
        Following(-1)
    with pytest.raises(InputError, match="since_us=5"):
        replace(Following(0), since_us=5, until_us=5)
