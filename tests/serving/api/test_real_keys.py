"""What each kind of key may ask of ``zap serve``."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from made_bundles import made_bundle
from prometheus_client.parser import text_string_to_metric_families

from tests.serving.api.real_server import (
    APPLICATION,
    SHOP,
    RealServer,
    real_server,
    until,
)
from zap.serving.api.key_file import add_key, read_keys, revoke_key
from zap.serving.api.keys import new_key

PREDICT = f"/v1/predictions/{APPLICATION}"
EVENT = {"timestamp": "2026-01-15T10:00:00Z", "type": "view", "page": "q"}
ASKED = (
    ("POST", PREDICT, {"subject": "v1"}),
    ("POST", PREDICT, {"events": [EVENT | {"anonymous_id": "v1"}]}),
    ("POST", f"{PREDICT}/batch", {"subjects": ["v1", "v2"]}),
    ("POST", "/v1/events", {"events": [EVENT | {"anonymous_id": "v9"}]}),
    ("GET", "/v1/applications", None),
    ("GET", f"/v1/applications/{APPLICATION}", None),
    ("DELETE", "/v1/subjects/anonymous_id/v9", None),
)


def ask(
    real: RealServer, method: str, path: str, body: object, headers: dict[str, str]
) -> httpx.Response:
    return real.client.request(method, path, json=body, headers=headers)


@pytest.fixture(scope="module")
def visitor(real: RealServer) -> tuple[str, str]:
    """An anonymous id with two events in the store, and its token."""
    issued = real.client.post("/v1/visitors", headers=real.page()).json()
    who = issued["anonymous_id"]
    events = [{**EVENT, "anonymous_id": who, "event_id": f"{who}-{n}"} for n in (1, 2)]
    assert real.post("/v1/events", {"events": events}).json()["new"] == 2
    return who, issued["token"]


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_a_secret_key_may_ask_all(
    real: RealServer, method: str, path: str, body: object
) -> None:
    assert ask(real, method, path, body, real.bearer).status_code == 200


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_without_a_key_nothing_is_answered(
    real: RealServer, method: str, path: str, body: object
) -> None:
    assert ask(real, method, path, body, {}).status_code == 401
    wrong = {"authorization": f"Bearer {real.secret[:-1]}"}
    assert ask(real, method, path, body, wrong).status_code == 401


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_a_page_may_ask_none_of_these(
    real: RealServer, visitor: tuple[str, str], method: str, path: str, body: object
) -> None:
    answer = ask(real, method, path, body, real.page(visitor[1]))
    assert answer.status_code == 403, answer.text


def test_a_page_may_ask_for_its_own_visitor(
    real: RealServer, visitor: tuple[str, str]
) -> None:
    who, token = visitor
    answer = real.post(PREDICT, {"subject": who}, **real.page(token))
    assert answer.status_code == 200 and answer.json()["events"] == 2
    assert answer.headers["access-control-allow-origin"] == SHOP
    own = real.post(PREDICT, {"subject": who}).json()
    assert own["probability"] == answer.json()["probability"]


@pytest.mark.parametrize(
    "change",
    [{"subject": "{}x"}, {"subject": "V"}, {"instant": 0}, {"events": []}],
)
def test_a_page_may_not_ask_for_more(
    real: RealServer, visitor: tuple[str, str], change: dict[str, object]
) -> None:
    who, token = visitor
    body = {"subject": who} | {
        name: value.format(who) if isinstance(value, str) else value
        for name, value in change.items()
    }
    if "events" in body:
        del body["subject"]
    answer = real.post(PREDICT, body, **real.page(token))
    assert answer.status_code == 403
    assert answer.headers["access-control-allow-origin"] == SHOP


def test_the_console_is_open_and_its_data_are_not(
    real: RealServer, visitor: tuple[str, str]
) -> None:
    page = real.client.get("/ui")
    assert page.status_code == 200 and "html" in page.headers["content-type"]
    for headers, status in (
        ({}, 401),
        (real.page(visitor[1]), 403),
        (real.bearer, 200),
    ):
        assert real.client.get("/ui/data", headers=headers).status_code == status


def test_the_real_metrics_are_parsed_and_add_up(real: RealServer) -> None:
    def totals() -> dict[str, float]:
        text = real.client.get("/metrics").text
        families = text_string_to_metric_families(text)
        found = {family.name: family.samples for family in families}
        version = {s.labels["version"] for s in found["zap_live_version"]}
        assert len(version) == 1
        return {
            "predictions": sum(
                s.value
                for s in found["zap_predictions"]
                if s.name == "zap_predictions_total"
            ),
            "scores": sum(
                s.value for s in found["zap_score"] if s.name == "zap_score_count"
            ),
            "logged": sum(
                s.value
                for s in found["zap_log_entries"]
                if s.labels.get("outcome") == "written"
            ),
        }

    before = totals()
    for n in range(4):
        assert real.post(PREDICT, {"subject": f"m{n}"}).status_code == 200
    subjects = {"subjects": [f"m{n}" for n in range(7)]}
    assert real.post(f"{PREDICT}/batch", subjects).status_code == 200
    after = totals()
    assert {name: after[name] - before[name] for name in after} == dict.fromkeys(
        ("predictions", "scores", "logged"), 11
    )


def test_no_line_tells_of_a_person_or_a_key(
    real: RealServer, visitor: tuple[str, str]
) -> None:
    who, token = visitor
    real.post(PREDICT, {"subject": who}, **real.page(token))
    real.post(PREDICT, {"subject": who}, authorization="Bearer zap_sk_mistyped")
    until(lambda: "bad_key" in real.log.read_text())  # written a moment later
    lines = real.log.read_text()
    refused = [json.loads(line) for line in real.lines() if "bad_key" in line]
    assert {(one["route"], one["status"]) for one in refused} >= {
        ("/v1/predictions/{application}", 401)
    }
    for secret in (who, token, real.secret, real.publishable, "zap_sk_mistyped"):
        assert secret not in lines


BEHIND_A_PROXY = """
proxies = ["127.0.0.1"]
[limits.address]
per_s = 0.01
burst = 2
"""


def test_a_proxy_that_is_named_says_who_asks(tmp_path: Path) -> None:
    with real_server(tmp_path, made_bundle(tmp_path / "b"), BEHIND_A_PROXY) as real:

        def ask(address: str, path: str = "/v1/visitors") -> int:
            named = {**real.page(), "x-forwarded-for": address}
            return real.client.post(path, headers=named).status_code

        assert [ask("192.0.2.7") for _ in range(3)] == [200, 200, 429]
        assert ask("192.0.2.8") == 200
        # What a client itself says stands before what the proxy adds.
        assert ask("192.0.2.9, 192.0.2.7") == 429
        metrics = {"x-forwarded-for": "192.0.2.7"}
        assert real.client.get("/metrics", headers=metrics).status_code == 401
        assert real.client.get("/metrics").status_code == 200


def test_a_key_that_is_revoked_is_refused_by_the_running_server(
    tmp_path: Path,
) -> None:
    with real_server(tmp_path, made_bundle(tmp_path / "b")) as real:

        def asked(headers: dict[str, str]) -> int:
            return real.client.get("/v1/applications", headers=headers).status_code

        assert asked(real.bearer) == 200
        first = read_keys(tmp_path / "keys.json").keys[0]
        revoke_key(tmp_path / "keys.json", first.id)
        until(lambda: asked(real.bearer) == 401)
        text, key = new_key("secret", applications=["elsewhere"])
        add_key(tmp_path / "keys.json", key)
        named = {"authorization": f"Bearer {text}"}
        until(lambda: asked(named) == 200)
        told = real.client.get("/v1/applications", headers=named)
        assert told.json() == {"applications": []}
        answer = real.post(PREDICT, {"subject": "v"}, **named)
        assert answer.status_code == 403
