"""Slow, lying and greedy clients, over raw connections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection

import httpx
import pytest

from tests.serving.api.conftest import Keys, Running, serving
from tests.serving.api.real_server import until
from zap.serving.api.gate import Gate
from zap.serving.api.limits import Limits
from zap.serving.api.protocol import ConnectionLimits

LIMITS = Limits(max_body_bytes=100_000, body_timeout_s=0.6)
BOUNDS = ConnectionLimits(
    max_header_bytes=4_096, header_timeout_s=0.6, max_connections=6
)


@pytest.fixture(scope="module")
def strict(keys: Keys) -> Iterator[Running]:
    with serving(lambda echo: Gate(echo, keys.path, LIMITS), BOUNDS) as one:
        yield one


def head(keys: Keys, *lines: str, key: str | None = None) -> bytes:
    named = [
        "POST /v1/events HTTP/1.1",
        "host: localhost",
        f"authorization: Bearer {key or keys.secret}",
        *lines,
    ]
    return "\r\n".join([*named, "", ""]).encode()


def status_of(answer: bytes) -> int:
    assert answer.startswith(b"HTTP/1.1 "), answer
    return int(answer.split(b" ", 2)[1])


def code_of(answer: bytes) -> str:
    code: str = json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"]
    return code


def buffered(running: Running) -> float:
    return sum(running.samples("zap_buffered_bytes").values())


def chunk(content: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(content), content)


def good(running: Running, keys: Keys) -> int:
    """A good request: that the server still works."""
    url = f"{running.url}/v1/events"
    answer = httpx.post(url, headers=keys.as_server, content=b"x" * 99_000)
    assert answer.json()["bytes"] == 99_000
    return answer.status_code


def test_a_body_that_is_said_to_be_too_long_is_refused_unread(
    strict: Running, keys: Keys
) -> None:
    before = strict.echo.asked
    answer = strict.raw(head(keys, "content-length: 100001"))
    assert (status_of(answer), code_of(answer)) == (413, "too_large")
    assert strict.echo.asked == before and good(strict, keys) == 200


def test_a_long_body_is_refused_with_an_answer_that_arrives(
    strict: Running, keys: Keys
) -> None:
    """This client gives up where it cannot send all: it would not see the answer."""
    client = HTTPConnection("127.0.0.1", strict.port, timeout=20)
    client.request("POST", "/v1/events", b"x" * (8 << 20), keys.as_server)
    answer = client.getresponse()
    assert answer.status == 413 and answer.headers["connection"] == "close"
    client.close()


def test_a_chunked_body_is_counted(strict: Running, keys: Keys) -> None:
    chunked = head(keys, "transfer-encoding: chunked")
    parts = [chunk(b"x" * 30_000)] * 4 + [b"0\r\n\r\n"]
    answer = strict.raw(chunked, *parts)
    assert (status_of(answer), code_of(answer)) == (413, "too_large")
    assert good(strict, keys) == 200


def test_a_chunked_body_within_the_bound_is_taken(strict: Running, keys: Keys) -> None:
    close = head(keys, "transfer-encoding: chunked", "connection: close")
    answer = strict.raw(close, *[chunk(b"x" * 25_000)] * 4, b"0\r\n\r\n")
    assert status_of(answer) == 200 and b'"bytes": 100000' in answer


def test_a_body_shorter_than_said_times_out(strict: Running, keys: Keys) -> None:
    before = strict.refused("slow_body")
    answer = strict.raw(head(keys, "content-length: 70000"), b"x" * 10)
    assert (status_of(answer), code_of(answer)) == (408, "slow_body")
    assert strict.refused("slow_body") == before + 1


def test_a_body_longer_than_said_is_no_second_request(
    strict: Running, keys: Keys
) -> None:
    before = strict.echo.asked
    answer = strict.raw(head(keys, "content-length: 4"), b"abcdefghijkl\r\n\r\n")
    # The first may be answered before the rest comes; the rest never is a request.
    assert answer.count(b"HTTP/1.1 400") == 1
    assert b"HTTP/1.1 200" not in answer or b'"bytes": 4' in answer
    assert strict.echo.asked <= before + 1 and good(strict, keys) == 200


@pytest.mark.parametrize(
    "lines",
    [
        ["content-length: 4", "transfer-encoding: chunked"],
        ["content-length: 4", "content-length: 5"],
        ["content-length: -4"],
        ["content-length: 4x"],
        ["content-length: 99999999999999999999999999"],
        ["transfer-encoding: chunked, gzip"],
    ],
)
def test_a_length_that_is_two_things_is_refused(
    strict: Running, keys: Keys, lines: list[str]
) -> None:
    before = strict.echo.asked
    answer = strict.raw(head(keys, *lines), b"4\r\nabcd\r\n0\r\n\r\n")
    assert status_of(answer) in (400, 413)
    assert strict.echo.asked == before and good(strict, keys) == 200


def test_without_a_key_no_body_is_asked_for(strict: Running, keys: Keys) -> None:
    wrong = head(keys, "expect: 100-continue", "content-length: 90000", key="wrong")
    answer = strict.raw(wrong)
    assert status_of(answer) == 401 and b"100 Continue" not in answer


def test_a_compressed_body_is_refused(strict: Running, keys: Keys) -> None:
    url = f"{strict.url}/v1/events"
    named = {**keys.as_server, "content-encoding": "gzip"}
    answer = httpx.post(url, headers=named, content=b"\x1f\x8b")
    assert answer.status_code == 415


def test_bodies_share_a_bound_of_memory(keys: Keys) -> None:
    """Clients that stop in the middle leave no room for another."""
    limits = Limits(max_body_bytes=100_000, max_buffered_bytes=250_000)
    with serving(lambda echo: Gate(echo, keys.path, limits)) as running:
        slow = [running.connect() for _ in range(2)]
        for sock in slow:
            sock.sendall(head(keys, "content-length: 100000") + b"x" * 99_990)
        until(lambda: buffered(running) == 2 * 99_990)
        url = f"{running.url}/v1/events"
        answer = httpx.post(url, headers=keys.as_server, content=b"x" * 99_000)
        assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
        slow[0].sendall(b"x" * 10)
        assert status_of(slow[0].recv(4096)) == 200
        slow[1].close()
        until(lambda: buffered(running) == 0)
        slow[0].close()
        assert running.refused("memory") == 1 and good(running, keys) == 200


def test_a_client_that_goes_away_is_counted(strict: Running, keys: Keys) -> None:
    before = strict.refused("disconnected")
    with strict.connect() as sock:
        sock.sendall(head(keys, "content-length: 70000") + b"x")
        until(lambda: buffered(strict))
    until(lambda: strict.refused("disconnected") == before + 1)
    assert good(strict, keys) == 200


@pytest.mark.parametrize(
    "parts",
    [
        [b"GET /health HTTP/1.1\r\nx: " + b"y" * 5_000 + b"\r\n\r\n"],
        [b"GET /health?" + b"y" * 5_000 + b" HTTP/1.1\r\n\r\n"],
        [b"GET /health HTTP/1.1\r\n", *[b"x: %s\r\n" % (b"y" * 1_000)] * 8],
        [b"GET /" + b"y" * 3_000, b"y" * 3_000],
    ],
)
def test_headers_are_bounded(strict: Running, keys: Keys, parts: list[bytes]) -> None:
    before = strict.refused("headers_too_large")
    answer = strict.raw(*parts)
    # A server that closes on unread bytes may cut its own words off.
    assert not answer or (status_of(answer), code_of(answer)) == (
        431,
        "headers_too_large",
    )
    assert strict.refused("headers_too_large") == before + 1
    assert good(strict, keys) == 200


def test_slow_headers_and_silence_end(strict: Running, keys: Keys) -> None:
    before = strict.refused("slow_headers")
    answer = strict.raw(b"GET /health HTTP/1.1\r\nx: ")
    assert (status_of(answer), code_of(answer)) == (408, "slow_headers")
    assert strict.refused("slow_headers") == before + 1
    assert strict.raw() == b""


def test_who_was_refused_and_still_sends_is_cut_off(
    strict: Running, keys: Keys
) -> None:
    """A short rest of a body is not waited for by the gate, nor for ever by us."""
    wrong = head(keys, "content-length: 5000", key="wrong")
    assert status_of(strict.raw(wrong, b"x")) == 401


def test_connections_are_bounded(strict: Running, keys: Keys) -> None:
    held = [strict.connect() for _ in range(6)]
    for sock in held:
        sock.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert status_of(sock.recv(4096)) == 200
    answer = strict.raw()
    assert status_of(answer) == 503 and b"retry-after: 1\r\n" in answer
    for sock in held:
        sock.close()
    last = b"GET /health HTTP/1.0\r\n\r\n"
    until(lambda: strict.raw(last).startswith(b"HTTP/1.1 200"))
    assert strict.refused("connections") >= 1


def test_requests_on_one_connection_are_all_answered(
    strict: Running, keys: Keys
) -> None:
    one = head(keys, "content-length: 2") + b"{}"
    last = head(keys, "content-length: 2", "connection: close") + b"{}"
    assert strict.raw(one * 5 + last).count(b"HTTP/1.1 200") == 6


@pytest.mark.parametrize(
    "bytes_",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET http://[bad/ HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
        b"GET /%ff%00 HTTP/1.1\r\nconnection: close\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nconnection: close\r\n\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"FOO /v1/events HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nx y: z\r\n\r\n",
        b"GET / HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade, close\r\n\r\n",
        b"GET /v1/events HTTP/1.0\r\nauthorization: Bearer \xff\r\n\r\n",
    ],
)
def test_what_is_no_request_is_no_failure(
    strict: Running, keys: Keys, bytes_: bytes
) -> None:
    answer = strict.raw(bytes_)
    assert not answer or 400 <= status_of(answer) < 500
    assert good(strict, keys) == 200
