"""What browsers are told, over HTTP."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.serving.api.conftest import SHOP, Keys, Running, serving
from zap.serving.api.cors import is_local_host, is_local_origin
from zap.serving.api.gate import Gate
from zap.serving.api.key_file import add_key, revoke_key
from zap.serving.api.keys import new_key

PREDICT = "/v1/predictions/cart"
ASKED = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,zap-visitor",
}


def test_a_preflight_of_a_listed_page_needs_no_key(client: httpx.Client) -> None:
    for path in (PREDICT, "/v1/visitors"):
        answer = client.options(path, headers={"origin": SHOP, **ASKED})
        assert answer.status_code == 204 and not answer.content
        told = answer.headers
        assert told["access-control-allow-origin"] == SHOP
        assert told["access-control-allow-methods"] == "POST"
        allowed = set(told["access-control-allow-headers"].split(", "))
        assert allowed == {"authorization", "content-type", "zap-visitor"}
        assert "Origin" in told["vary"]
        assert "access-control-allow-credentials" not in told


@pytest.mark.parametrize(
    ("path", "origin", "status"),
    [
        (PREDICT, "https://evil.example", 403),
        (PREDICT, "https://SHOP.example", 403),
        (PREDICT, "http://shop.example", 403),
        (PREDICT, "*", 403),
        (PREDICT, "null", 403),
        ("/v1/events", SHOP, 401),
        (f"{PREDICT}/batch", SHOP, 401),
        ("/health", SHOP, 200),
    ],
)
def test_no_other_page_is_told_yes(
    client: httpx.Client, path: str, origin: str, status: int
) -> None:
    answer = client.options(path, headers={"origin": origin, **ASKED})
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers


def test_answers_that_refuse_can_be_read_by_the_page(
    client: httpx.Client, keys: Keys
) -> None:
    answer = client.post(PREDICT, headers={"origin": SHOP})
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == SHOP
    exposed = answer.headers["access-control-expose-headers"]
    assert "retry-after" in exposed


def test_an_answer_varies_by_origin_also_without_one(
    client: httpx.Client, keys: Keys
) -> None:
    answer = client.post(PREDICT, headers=keys.as_server)
    assert answer.headers["vary"] == "Origin"
    assert answer.headers["cache-control"] == "no-store"


def test_the_origins_of_a_revoked_key_count_no_more(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    _, key = new_key("publishable", [SHOP])
    add_key(path, key)
    revoke_key(path, key.id)
    with serving(lambda echo: Gate(echo, path)) as running:
        url = f"{running.url}{PREDICT}"
        answer = httpx.options(url, headers={"origin": SHOP, **ASKED})
        assert answer.status_code == 403


@pytest.fixture(scope="module")
def keyless() -> object:
    with serving(Gate) as running:
        yield running


@pytest.mark.parametrize(
    ("named", "status"),
    [
        ({}, 200),
        ({"host": "localhost"}, 200),
        ({"host": "[::1]:8000"}, 200),
        ({"origin": "http://localhost:8000"}, 200),
        ({"host": "rebound.example"}, 403),
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": "localhost.evil.example:80"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"x-forwarded-for": "192.0.2.7"}, 403),
        ({"forwarded": "for=192.0.2.7"}, 403),
    ],
)
def test_without_keys_this_machine_alone_is_answered(
    keyless: Running, named: dict[str, str], status: int
) -> None:
    answer = httpx.post(f"{keyless.url}/v1/events", headers=named)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["caller"] == "local"


def test_without_keys_there_are_no_visitors(keyless: Running) -> None:
    answer = httpx.post(f"{keyless.url}/v1/visitors")
    assert answer.json()["error"]["code"] == "kind_of_key"


def test_names_of_this_machine() -> None:
    for host in (b"localhost", b"LOCALHOST:1", b"127.0.0.1:80", b"[::1]", b"[::1]:80"):
        assert is_local_host(host)
    for host in (None, b"", b":80", b"::1:80:1", b"localhost@evil", b"0x7f.1", b"[]"):
        assert not is_local_host(host)
    assert is_local_origin(b"http://localhost:3000")
    for origin in (b"null", b"", b"file://", b"ftp://localhost", b"localhost"):
        assert not is_local_origin(origin)
