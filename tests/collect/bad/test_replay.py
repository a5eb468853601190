"""Bad rows that are events now reach the spool once, whatever had refused them."""

from __future__ import annotations

import base64
import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zap.cli.main import main
from zap.collect.bad import inbox
from zap.collect.bad.again import Again
from zap.collect.bad.listing import Wanted, counted, find, latest
from zap.collect.bad.replaying import hand_over, replay
from zap.collect.bad.sink import BadSink
from zap.collect.checks.checks import Checks
from zap.collect.checks.settings import CheckSettings, PrivacySettings
from zap.collect.delivery.status import delivery_status
from zap.collect.event import BadRow, Event
from zap.collect.protocol import Request
from zap.collect.protocols import PROTOCOLS
from zap.collect.record import decode, encode_bad
from zap.collect.spool import Batch, Spool, SpoolFull, SpoolOptions, SpoolReader
from zap.collect.spool.locks import changing
from zap.errors import CollectError

NOW = 1_750_000_000_000_000
DAY_US = 86_400_000_000
NO_CHECKS = Checks({})


def kept(folder: Path, rows: list[BadRow], source: str = "shop", at: int = NOW) -> None:
    """Have rows in a folder, as the delivery brings them."""
    records = [encode_bad(row, source, at + i) for i, row in enumerate(rows)]
    BadSink(folder).write(Batch(0, records, len(records)))


def spooled(folder: Path) -> list[Event]:
    """The events of a spool."""
    if not folder.exists():
        return []
    reader = SpoolReader(folder)
    found = [decode(record) for record in reader.read(reader.oldest).records]
    return [each for each in found if isinstance(each, dict)]


def schema_event(number: int, **properties: Any) -> Event:
    return {
        "event_id": f"e{number}",
        "anonymous_id": "a",
        "timestamp": NOW - 5,
        "received_at": NOW + number,
        "type": "Order",
        "source": "shop",
        "properties": properties,
    }


def schemas(folder: Path, schema: Any) -> Checks:
    folder.mkdir(exist_ok=True)
    (folder / "Order.properties.json").write_text(json.dumps(schema))
    return Checks({"shop": CheckSettings(schemas=str(folder))})


TP2 = "/com.snowplowanalytics.snowplow/tp2"
PAYLOAD_DATA = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4"
CALL = {"type": "track", "event": "Order", "userId": "u", "properties": {"total": 5}}
SENT: dict[str, tuple[str, dict[str, Any], Callable[[Any], Any]]] = {
    "segment": ("/v1/batch", CALL, lambda sent: {"batch": [sent]}),
    "rudderstack": ("/v1/batch", CALL, lambda sent: {"batch": [sent]}),
    "snowplow": (
        TP2,
        {
            "e": "se",
            "se_ac": "Order",
            "se_va": "5",
            "duid": "d",
            "dtm": "1700000000000",
        },
        lambda sent: {"schema": PAYLOAD_DATA, "data": [sent]},
    ),
    "posthog": (
        "/batch/",
        {"event": "Order", "distinct_id": "u", "properties": {"total": 5}},
        lambda sent: {"api_key": "k", "batch": [sent]},
    ),
    "zap": (
        "/v1/collect",
        {"type": "Order", "anonymous_id": "a", "properties": {"total": 5}},
        lambda sent: {"key": "k", "events": [sent]},
    ),
}


def test_every_protocol_can_read_its_rows_again() -> None:
    assert set(SENT) == set(PROTOCOLS)


@pytest.mark.parametrize("protocol", sorted(SENT))
@pytest.mark.parametrize("own_id", [True, False])
def test_a_row_becomes_what_its_protocol_makes_of_it_today(
    tmp_path: Path, protocol: str, own_id: bool
) -> None:
    path, sent, body_of = SENT[protocol]
    if own_id:
        name = {"snowplow": "eid", "posthog": "uuid", "zap": "event_id"}
        sent = {**sent, name.get(protocol, "messageId"): "own-id"}
    headers = {b"sp-anonymous": b"*"}
    body = json.dumps(body_of(sent)).encode()
    parsed = PROTOCOLS[protocol]().parse(Request("POST", path, b"", headers, body, NOW))
    [expected] = parsed.events
    kept(tmp_path / "bad", [BadRow(f"{protocol}.type", "", sent)])
    found = replay(tmp_path / "bad", tmp_path / "spool", Again(NO_CHECKS), Wanted())
    assert found.to_dict() | {"still": 0} == {
        "replayed": {f"{protocol}.type": 1},
        "still": 0,
        "before": 0,
        "events": 1,
        "unread": {},
        "waiting": False,
    }
    assert hand_over(tmp_path / "spool")
    [event] = spooled(tmp_path / "spool")
    assert event["received_at"] == NOW and event["source"] == "shop"
    if own_id:
        assert event["event_id"] == "own-id"
    else:
        expected["event_id"] = event["event_id"]  # both are made up
    assert event == {**expected, "source": "shop"}


def test_a_made_up_id_is_the_same_at_each_replay(tmp_path: Path) -> None:
    for name in ("one", "two"):
        kept(tmp_path / name, [BadRow("segment.type", "", CALL)] * 2)
        replay(tmp_path / name, tmp_path / f"s{name}", Again(NO_CHECKS), Wanted())
        hand_over(tmp_path / f"s{name}")
    one, two = (
        [e["event_id"] for e in spooled(tmp_path / f"s{n}")] for n in ("one", "two")
    )
    assert one == two and len(set(one)) == 2


def test_a_text_of_one_event_is_read_and_one_of_two_is_not(tmp_path: Path) -> None:
    text = json.dumps(CALL)
    rows = [BadRow("segment.too_large", "", each) for each in (text, f"{text},{text}")]
    kept(tmp_path / "bad", rows)
    found = replay(tmp_path / "bad", tmp_path / "spool", Again(NO_CHECKS), Wanted())
    assert found.events == 1 and found.still == {"cannot": 1}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (BadRow("segment.type", "", {**CALL, "type": "x"}), "segment.type"),
        (
            BadRow("segment.too_large", "", {**CALL, "x": "y" * 99_999}),
            "segment.too_large",
        ),
        (BadRow("snowplow.app_id", "", SENT["snowplow"][1]), "cannot"),
        (BadRow("zap.lost", "", {"lost": 3}), "cannot"),
        (BadRow("spool.damaged", "", "x"), "cannot"),
        (BadRow("too_deep", "", {}), "cannot"),
        (BadRow("segment.json", "", "{"), "cannot"),
        (
            BadRow(
                "schema.invalid", "", "withheld by the privacy settings of the source"
            ),
            "cannot",
        ),
    ],
)
def test_what_is_no_event_today_either_stays(
    tmp_path: Path, row: BadRow, why: str
) -> None:
    kept(tmp_path / "bad", [row])
    for _ in range(2):
        again = Again(NO_CHECKS)
        found = replay(tmp_path / "bad", tmp_path / "spool", again, Wanted())
        assert found.still == {why: 1} and not found.events and not found.before
    assert not inbox.waiting(tmp_path / "spool")


def test_a_schema_that_was_mended_lets_rows_through_once(tmp_path: Path) -> None:
    events = [schema_event(i, total=total) for i, total in enumerate([1, "2", "x"])]
    strict = schemas(tmp_path / "s", {"properties": {"total": {"type": "number"}}})
    good, bad = strict.apply("shop", events)
    assert good == events[:1]
    kept(tmp_path / "bad", bad)
    bad_folder, spool = tmp_path / "bad", tmp_path / "spool"
    assert replay(bad_folder, spool, Again(strict), Wanted()).events == 0
    mended = schemas(tmp_path / "s", {"properties": {"total": {"pattern": "^[0-9]+$"}}})
    dry = replay(bad_folder, spool, Again(mended), Wanted(), dry_run=True)
    assert dry.events == 1 and not inbox.waiting(spool)
    found = replay(bad_folder, spool, Again(mended), Wanted())
    assert found.replayed == {"schema.invalid": 1} == found.still
    assert hand_over(spool) and spooled(spool) == [events[1]]
    twice = replay(bad_folder, spool, Again(mended), Wanted())
    assert twice.before == 1 and twice.events == 0
    assert hand_over(spool) and spooled(spool) == [events[1]]
    assert counted(bad_folder, Wanted())["replayed"] == 1


def test_privacy_of_today_is_applied_and_no_hash_is_taken_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASH_KEY", "0123456789abcdef0123")
    rules = PrivacySettings(hash=["anonymous_id"], hash_key_env="HASH_KEY")
    first = Checks({"shop": CheckSettings(privacy=rules)})
    more = PrivacySettings(
        hash=["anonymous_id"], hash_key_env="HASH_KEY", drop=["properties.email"]
    )
    then = Checks({"shop": CheckSettings(privacy=more)})
    [hashed] = first.apply("shop", [schema_event(1, email="x", total=1)])[0]
    kept(tmp_path / "bad", [BadRow("schema.invalid", "", hashed)])
    replay(tmp_path / "bad", tmp_path / "spool", Again(then), Wanted())
    hand_over(tmp_path / "spool")
    assert spooled(tmp_path / "spool") == [{**hashed, "properties": {"total": 1}}]


def test_rows_are_found_by_source_reason_and_time(tmp_path: Path) -> None:
    kept(tmp_path, [BadRow("segment.type", "", 1), BadRow("schema.invalid", "", 2)])
    kept(tmp_path, [BadRow("segment.json", "", 3)], "blog", NOW + DAY_US)
    unread: dict[str, int] = {}

    def found(**named: Any) -> list[Any]:
        rows = find(tmp_path, Wanted(**named), unread)
        return sorted(each.row.payload for each in rows)

    assert found() == [1, 2, 3]
    assert found(source="blog") == [3] and found(source="no") == []
    assert found(reason="segment.") == [1, 3] and found(reason="segment") == []
    assert found(reason="segment.json") == [3]
    assert found(from_us=NOW + 1) == [2, 3] and found(until_us=NOW + 1) == [1]
    assert found(from_us=NOW + 1, until_us=NOW + 2) == [2]
    assert not unread
    rows = counted(tmp_path, Wanted())["rows"]
    assert [(r["source"], r["day"], r["reason"], r["rows"]) for r in rows] == [
        ("blog", "2025-06-16", "segment.json", 1),
        ("shop", "2025-06-15", "schema.invalid", 1),
        ("shop", "2025-06-15", "segment.type", 1),
    ]
    assert [each.row.payload for each in latest(tmp_path, Wanted(), 2)] == [3, 2]


def test_a_damaged_line_is_counted_and_the_others_are_read(tmp_path: Path) -> None:
    kept(tmp_path, [BadRow("segment.type", "", 1), BadRow("segment.type", "", 2)])
    [path] = tmp_path.glob("*/*.jsonl")
    path.write_bytes(b"\0garbage\n" + path.read_bytes() + b'{"number": 9, "torn')
    found = counted(tmp_path, Wanted())
    assert found["total"] == 2 and found["unread"] == {"damaged": 1}
    kept(tmp_path, [BadRow("segment.type", "", n) for n in (1, 2, 3)])
    assert counted(tmp_path, Wanted())["total"] == 3


# The inbox.


def test_what_has_no_room_waits(tmp_path: Path) -> None:
    records = [b"E" + json.dumps({"event_id": "x" * 5_000}).encode()]
    inbox.put(tmp_path, records)
    full = SpoolOptions(max_bytes=1_000)
    with pytest.raises(SpoolFull):
        hand_over(tmp_path, lambda folder: Spool(folder, full))
    assert len(inbox.waiting(tmp_path)) == 1
    assert delivery_status(tmp_path, [])["spool"]["inbox"] == len(
        inbox.waiting(tmp_path)
    )
    assert hand_over(tmp_path) and not inbox.waiting(tmp_path)
    assert delivery_status(tmp_path, [])["spool"]["inbox"] == 0
    assert len(spooled(tmp_path)) == 1


def test_a_running_spool_takes_up_what_is_left_for_it(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        box = inbox.Inbox(spool)
        inbox.put(tmp_path, [b'E{"event_id":"1"}', b'E{"event_id":"2"}'])
        assert not hand_over(tmp_path, wait_s=0.3), "nobody takes it up yet"
        box.start()
        try:
            assert hand_over(tmp_path)
        finally:
            box.close()
        assert box.failing == ""
    assert [event["event_id"] for event in spooled(tmp_path)] == ["1", "2"]


def test_a_spool_that_ends_does_not_wait_for_who_forgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "_PATIENCE_S", 0.1)
    inbox.put(tmp_path, [b'E{"event_id":"1"}'])
    with Spool(tmp_path) as spool:
        box = inbox.Inbox(spool)
        with changing(tmp_path):
            box.start()
            ending = threading.Thread(target=box.close)
            ending.start()
            ending.join(30)
            ended = not ending.is_alive()
            spool.close()
        ending.join()
        assert ended
        box._thread.join(60)
        assert "closed" in box.failing
    assert len(inbox.waiting(tmp_path)) == 1 and not spooled(tmp_path)
    assert hand_over(tmp_path) and len(spooled(tmp_path)) == 1


def test_the_same_records_are_left_once(tmp_path: Path) -> None:
    for _ in range(2):
        inbox.put(tmp_path, [b'E{"event_id":"1"}'])
    assert len(inbox.waiting(tmp_path)) == 1


def test_what_a_killed_replay_left_half_written_is_forgotten(tmp_path: Path) -> None:
    path = inbox.put(tmp_path, [b'E{"user_id":"bob"}'])
    half = f".{'0' * 32}.records.0123456789ab.tmp"
    (path.parent / half).write_bytes(b'E{"user_id":"ann')
    (path.parent / f".{path.name}.0123456789ab.new").write_bytes(b'E{"user_id":"ann"}')
    assert inbox.forget(tmp_path, lambda record: b"ann" in record) == 0
    assert [*path.parent.iterdir()] == [path]


def test_an_inbox_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("a file")
    with pytest.raises(CollectError, match="Received: path="):
        inbox.put(tmp_path, [b"E{}"])


# Kills.

CALLS = ("open", "pwrite", "write", "fsync", "link", "unlink", "replace", "fdatasync")


def killed_at(step: int, work: Callable[[], object]) -> bool:
    """Work in a child that is killed at its n-th call of the disk."""
    pid = os.fork()
    if pid == 0:
        counter = iter(range(step))
        lock = threading.Lock()  # the spool's thread writes, too

        def wrapped(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **named: Any) -> Any:
                with lock:
                    if next(counter, None) is None:
                        os.kill(os.getpid(), signal.SIGKILL)
                return real(*args, **named)

            return call

        try:
            for name in CALLS:
                setattr(os, name, wrapped(getattr(os, name)))
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.slow
def test_a_kill_at_any_step_loses_no_row_and_doubles_no_event(tmp_path: Path) -> None:
    sent = [{**CALL, "userId": f"u{i}"} for i in range(3)]
    step = 0
    while True:
        bad, spool = tmp_path / f"{step}/bad", tmp_path / f"{step}/spool"
        kept(bad, [BadRow("segment.type", "", each) for each in sent])

        def work(bad: Path = bad, spool: Path = spool) -> None:
            replay(bad, spool, Again(NO_CHECKS), Wanted())
            hand_over(spool)

        killed = killed_at(step, work)
        work()
        by_id = {event["event_id"]: event for event in spooled(spool)}
        assert sorted(event["user_id"] for event in by_id.values()) == [
            "u0",
            "u1",
            "u2",
        ]
        assert counted(bad, Wanted())["replayed"] == 3
        assert not inbox.waiting(spool)
        if not killed:
            break
        step += 1
    assert step > 15


# By the command line, beside a real collector.


def post(url: str, key: str, sent: dict[str, Any]) -> None:
    from urllib.request import Request as Post
    from urllib.request import urlopen

    token = base64.b64encode(f"{key}:".encode()).decode()
    body = json.dumps({"batch": [sent]}).encode()
    headers = {"authorization": f"Basic {token}", "content-type": "application/json"}
    with urlopen(Post(f"{url}/v1/batch", body, headers), timeout=20) as answer:
        assert answer.status == 200


def command(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["collect", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def delivered(collector: Any) -> None:
    """Bring the bad rows of a collector where it says."""
    reader = SpoolReader(collector.spool)
    BadSink(collector.settings["bad"]).write(reader.read(reader.oldest))


def test_a_mended_schema_and_a_collector_that_runs_and_one_that_does_not(
    tmp_path: Path,
    collector_server: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    from tests.collect.real_collector import KEY, source_of

    folder = tmp_path / "schemas"
    schemas(folder, {"properties": {"total": {"type": "number"}}})
    shop = source_of(["segment"], schemas=str(folder))
    collector = collector_server(["segment"], {"shop": shop})
    post(collector.url, KEY, {**CALL, "messageId": "m1", "properties": {"total": "5"}})
    post(collector.url, KEY, {**CALL, "messageId": "m2", "properties": {"total": 5}})
    delivered(collector)
    config = ["--config", str(collector.config)]
    found = command(capsys, "bad", *config, "--list", "5")
    assert found["total"] == 1 and found["list"][0]["reason"] == "schema.invalid"
    before = found["list"][0]["payload"]
    assert before["event_id"] == "m1"
    assert command(capsys, "replay", *config)["still"] == {"schema.invalid": 1}
    schemas(folder, {"properties": {"total": {"type": ["number", "string"]}}})
    told = command(capsys, "replay", *config, "--reason", "schema.")
    assert told["events"] == 1 and not told["waiting"]
    assert [event["event_id"] for event in collector.events()] == ["m2", "m1"]
    assert collector.events()[1] == before
    assert command(capsys, "replay", *config)["before"] == 1

    post(collector.url, KEY, {**CALL, "messageId": "m3", "properties": {"total": "7"}})
    collector.stop()
    delivered(collector)
    told = command(capsys, "replay", *config)
    assert told["events"] == 1 and told["before"] == 1 and not told["waiting"]
    assert [event["event_id"] for event in collector.events()] == ["m2", "m1", "m3"]
    found = command(capsys, "bad", *config)
    assert (found["total"], found["replayed"]) == (2, 2)


@pytest.mark.parametrize("command", ["bad", "replay"])
def test_a_collector_that_keeps_no_bad_rows_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, command: str
) -> None:
    """An empty name is not the folder that one happens to be in."""
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "collect.toml"
    config.write_text(
        'bad = ""\n[sources.shop]\nprotocols = ["segment"]\nkeys = ["a-key"]\n'
    )
    assert main(["collect", command, "--config", "collect.toml"]) == 2
    assert "Received: bad=''" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [config]
