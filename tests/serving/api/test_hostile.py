"""Bodies and requests that mean no good: refused, and a good request works after."""

from __future__ import annotations

import gzip
import json
import random
import socket

import pytest
from answers import read_all

from tests.serving.api.real_server import APPLICATION, RealServer

PREDICT = f"/v1/predictions/{APPLICATION}"
POSTED = (PREDICT, f"{PREDICT}/batch", "/v1/events")
EVENT = '{"anonymous_id": "v", "timestamp": 1, "type": "page_view"%s}'


def events(more: str) -> str:
    return '{"events": [%s]}' % (EVENT % more)


BODIES: dict[str, bytes | str] = {
    "empty": b"",
    "blank": b"   \n",
    "half": b'{"subject": "v',
    "two": b'{"subject": "v"}{"subject": "v"}',
    "comment": b'{"subject": "v"} // more',
    "single quotes": b"{'subject': 'v'}",
    "trailing comma": b'{"subject": "v",}',
    "no utf-8": b'{"subject": "\xff\xfe"}',
    "half a character": b'{"subject": "\xf0\x9f\x98"}',
    "overlong utf-8": b'{"subject": "\xc0\x80"}',
    "utf-16": '{"subject": "v"}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"subject": "v"}',
    "lone surrogate": b'{"subject": "\\ud800"}',
    "lone surrogate in an event": events(', "url": "\\udfff"'),
    "lone surrogate as a name": events(', "\\ud83d": 1'),
    "null character": b'{"subject": "a\\u0000b"}',
    "raw control character": b'{"subject": "a\x01b"}',
    "null": b"null",
    "number": b"7",
    "text": b'"v"',
    "list": b'[{"subject": "v"}]',
    "NaN": b"NaN",
    "NaN as a time": b'{"events": [{"anonymous_id":"v","type":"a","timestamp":NaN}]}',
    "NaN as a value": events(', "price": NaN'),
    "Infinity": events(', "price": Infinity'),
    "minus Infinity": events(', "price": -Infinity'),
    "a number beyond floats": events(', "price": 1e400'),
    "a number of many digits": events(f', "price": {"9" * 5000}'),
    "a fraction of many digits": events(f', "price": 0.{"3" * 5000}'),
    "a time beyond dates": b'{"events": [{"anonymous_id":"v","type":"a",'
    b'"timestamp":9223372036854775807}]}',
    "a time before dates": b'{"events": [{"anonymous_id":"v","type":"a",'
    b'"timestamp":-9223372036854775808}]}',
    "a time beyond 64 bits": b'{"events": [{"anonymous_id":"v","type":"a",'
    b'"timestamp":92233720368547758079}]}',
    "a time of words": b'{"events": [{"anonymous_id":"v","type":"a",'
    b'"timestamp":"tomorrow, or so"}]}',
    "a time without a zone": b'{"events": [{"anonymous_id":"v","type":"a",'
    b'"timestamp":"2026-01-15T10:00:00"}]}',
    "the 31st of June": b'{"events": [{"anonymous_id":"v","type":"a",'
    b'"timestamp":"2026-06-31T10:00:00Z"}]}',
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "deep in an event": events(', "a": ' + "[" * 50_000 + "]" * 50_000),
    "deep in a subject": b'{"subject": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
    "the same key twice": b'{"subject": "v", "subject": "w", "events": []}',
    "an unknown key": b'{"subject": "v", "__class__": "os"}',
    "a subject of the wrong type": b'{"subject": 7, "subjects": 7, "events": 7}',
    "subjects of the wrong type": b'{"subjects": ["v", 7]}',
    "events of the wrong type": b'{"events": {"a": 1}}',
    "an event of the wrong type": b'{"events": ["page_view", 7, null]}',
    "an event of nested values": events(', "a": {"b": 1}'),
    "an empty event": b'{"events": [{}]}',
    "an event without a subject": b'{"events": [{"timestamp": 1, "type": "a"}]}',
    "a type of the wrong type": b'{"events": [{"anonymous_id":"v","timestamp":1,'
    b'"type":7}]}',
    "a subject of the wrong type in an event": b'{"events": [{"anonymous_id":[],'
    b'"timestamp":1,"type":"a"}]}',
    "an empty subject": b'{"subject": "", "subjects": [""]}',
    "a long subject": json.dumps({"subject": "v" * 100_000}),
    "a long text": events(f', "url": "{"u" * 300_000}"'),
    "many fields": events("".join(f', "f{n}": {n}' for n in range(5_000))),
    "many events": events("}, " + ", ".join([EVENT % ""] * 11_000)[:-1]),
    "many subjects": json.dumps({"subjects": ["v"] * 20_000}),
    "a large explain": b'{"subject": "v", "explain": 1000000}',
    "a negative explain": b'{"subject": "v", "explain": -1}',
    "a fraction to explain": b'{"subject": "v", "explain": 1.5}',
    "an instant of nonsense": b'{"subject": "v", "instant": "now"}',
    "an instant beyond dates": b'{"subject": "v", "instant": 999999999999999999}',
    "neither": b"{}",
    "both": b'{"subject": "v", "events": []}',
    "oversized": b'{"subject": "' + b"v" * 1_000_001 + b'"}',
    "bytes": bytes(range(256)) * 100,
}
MAY_WORK = {
    "null character",
    "lone surrogate",
    "the same key twice",
    "an event without a subject",
    "a time without a zone",
    "many fields",
    "a number of many digits",
    "a fraction of many digits",
}


def still_good(real: RealServer) -> None:
    answer = real.post(PREDICT, {"subject": "good"})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_is_refused(real: RealServer, name: str) -> None:
    body = BODIES[name]
    content = body.encode() if isinstance(body, str) else body
    named = {**real.bearer, "content-type": "application/json"}
    for path in POSTED:
        answer = real.client.post(path, headers=named, content=content)
        said = answer.json()
        if answer.status_code == 200:
            assert name in MAY_WORK, (path, said)
            continue
        assert answer.status_code in (400, 413, 422), (path, said)
        assert set(said["error"]) == {"code", "message"}
        assert len(answer.content) < 2_000
    still_good(real)


def test_random_bytes_and_cuts_are_refused_or_answered(real: RealServer) -> None:
    """Good bodies with a few bytes changed, from one seed."""
    made = random.Random(7)
    good = [
        b'{"subject": "v1", "explain": 2, "instant": "2026-01-15T10:00:00Z"}',
        b'{"subjects": ["v1", "v2"]}',
        events(', "event_id": "h1", "url": "https://shop.example/a?b=1"').encode(),
    ]
    named = {**real.bearer, "content-type": "application/json"}
    statuses = set()
    for n in range(600):
        body = bytearray(good[n % 3])
        for _ in range(made.randint(1, 3)):
            at = made.randrange(len(body))
            if made.random() < 0.3:
                del body[at : at + made.randint(1, 9)]
            else:
                body[at] = made.randrange(256)
            body = body or bytearray(b"{")
        path = POSTED[made.randrange(3)]
        answer = real.client.post(path, headers=named, content=bytes(body))
        assert answer.status_code < 500, (bytes(body), answer.text)
        statuses.add(answer.status_code)
    assert {200, 400, 422} <= statuses
    still_good(real)


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"content-type": "application/json", "content-encoding": "gzip"}, b"", 415),
        ({"content-type": "text/plain"}, b'{"subject": "v"}', 415),
        ({"content-type": "application/x-www-form-urlencoded"}, b"subject=v", 415),
        ({"content-type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        ({"content-type": "application/json; charset=utf-16"}, b'{"subject":1}', 422),
        ({"content-type": "application/json" * 50}, b"{}", 415),
        ({}, b'{"subject": "v"}', 415),
    ],
)
def test_a_body_of_another_kind_is_refused(
    real: RealServer, headers: dict[str, str], content: bytes, status: int
) -> None:
    packed = content or gzip.compress(b'{"subject": "v"}')
    named = {**real.bearer, **headers}
    answer = real.client.post(PREDICT, headers=named, content=packed)
    assert answer.status_code == status, answer.text
    still_good(real)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "PROPFIND"])
def test_another_method_is_refused(real: RealServer, method: str) -> None:
    for path in (*POSTED, "/v1/visitors"):
        headers = real.page() if path == "/v1/visitors" else real.bearer
        answer = real.client.request(method, path, headers=headers)
        assert answer.status_code == 405, answer.text
        assert answer.headers["allow"] == "POST"
    still_good(real)


PATHS = (
    "/v1/predictions/../../etc/passwd",
    "/v1/predictions/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/v1/predictions/..",
    "/v1/predictions/.",
    "/v1/predictions/%00",
    "/v1/predictions/%ff%fe",
    "/v1/predictions/%",
    "/v1/predictions/%f0%9f%98%80",
    "/v1/predictions/" + "a" * 20_000,
    "/v1/predictions//batch",
    "/v1/applications/..%2f..%2fid.key",
    "/v1/applications/versions",
    "/v1/applications/%2fetc%2fpasswd",
    "/v1/subjects/../anonymous_id/v",
    "/v1/subjects/%00/%00",
    "/v1/subjects/no_such_field/v",
    "/v1/subjects/anonymous_id/" + "v" * 20_000,
    "/v1/subjects/anonymous_id/%ed%a0%80",
    "/ui/../../etc/passwd",
    "/docs/..%2f..%2fserve.toml",
    "//v1/events",
    "/v1/events/",
    "/V1/EVENTS",
    "/v1/events;x=1",
    "http://elsewhere.example/v1/events",
    "*",
)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_leads_nowhere_else(real: RealServer, path: str) -> None:
    for method in ("POST", "GET", "DELETE"):
        body = b'{"subject": "v"}'
        lines = [
            f"{method} {path} HTTP/1.1",
            "host: localhost",
            f"authorization: Bearer {real.secret}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            "connection: close",
        ]
        with socket.create_connection(("127.0.0.1", real.port), timeout=20) as sock:
            sock.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            answer = read_all(sock)
        status = int(answer.split(b" ", 2)[1])
        for secret in (b"root:", b"zap_sk_", b"[limits]", b"registry ="):
            assert secret not in answer
        fine = status in (400, 404, 405, 415, 422) or (
            status == 200 and path.startswith("/v1/subjects/")
        )
        assert fine, answer[:500]
    still_good(real)


def test_no_defect_was_met(real: RealServer) -> None:
    """The last test of this file: no line of the server tells of a defect."""
    assert [line for line in real.lines() if '"defect"' in line] == []
    assert [line for line in real.lines() if "Traceback" in line] == []
