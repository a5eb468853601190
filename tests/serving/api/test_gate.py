"""Who is let in, over a real connection."""

from __future__ import annotations

import httpx
import pytest

from tests.serving.api.conftest import SHOP, Keys, Running

PREDICT = "/v1/predictions/cart"


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def token_of(client: httpx.Client, keys: Keys) -> tuple[str, str]:
    answer = client.post("/v1/visitors", headers=keys.as_page())
    assert answer.status_code == 200
    return answer.json()["anonymous_id"], answer.json()["token"]


def test_open_routes_need_no_key(client: httpx.Client) -> None:
    for path in ("/health", "/ready", "/openapi.json", "/docs"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["caller"]) == (200, None)


@pytest.mark.parametrize(
    "path", [PREDICT, "/v1/events", "/v1/applications", "/what", "/health/", "//health"]
)
def test_all_other_routes_need_a_key(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert code_of(answer) == (401, "no_key")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_whole_request_is_begun_without_a_task(running: Running, keys: Keys) -> None:
    """How the protocol does that is no part of uvicorn's public interface."""
    head = f"POST {PREDICT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    head += f"authorization: Bearer {keys.secret}\r\ncontent-length: 2\r\n\r\n"
    assert b"200 OK" in running.raw(head.encode() + b"{}")
    assert running.echo.in_a_task is not running.at_once


def test_a_secret_key_may_ask_everything(client: httpx.Client, keys: Keys) -> None:
    for path in (PREDICT, "/v1/events", "/v1/subjects/user_id/7", "/what"):
        said = client.post(path, headers=keys.as_server, content=b"{}").json()
        assert said["caller"] == "secret" and said["key"] == keys.secret_key.id


@pytest.mark.parametrize("change", ["", "x", "zap_sk_", "y" * 5_000])
def test_a_wrong_key_is_refused(client: httpx.Client, keys: Keys, change: str) -> None:
    wrong = {"authorization": f"Bearer {keys.secret[:-1]}{change}"}
    assert code_of(client.post(PREDICT, headers=wrong)) == (401, "bad_key")


def test_a_page_asks_for_its_own_visitor(client: httpx.Client, keys: Keys) -> None:
    anonymous_id, token = token_of(client, keys)
    answer = client.post(PREDICT, headers=keys.as_page(token), content=b"{}")
    assert answer.json() == {
        "caller": "publishable",
        "key": keys.publishable_key.id,
        "anonymous_id": anonymous_id,
        "bytes": 2,
    }
    assert answer.headers["access-control-allow-origin"] == SHOP
    assert "Origin" in answer.headers["vary"]
    assert "access-control-allow-credentials" not in answer.headers


def test_a_publishable_key_is_for_listed_applications_alone(
    client: httpx.Client, keys: Keys
) -> None:
    _, token = token_of(client, keys)
    page = keys.as_page(token)
    assert code_of(client.post("/v1/predictions/churn", headers=page))[1] == (
        "application"
    )


@pytest.mark.parametrize(
    "path", [f"{PREDICT}/batch", "/v1/events", "/v1/subjects/user_id/7", "/what"]
)
def test_a_publishable_key_is_for_predictions_alone(
    client: httpx.Client, keys: Keys, path: str
) -> None:
    page = keys.as_page(token_of(client, keys)[1])
    assert code_of(client.post(path, headers=page)) == (403, "kind_of_key")


@pytest.mark.parametrize(
    "origin", ["https://evil.example", f"{SHOP}.evil.example", f"{SHOP}:8443", "null"]
)
def test_a_page_of_another_origin_is_refused(
    client: httpx.Client, keys: Keys, origin: str
) -> None:
    answer = client.post("/v1/visitors", headers=keys.as_page(origin=origin))
    assert code_of(answer) == (403, "origin")
    assert "access-control-allow-origin" not in answer.headers


def test_a_publishable_key_without_an_origin_is_refused(
    client: httpx.Client, keys: Keys
) -> None:
    named = keys.as_page()
    del named["origin"]
    answer = client.post("/v1/visitors", headers=named)
    assert code_of(answer) == (403, "origin")


def test_what_fails_inside_is_told_without_its_words(
    running: Running, client: httpx.Client, keys: Keys
) -> None:
    answer = client.post("/v1/predictions/broken", headers=keys.as_server)
    assert code_of(answer) == (500, "internal")
    assert "visitor-17" not in answer.text
