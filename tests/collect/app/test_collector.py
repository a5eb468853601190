"""What a request meets on its way: keys, origins, limits; an answer after the disk."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
import pytest
from answers import read_all

from tests.collect.app.conftest import Running, running_at
from tests.collect.real_collector import KEY, SHOP, source_of, until
from zap.collect.event import BadRow, Event
from zap.collect.record import BadRecord
from zap.collect.spool import Spool, SpoolOptions
from zap.collect.spool.options import SpoolFull
from zap.errors import CollectError

Start = Callable[..., Running]
OTHER_SHOP = "https://other.example"


def head(length: int | None, *more: str, path: str = "/plain") -> bytes:
    """The first lines of a request, whose connection is closed after it."""
    lines = [f"POST {path} HTTP/1.1", "Host: collector", *more]
    if length is not None:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode()


def body_of(*events: object, key: str = KEY) -> bytes:
    return json.dumps({"key": key, "events": events}).encode()


def test_what_is_accepted_is_in_the_spool_in_order(start: Start) -> None:
    running = start()
    sent = [{"event_id": str(n), "properties": {"n": n}} for n in range(5)]
    answer = running.send(*sent, "no object")
    assert (answer.status_code, answer.json()) == (200, {"taken": 5, "bad": 1})
    assert answer.headers["x-kind"] == "plain"
    *events, bad = running.records()
    told = [{k: event[k] for k in ("event_id", "properties")} for event in events]  # type: ignore[index]
    assert told == sent
    assert {event["source"] for event in events} == {"shop"}  # type: ignore[index]
    assert isinstance(bad, BadRecord)
    assert (bad.row, bad.source) == (BadRow("plain.no_object", "", "no object"), "shop")


def test_many_clients_at_once_lose_nothing(start: Start) -> None:
    running = start()

    def client(name: int) -> None:
        with httpx.Client(base_url=running.url, timeout=30, verify=False) as one:
            for n in range(25):
                content = body_of({"event_id": f"{name}-{n}"})
                assert one.post("/plain", content=content).status_code == 200

    threads = [threading.Thread(target=client, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [event["event_id"] for event in running.records()]  # type: ignore[index,call-overload]
    assert sorted(found) == sorted(f"{c}-{n}" for c in range(8) for n in range(25))
    for c in range(8):  # of each client in its order
        assert [f for f in found if f.startswith(f"{c}-")] == [
            f"{c}-{n}" for n in range(25)
        ]
    assert running.answered("accepted") == 200


@pytest.mark.parametrize("key", ["wrong", "", KEY + "x", KEY[:-1], "k" * 9_000, "é"])
def test_a_wrong_key_is_refused(running: Running, key: str) -> None:
    answer = running.post({"key": key, "events": [{}]})
    assert (answer.status_code, answer.json()["fate"]) == (401, "no_key")
    assert not key or key not in answer.text


def test_a_missing_key_is_refused_or_the_source_without_key(start: Start) -> None:
    running = start()
    assert running.post({"key": None, "events": [{}]}).status_code == 401
    open_to_all = source_of(["another"], without_key=True)
    running = start(sources={"shop": source_of(["plain"]), "open": open_to_all})
    assert running.post({"key": None, "events": [{}]}).status_code == 202
    assert running.records()[-1]["source"] == "open"  # type: ignore[index,call-overload]


def test_a_path_of_two_tools_is_the_keys_sources(start: Start) -> None:
    sources = {
        "first": source_of(["plain"], keys=["one"]),
        "second": source_of(["another"], keys=["two"]),
    }
    running = start(sources=sources)
    found = [
        running.post({"key": key, "events": [{}]}).status_code
        for key in ("one", "two", "three")
    ]
    assert found == [200, 202, 401]
    assert [event["source"] for event in running.records()] == ["first", "second"]  # type: ignore[index,call-overload]
    # Each is held to its own limit, and counted as its own.
    large = [{"text": "x" * 2_000}]
    found = [
        running.post({"key": key, "events": large}).status_code
        for key in ("one", "two", "three")
    ]
    assert found == [200, 413, 401]
    assert running.answered("too_large", "second", "another") == 1
    # One that does not speak the path's tool is unknown there.
    alone = running.post({"key": "one", "events": [{}]}, path="/another")
    assert alone.status_code == 401


def test_a_request_that_keeps_nothing_needs_no_key(running: Running) -> None:
    assert running.ask("GET", "/plain.js").status_code == 200
    assert running.post({"key": "wrong", "events": []}).status_code == 401


def test_other_methods_and_paths(running: Running) -> None:
    answer = running.ask("PUT", "/plain", content=b"{}")
    assert (answer.status_code, answer.json()["fate"]) == (404, "not_found")
    assert running.ask("GET", "/nowhere").status_code == 404
    assert running.ask("GET", "/health").json()["status"] == "ok"
    assert running.ask("GET", "/ready").json() == {"ready": True, "spool": "ok"}
    assert running.send({}, path="/plain/prefix/of").status_code == 200


# Sizes, encodings and times.


def test_a_body_at_its_limit_is_taken_and_beyond_refused(start: Start) -> None:
    running = start(limits={"max_body_bytes": 10_000})
    frame = len(body_of({"event_id": ""}))
    for size, status in ((10_000, 200), (10_001, 413)):
        event = {"event_id": "x" * (size - frame)}
        assert len(body_of(event)) == size
        assert running.post(body_of(event)).status_code == status


def test_a_body_in_chunks_is_counted_as_it_comes(start: Start) -> None:
    running = start(limits={"max_body_bytes": 10_000})
    content = body_of({"event_id": "1"})
    chunked = b"".join(b"1\r\n%c\r\n" % byte for byte in content) + b"0\r\n\r\n"
    closing = "Transfer-Encoding: chunked", "Connection: close"
    assert b" 200 " in running.raw(head(None, *closing), chunked)
    endless = b"400\r\n" + bytes(1024) + b"\r\n"
    found = running.raw(head(None, *closing), *[endless] * 64)
    assert b" 413 " in found.splitlines()[0]


def test_gzip_is_inflated_and_other_encodings_are_refused(running: Running) -> None:
    content = body_of({"event_id": "zipped"})
    gzipped = {"headers": {"content-encoding": "gzip"}}
    for zipped in (
        gzip.compress(content),
        gzip.compress(content[:9]) + gzip.compress(content[9:]),
    ):
        assert running.post(zipped, **gzipped).status_code == 200
    for wrong in (content, gzip.compress(content)[:-3], zlib.compress(content)):
        answer = running.post(wrong, **gzipped)
        assert (answer.status_code, answer.json()["fate"]) == (400, "malformed")
    for name in ("br", "deflate", "gzip, gzip", "zstd"):
        answer = running.post(content, headers={"content-encoding": name})
        assert answer.status_code == 400, name


BOMB = """
import resource, sys, zlib
from zap.collect.inflate import inflate
from zap.collect.protocol import Unaccepted
packer = zlib.compressobj(9, zlib.DEFLATED, 31)
bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1 << 8)) + packer.flush()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for content in (bomb, bomb * 3, zlib.compress(b"", 9, 31) * 100_000):
    try:
        inflate(content, 1 << 20)
    except Unaccepted as why:
        print(why.fate.value)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, len(bomb))
"""


def test_a_bomb_of_a_quarter_of_a_gigabyte_takes_no_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", BOMB], capture_output=True, text=True, check=True
    )
    *fates, numbers = done.stdout.split("\n")[:-1]
    grown_kb, size = map(int, numbers.split())
    assert fates == ["too_large"] * 3
    assert size < 300_000  # a thousandth of what it holds
    assert grown_kb < 16_000


def test_a_bomb_is_refused_and_a_good_request_works_after(running: Running) -> None:
    bomb = gzip.compress(b" " * (8 << 20))
    answer = running.post(bomb, headers={"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["fate"]) == (413, "too_large")
    assert running.send({}).status_code == 200


def test_a_slow_body_is_refused_in_time(start: Start) -> None:
    running = start(
        limits={"body_timeout_s": 0.3}, connections={"header_timeout_s": 0.3}
    )
    with running.connect() as sock:
        sock.sendall(head(100))
        sock.sendall(b"{")
        found = read_all(sock)  # nothing more is sent: the server ends it
    assert b" 500 " in found.splitlines()[0] and b"within 0.3 seconds" in found
    assert (
        running.samples("zap_collect_buffered_bytes")[("zap_collect_buffered_bytes",)]
        == 0
    )


def test_slow_headers_and_too_many_connections(start: Start) -> None:
    bounds = {"header_timeout_s": 0.3, "max_connections": 8, "max_header_bytes": 2_000}
    running = start(connections=bounds)
    slow = [running.connect() for _ in range(8)]
    for sock in slow:
        sock.sendall(b"POST /plain HT")
    assert b" 503 " in running.raw(b"GET /health HTTP/1.1\r\n\r\n")
    for sock in slow:
        assert b" 408 " in read_all(sock)
        sock.close()
    assert b" 431 " in running.raw(head(2, "X: " + "x" * 4_000), b"{}")
    assert running.send({}).status_code == 200
    refused = running.samples("zap_collect_connections_refused")
    assert refused["zap_collect_connections_refused_total", "slow_headers"] == 8


def test_half_a_body_is_nothing(running: Running) -> None:
    before = len(running.records())
    with running.connect() as sock:
        sock.sendall(head(500) + body_of({"event_id": "half"})[:20])
    until(lambda: running.answered("disconnected", "") >= 1)
    assert len(running.records()) == before


def test_a_content_length_that_is_wrong(running: Running) -> None:
    content = body_of({"event_id": "short"})
    close = "Connection: close"
    # Less than there is: the rest is no JSON, or the next request's.
    assert b" 400 " in running.raw(head(len(content) - 4, close), content)
    for wrong in ("-1", "1e3", "0x10", "9" * 30, "1, 2"):
        lines = head(None, close, f"Content-Length: {wrong}")
        found = running.raw(lines, content)
        assert b" 400 " in found.splitlines()[0] or b" 413 " in found.splitlines()[0]
    both = head(len(content), close, "Transfer-Encoding: chunked")
    assert b" 400 " in running.raw(both, content).splitlines()[0]


def test_pipelined_requests_are_answered_in_order(start: Start) -> None:
    running = start()
    content = [body_of(*[{"event_id": f"{n}"}] * (n + 1)) for n in range(20)]
    parts = [head(len(each)) + each for each in content[:-1]]
    parts.append(head(len(content[-1]), "Connection: close") + content[-1])
    found = running.raw(b"".join(parts))
    told = [
        json.loads(b"{" + each.split(b"}")[0] + b"}")["taken"]
        for each in found.split(b"{")[1:]
    ]
    assert told == list(range(1, 21))
    order = [event["event_id"] for event in running.records()]  # type: ignore[index,call-overload]
    assert order == [str(n) for n in range(20) for _ in range(n + 1)]


# What is in a body.


def nested(levels: int, kind: str) -> bytes:
    opened, closed = {"list": (b"[", b"]"), "object": (b'{"a":', b"}")}[kind]
    return opened * levels + b"1" + closed * levels


@pytest.mark.parametrize("kind", ["list", "object"])
def test_depth_is_bounded(start: Start, kind: str) -> None:
    running = start()

    def post(levels: int) -> httpx.Response:
        inner = nested(levels, kind)
        return running.post(
            b'{"key": "%s", "events": [{"a": %s}]}' % (KEY.encode(), inner)
        )

    assert post(31).json() == {"taken": 1, "bad": 0}
    # What is too deep for an event is kept aside: as it came, or what JSON is not
    # written so deep, as text. What no parser reads is refused.
    for levels, reason in ((32, "too_deep"), (200, "too_deep"), (300, "no_json")):
        assert post(levels).json()["taken"] == 1
        last = running.records()[-1]
        assert isinstance(last, BadRecord) and last.row.reason == reason
    for levels in (2_000, 100_000):
        answer = post(levels)
        assert answer.status_code in (400, 413), answer.text
    assert running.answered("defect", "") == running.answered("defect") == 0


def test_brackets_in_texts_are_no_depth(start: Start) -> None:
    running = start()
    text = '{[\\"' * 200 + "\\" + '"' * 3 + "{" * 50
    assert running.send({"event_id": text, text: [text]}).status_code == 200
    assert running.records()[-1]["event_id"] == text  # type: ignore[index,call-overload]


def test_a_large_event_is_kept_as_a_bad_row(start: Start) -> None:
    running = start()
    keys = {f"key-{n}": n for n in range(100_000)}
    nest = {"a": [{"b": [n, {"c": str(n)}]} for n in range(40_000)]}
    for found in (keys, nest):
        large = {"event_id": "large", "properties": found}
        content = body_of(large, {"event_id": "good"})
        assert len(content) > 1_000_000
        assert running.post(content).status_code == 200
        good, bad = running.records()[-2:]
        assert good["event_id"] == "good"  # type: ignore[index,call-overload]
        assert isinstance(bad, BadRecord) and bad.row.reason == "too_large"
        assert bad.row.payload["properties"] == found
    assert running.samples("zap_collect_bad_rows") == {
        ("zap_collect_bad_rows_total", "too_large", "shop"): 2
    }


def test_what_json_can_not_hold_is_kept_as_text(start: Start) -> None:
    running = start()
    content = b'{"key": "%s", "events": [{"a": "\\ud800"}, {"b": %s}, {"c": 1}]}'
    answer = running.post(content % (KEY.encode(), b"9" * 40))
    assert answer.json() == {"taken": 3, "bad": 0}  # as this protocol has read it
    good, *bad = running.records()
    assert good["c"] == 1  # type: ignore[index,call-overload]
    assert [each.row.reason for each in bad] == ["no_json"] * 2  # type: ignore[union-attr]
    assert "\\ud800" in bad[0].row.payload and "9" * 40 in bad[1].row.payload  # type: ignore[union-attr]


def test_mutated_bodies_never_make_a_defect(start: Start) -> None:
    """Good bodies with some bytes changed, cut out or doubled, from one seed."""
    running = start()
    made = random.Random(11)
    good = [
        body_of({"event_id": "é", "properties": {"a": [1, 2.5, None, {"b": "c"}]}}, 7),
        gzip.compress(body_of({"event_id": "zipped"}, {"type": "x"})),
    ]
    fates = set()
    with httpx.Client(base_url=running.url, timeout=20, verify=False) as client:
        for n in range(1_000):
            content = bytearray(good[n % 2])
            for _ in range(made.randint(1, 4)):
                at = made.randrange(len(content))
                match made.randrange(3):
                    case 0:
                        content[at] = made.randrange(256)
                    case 1:
                        del content[at : at + made.randint(1, 9)]
                    case _:
                        content[at:at] = content[: made.randint(1, 30)]
            named = {"content-encoding": "gzip"} if n % 2 else {}
            answer = client.post("/plain", content=bytes(content), headers=named)
            assert answer.status_code < 500, (bytes(content), answer.text)
            fates.add(answer.status_code)
    assert {200, 400} <= fates
    assert running.answered("defect", "") == 0


def test_a_defect_is_told_without_what_was_sent(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    running = start()
    answer = running.post({"key": KEY, "events": "a defect", "visitor": "visitor-17"})
    assert (answer.status_code, answer.json()["fate"]) == (500, "failed")
    assert int(answer.headers["retry-after"]) >= 1
    assert "RuntimeError in plain" in caplog.text
    assert "visitor-17" not in answer.text + caplog.text
    assert running.answered("defect", "") == 1


# Pages.


@pytest.mark.parametrize(
    "origin", [SHOP, OTHER_SHOP, "null", SHOP + "/", SHOP + ":444"]
)
def test_pages_of_listed_origins_alone_may_post(start: Start, origin: str) -> None:
    running = start()
    listed = origin == SHOP
    asked = {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-retry-count",
    }
    preflight = running.ask("OPTIONS", "/plain", headers=asked)
    answer = running.send({"event_id": "1"}, headers={"origin": origin})
    refused = running.post({"key": "wrong", "events": [{}]}, headers={"origin": origin})
    assert preflight.status_code == 204
    assert [answer.status_code, refused.status_code] == [200 if listed else 403, 401]
    for found in (preflight, answer, refused):
        allowed = found.headers.get("access-control-allow-origin")
        assert allowed == (origin if listed else None)
        credentials = found.headers.get("access-control-allow-credentials")
        assert credentials == ("true" if listed else None)
        assert "Origin" in found.headers["vary"]
    if listed:
        assert "POST" in preflight.headers["access-control-allow-methods"]
        named = preflight.headers["access-control-allow-headers"]
        assert named == "content-type,x-retry-count"
    else:
        assert answer.json()["fate"] == "origin"
        assert running.records() == []


def test_another_sources_page_may_not_use_this_ones_key(start: Start) -> None:
    others = source_of(["plain"], keys=["other"], origins=[OTHER_SHOP])
    every = source_of(["another"], keys=["every"], origins=["*"])
    named = {"shop": source_of(["plain"]), "other": others, "every": every}
    running = start(sources=named)
    page = {"headers": {"origin": OTHER_SHOP}}
    assert running.send({}, **page).status_code == 403
    assert running.post({"key": "other", "events": [{}]}, **page).status_code == 200
    answer = running.post({"key": "every", "events": [{}]}, path="/another", **page)
    assert answer.headers["access-control-allow-origin"] == OTHER_SHOP
    assert "access-control-allow-credentials" not in answer.headers


def test_options_without_a_page_names_the_methods(running: Running) -> None:
    answer = running.ask("OPTIONS", "/plain")
    assert (answer.status_code, answer.headers["allow"]) == (204, "POST, OPTIONS")


# How much.


def test_a_source_is_held_to_its_rate_of_events(start: Start) -> None:
    slow = source_of(["plain"], keys=["slow"], rate={"per_s": 0.01, "burst": 10})
    running = start(sources={"slow": slow, "shop": source_of(["plain"])})
    few = {"key": "slow", "events": [{}] * 8}
    statuses = [running.post(few).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]  # the second begins within the bucket
    answer = running.post(few)
    assert 600 <= int(answer.headers["retry-after"]) <= 701
    assert running.send({}).status_code == 200  # of another source
    assert len(running.records()) == 17


class Held:
    """A spool that answers when it is told to, as a disk that hangs would."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[CollectError | None], None]] = []
        self.full = False

    def submit(self, records: Sequence[bytes], done: Callable[..., None]) -> None:
        if self.full:
            raise SpoolFull("Expected room.")
        self.waiting.append(done)


def test_no_answer_before_the_disk_has_it(start: Start) -> None:
    spool = Held()
    running = start(spool=spool)
    found: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: found.append(running.send({})))
    thread.start()
    until(lambda: spool.waiting)
    with pytest.raises(AssertionError):
        until(lambda: found, 0.2)
    spool.waiting[0](None)
    thread.join()
    assert found[0].status_code == 200


def test_a_disk_that_fails_hangs_or_is_full(start: Start) -> None:
    spool = Held()
    running = start(spool=spool, limits={"ack_timeout_s": 0.3, "retry_after_s": 7})
    answer = running.send({})  # it hangs
    assert (answer.status_code, answer.headers["retry-after"]) == (500, "7")
    assert "too long" in answer.json()["message"]
    found: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: found.append(running.send({})))
    thread.start()
    until(lambda: len(spool.waiting) == 2)
    spool.waiting[1](CollectError("Expected a disk."))
    thread.join()
    assert (found[0].status_code, found[0].json()["fate"]) == (500, "failed")
    spool.full = True
    answer = running.send({})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert answer.json()["fate"] == "full"
    spool.waiting[0](None)  # the first one, that has been given up
    assert running.samples("zap_collect_events") == {}


def test_a_real_spool_that_is_full_answers_503_and_goes_on(tmp_path: Path) -> None:
    options = SpoolOptions(max_bytes=100_000, segment_bytes=20_000)
    with (
        Spool(tmp_path / "spool", options) as spool,
        running_at(tmp_path / "spool", spool=spool) as running,
    ):
        accepted = 0
        while (answer := running.send({"text": "x" * 1_000})).status_code == 200:
            accepted += 1
            assert accepted < 200
        assert (answer.status_code, answer.json()["fate"]) == (503, "full")
        assert int(answer.headers["retry-after"]) == 5
        assert len(running.records()) == accepted
        assert (
            running.send({}, headers={"origin": SHOP}).headers[
                "access-control-allow-origin"
            ]
            == SHOP
        )  # so that a page's script can read it


def test_requests_in_flight_are_bounded(start: Start) -> None:
    spool = Held()
    running = start(spool=spool, limits={"max_in_flight": 4})
    found: list[int] = []
    send = lambda: found.append(running.send({}).status_code)  # noqa: E731
    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    gauge = ("zap_collect_requests_in_flight",)
    until(lambda: running.samples(gauge[0])[gauge] == 4)
    answer = running.send({})
    assert (answer.status_code, answer.json()["fate"]) == (503, "full")
    assert running.ask("GET", "/health").status_code == 200
    while len(found) < 4:
        for done in list(spool.waiting):
            spool.waiting.remove(done)
            done(None)
    for thread in threads:
        thread.join()
    assert found == [200] * 4


def test_bytes_of_bodies_are_bounded_together(start: Start) -> None:
    running = start(limits={"max_buffered_bytes": 100_000, "max_body_bytes": 90_000})
    with running.connect() as first:
        first.sendall(head(90_000) + b" " * 60_000)
        gauge = ("zap_collect_buffered_bytes",)
        until(lambda: running.samples(gauge[0])[gauge] == 60_000)
        large = running.post(body_of({"text": "x" * 50_000}))
        assert (large.status_code, large.json()["fate"]) == (503, "full")
        bomb = gzip.compress(body_of({"text": "x" * 50_000}))
        zipped = running.post(bomb, headers={"content-encoding": "gzip"})
        assert zipped.status_code == 503
        assert running.send({}).status_code == 200
    until(lambda: running.samples(gauge[0])[gauge] == 0)


# What is told.


def test_lines_and_metrics_hold_nothing_personal(start: Start) -> None:
    running = start(log_requests="all")
    running.send({"event_id": "of-visitor-17"}, headers={"origin": SHOP})
    running.post({"key": "wrong-key", "events": [{}]})
    until(lambda: running.lines.getvalue().count(b"\n") == 2)
    lines = [json.loads(line) for line in running.lines.getvalue().splitlines()]
    assert [line["fate"] for line in lines] == ["accepted", "no_key"]
    assert (lines[0]["source"], lines[0]["events"], lines[0]["status"]) == (
        "shop",
        1,
        200,
    )
    told = running.lines.getvalue().decode() + running.metrics.text().decode()
    for secret in ("visitor-17", KEY, "wrong-key", "127.0.0.1", SHOP):
        assert secret not in told
    acks = running.samples("zap_collect_ack_seconds")
    assert acks["zap_collect_ack_seconds_count", "plain"] == 1
    assert running.answered("accepted") == 1
    assert running.answered("no_key", "") == 1


@pytest.mark.parametrize("trusted", [True, False])
def test_the_address_behind_a_trusted_proxy(start: Start, trusted: bool) -> None:
    running = start(proxies=["127.0.0.1"] if trusted else ["10.0.0.1"])
    running.send({}, headers={"x-forwarded-for": "192.0.2.7"})
    found = running.records()[0]["address"]  # type: ignore[index,call-overload]
    assert found == ("192.0.2.7" if trusted else "127.0.0.1")


def test_metrics_are_for_this_machine(running: Running) -> None:
    assert "zap_collect_requests_total" in running.ask("GET", "/metrics").text
    far = running.ask("GET", "/metrics", headers={"x-forwarded-for": "192.0.2.7"})
    assert far.status_code == 403
    assert running.ask("POST", "/metrics").status_code == 405


class Privacy:
    """Drops and refuses, as `zap.collect.checks.checks.Checks` may."""

    def has(self, source: str) -> bool:
        return True

    def apply(
        self, source: str, events: Sequence[Event]
    ) -> tuple[list[Event], list[BadRow]]:
        kept = [{**event, "seen_by": source} for event in events if "no" not in event]
        return kept, [BadRow("refused", "", {}) for event in events if "no" in event]

    def bad(self, source: str, rows: Sequence[BadRow]) -> list[BadRow]:
        return [BadRow(row.reason, row.detail, "hidden") for row in rows]


def test_all_that_is_written_went_through_the_checks(start: Start) -> None:
    running = start(checks=Privacy())
    assert running.send({"event_id": "1"}, {"no": 1}, "raw").status_code == 200
    event, first, second = running.records()
    assert event["seen_by"] == "shop"  # type: ignore[index,call-overload]
    assert isinstance(first, BadRecord) and isinstance(second, BadRecord)
    assert {first.row.payload if first.row.reason != "refused" else "hidden"} == {
        "hidden"
    }
    assert {first.row.reason, second.row.reason} == {"plain.no_object", "refused"}
