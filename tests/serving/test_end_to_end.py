"""A bundle's verification set over HTTP: exactly the scores that were stored.

The subject is the example's number, so that each store holds the examples apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_server import Client, live_server
from made_bundles import deployed

from zap.serving.log import read_log
from zap.serving.verification import VERIFICATION

APPLICATION = "made_shop"
EVENTS_AT_ONCE = 200
OF_MONGO = 120  # bench/serving/faults.py takes all through it: it is slow to write


@pytest.fixture(scope="module")
def registry(made_run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("registry") / "models"
    deployed(root, made_run.bundle, APPLICATION)
    return root


@pytest.fixture(scope="module")
def examples(made_run: Any) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = made_run.bundle.records(VERIFICATION)[0]
    assert len(lines) == 1_000
    return lines


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:{tmp_path / 'events.db'}"
    server = request.getfixturevalue(request.param)
    return f"{server.url}{'0' if request.param == 'redis' else 'end_to_end'}"


def posted(examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events of all examples, as a site would have sent them when they were."""
    return [
        {
            "received_at": event["timestamp"],
            **event,
            "event_id": f"{example['example']}-{place}",
            "anonymous_id": str(example["example"]),
            "sequence": place,
        }
        for example in examples
        for place, event in enumerate(example["events"])
    ]


def in_parts(events: list[Any]) -> Iterator[list[Any]]:
    for begin in range(0, len(events), EVENTS_AT_ONCE):
        yield events[begin : begin + EVENTS_AT_ONCE]


@pytest.mark.parametrize("store", ["sqlite", "redis", "mongo"], indirect=True)
def test_all_examples_through_a_store(
    registry: Path, examples: list[dict[str, Any]], store: str, tmp_path: Path
) -> None:
    if store.startswith("mongo"):
        examples = examples[:OF_MONGO]
    wanted = {str(each["example"]): each["score"] for each in examples}
    instants = {str(each["example"]): each["instant"] for each in examples}
    settings = {"store": store, "store_keep_days": 36_500, "store_timeout_ms": 20_000}
    with live_server(tmp_path, registry, **settings) as server:
        client = Client(server.port)
        events = posted(examples)
        for part in in_parts(events[::-1]):
            status, said = client.post("/v1/events", {"events": part})
            assert (status, said["new"]) == (200, len(part)), said
        found = {}
        for subject, instant in instants.items():
            status, answer = client.predict(
                APPLICATION, subject=subject, instant=instant
            )
            assert status == 200, answer
            found[subject] = answer["probability"]
        assert found == wanted
        path = f"/v1/predictions/{APPLICATION}/batch"
        status, batch = client.post(path, {"subjects": list(wanted)})
        assert [a["probability"] for a in batch["predictions"]] == [*wanted.values()]
        client.close()
    logged = list(read_log(tmp_path / "predictions", APPLICATION))
    assert len(logged) == 2 * len(examples)
    digests = [each["encoded"] for each in examples]
    assert [each.encoded for each in logged[: len(examples)]] == digests


def test_all_examples_without_a_store(
    registry: Path, examples: list[dict[str, Any]], tmp_path: Path
) -> None:
    with live_server(tmp_path, registry) as server:
        client = Client(server.port)
        for example in examples:
            status, answer = client.predict(
                APPLICATION, events=example["events"], instant=example["instant"]
            )
            assert status == 200, answer
            assert answer["probability"] == example["score"]
        client.close()
