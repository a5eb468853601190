"""The API over real connections: what it answers, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from live_server import Client, LiveServer, live_server
from made_bundles import deployed, expected, made_bundle

from zap.serving.answers import Answer
from zap.serving.prediction_ids import is_prediction_id

VALUES = (2.0, -1.0, 0.5, -2.0)
ONE = "/v1/predictions/shop"


def view(second: int, page: str, subject: str = "v1") -> dict[str, Any]:
    return {
        "event_id": f"{subject}-{second}",
        "anonymous_id": subject,
        "timestamp": f"2026-01-15T10:00:{second:02}Z",
        "type": "view",
        "page": page,
    }


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    folder = tmp_path_factory.mktemp("api")
    deployed(folder / "models", made_bundle(folder / "b", (VALUES,)))
    with live_server(folder / "own", folder / "models", max_subjects=50) as running:
        yield running


@pytest.fixture
def client(server: LiveServer) -> Iterator[Client]:
    client = Client(server.port)
    yield client
    client.close()


def test_the_life_of_a_subject(client: Client) -> None:
    events = [view(0, "p"), view(1, "q"), view(2, "s", "v2")]
    assert client.post("/v1/events", {"events": events})[1]["new"] == 3
    assert client.post("/v1/events", {"events": events})[1]["repeated"] == 3
    status, answer = client.predict(subject="v1", explain=2)
    assert status == 200 and msgspec.convert(answer, Answer).events == 2
    assert answer["probability"] == pytest.approx(expected("q", VALUES), abs=1e-12)
    assert is_prediction_id(answer["prediction_id"]) and answer["segment"] == "low"
    assert [r["place"] for r in answer["reasons"]] == [1, 2]
    status, sent = client.predict(events=events[:2])
    assert sent["probability"] == answer["probability"]
    then = client.predict(subject="v1", instant="2026-01-15T10:00:00Z")
    assert then[1]["events"] == 0  # received today, so not known then
    status, batch = client.post(f"{ONE}/batch", {"subjects": ["v2", "v1", "v3"]})
    assert [each["events"] for each in batch["predictions"]] == [1, 2, 0]
    assert client.send("DELETE", "/v1/subjects/anonymous_id/v1")[:2] == (
        200,
        {"events": 2},
    )
    assert client.predict(subject="v1")[1]["events"] == 0


def test_what_is_served_is_told(client: Client) -> None:
    status, found = client.get("/v1/applications")
    (told,) = found["applications"]
    assert status == 200 and told["question"] == "What of shop?"
    status, one = client.get("/v1/applications/shop")
    assert one["served"] == told and one["live"] == told["version"]
    assert one["versions"] == [told["version"]] and one["problem"] is None
    assert one["deployments"][0]["action"] == "deploy"
    assert client.get("/health")[0] == 200
    ready = {"ready": True, "applications": {"shop": told["version"]}}
    assert client.get("/ready") == (200, ready)


EVENT = {"timestamp": 1, "type": "view"}
WRONG: list[tuple[Any, int, str]] = [
    (b"", 400, "malformed"),
    (b"{", 400, "malformed"),
    (b"\xff\xfe", 400, "malformed"),
    (b'{"subject":"\xff"}', 400, "malformed"),
    (b'{"subject":"\\ud800"}', 400, "malformed"),
    (b'{"subject":"a"}x', 400, "malformed"),
    (b'{"events":[{"timestamp":NaN,"type":"a"}]}', 400, "malformed"),
    (b"[" * 100_000, 422, "array"),
    (b'{"x":' * 100_000, 422, "unknown field"),
    (b'{"events":' + b"[" * 100_000, 422, "array"),
    (b'{"events":[{"timestamp":1,"type":"a","x":' + b"[" * 9_999, 422, "array"),
    (b"null", 422, "object"),
    ({"subjet": "a"}, 422, "Did you mean `subject`"),
    ({"subject": 3}, 422, "$.subject"),
    ({"subject": ""}, 422, "length >= 1"),
    ({"subject": "a" * 513}, 422, "length <= 512"),
    ({}, 422, "either subject or events"),
    ({"subject": "a", "events": []}, 422, "either subject or events"),
    ({"subject": "a", "explain": -1}, 422, "explain"),
    ({"subject": "a", "explain": 41}, 422, "at most 40"),
    ({"subject": "a", "explain": 1.5}, 422, "int"),
    ({"subject": "a", "instant": "yesterday!"}, 422, "ISO 8601"),
    ({"events": [{}]}, 422, "length >= 2"),
    ({"events": [{"timestamp": 1, "type": None}]}, 422, "type"),
    ({"events": [{**EVENT, "x": {"y": 1}}]}, 422, "object"),
    ({"events": [{**EVENT, "x": ["a", 1]}]}, 422, "int"),
    ({"events": [{**EVENT, "x": 1 << 70}]}, 422, "int"),
    ({"events": [{**EVENT, "page": ["a"]}, {**EVENT, "page": 3}]}, 200, ""),
    ({"events": [{**EVENT, "timestamp": "2026-01-01"}]}, 422, "zone"),
    ({"events": [EVENT] * 1_001}, 422, "at most 1000"),
    ({"events": [{**EVENT, **{str(i): i for i in range(300)}}]}, 422, "length <= 256"),
]


@pytest.mark.parametrize(("body", "status", "said"), WRONG)
def test_wrong_bodies_are_told_so(
    client: Client, body: Any, status: int, said: str
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    found, answer, _ = client.send("POST", ONE, content)
    assert found == status, answer
    if status != 200:
        assert said in json.dumps(answer, ensure_ascii=False), answer
        assert {*answer} == {"error"} and {*answer["error"]} == {"code", "message"}


def test_other_refusals(client: Client) -> None:
    body = json.dumps({"subject": "a"}).encode()
    headers = {"Content-Type": "text/plain"}
    assert client.send("POST", ONE, body, **headers)[0] == 415
    status, answer, _ = client.send("POST", ONE, b" " * (5 << 20))
    assert status == 413 and "at most" in answer["error"]["message"]
    assert client.predict("none", subject="a")[0] == 404
    assert client.get("/v1/applications/none")[0] == 404
    assert client.get("/nowhere")[0] == 404
    status, _, told = client.send("GET", ONE)
    assert status == 405 and told["allow"] == "POST"
    assert client.post(f"{ONE}/batch", {"subjects": ["a"] * 51})[0] == 422
    assert client.post("/v1/events", {"events": [{"type": "a", "b": 1}]})[0] == 422


def test_the_document_describes_what_is_answered(client: Client) -> None:
    status, document = client.get("/openapi.json")
    assert status == 200 and document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    for name in {
        part.split('"')[0] for part in text.split("#/components/schemas/")[1:]
    }:
        assert name in schemas
    _, answer = client.predict(events=[EVENT], explain=1)
    assert {*answer} <= {*schemas["Answer"]["properties"]}
    assert {*schemas["Answer"]["required"]} <= {*answer}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method != "get" or "{" in path:
                continue
            status, found = client.get(path)
            (kind,) = operation["responses"][str(status)]["content"].values()
            schema = schemas[kind["schema"]["$ref"].rpartition("/")[2]]
            assert {*found} <= {*schema["properties"]}, path


def test_the_page_of_the_documentation_needs_nothing_else(client: Client) -> None:
    status, page, headers = client.send("GET", "/docs")
    text = page.decode()
    assert status == 200 and headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "http://" not in text and "https://" not in text.replace(
        "https://shop.example", ""
    )
    for path in client.get("/openapi.json")[1]["paths"]:
        assert path in text


def test_the_log_of_requests_tells_no_person(
    server: LiveServer, client: Client, tmp_path: Path
) -> None:
    client.predict(subject="somebody-secret")
    client.predict(events=[{**view(0, "p"), "anonymous_id": "somebody-secret"}])
    client.send("DELETE", "/v1/subjects/anonymous_id/somebody-secret")
    client.predict("somebody-secret", subject="somebody-secret")
    _, _, headers = client.send("GET", "/v1/applications")
    name = headers["x-request-id"]
    for _ in range(100):
        lines = [x for x in server.said.splitlines() if x.startswith("{")]
        if any(name in line for line in lines):
            break
        import time

        time.sleep(0.05)
    told = [json.loads(line) for line in lines]
    assert any(line.get("id") == name for line in told)
    assert "somebody-secret" not in server.said
    mine = next(each for each in told if each.get("version"))
    assert {"id", "route", "status", "ms", "application", "version"} <= {*mine}
    assert mine["route"] == "/v1/predictions/{application}"
