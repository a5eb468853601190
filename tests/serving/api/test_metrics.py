"""Metrics, as Prometheus's own parser reads them, against counts kept here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tests.serving.api.conftest import Keys, serving
from zap.serving.api.access import OTHER, Access, Rules
from zap.serving.api.gate import Gate
from zap.serving.api.metrics import SCORES, VERSIONS_KEPT, Metrics

FORWARDED = {"x-forwarded-for": "192.0.2.7"}


def samples(text: str, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def test_requests_are_counted_by_template_and_status(keys: Keys) -> None:
    with (
        serving(lambda echo: Gate(echo, keys.path)) as running,
        httpx.Client(base_url=running.url) as client,
    ):
        asked: Counter[tuple[str, str, str]] = Counter()
        for n in range(5):
            path = f"/v1/subjects/user_id/visitor-{n}"
            for named in (keys.as_server, {}):
                answer = client.delete(path, headers=named)
                template = "/v1/subjects/{field}/{subject:path}"
                asked["DELETE", template, str(answer.status_code)] += 1
            client.get(f"/what/visitor-{n}", headers=keys.as_server)
            asked["GET", "other", "200"] += 1
        client.request("PROPFIND", "/health")
        asked["other", "/health", "200"] += 1
        text = client.get("/metrics").text
        assert samples(text, "zap_requests_total") == asked
        assert "visitor-" not in text and keys.secret not in text
        counted: Counter[tuple[str, ...]] = Counter()
        for (_, route, _), n in asked.items():
            counted[route,] += n
        assert samples(text, "zap_request_seconds_count") == counted
        assert samples(text, "zap_refused_total")["no_key",] == 5
        assert samples(text, "process_resident_memory_bytes")[()] > 1e6


def test_metrics_are_open_to_this_machine_alone(keys: Keys) -> None:
    with serving(lambda echo: Gate(echo, keys.path)) as running:
        url = f"{running.url}/metrics"
        answer = httpx.get(url)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert httpx.get(url, headers=FORWARDED).status_code == 401
        named = {**FORWARDED, **keys.as_server}
        assert httpx.get(url, headers=named).status_code == 200
        assert httpx.post(url).status_code == 405
    with serving(lambda e: Gate(e, keys.path, metrics_public=True)) as running:
        assert httpx.get(f"{running.url}/metrics", headers=FORWARDED).status_code == 200


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_scores_fall_into_their_buckets(scores: list[float]) -> None:
    metrics = Metrics()
    for score in scores:
        metrics.predicted("cart", "v1", score)
    text = metrics.text().decode()
    found = samples(text, "zap_score_bucket")
    for edge in SCORES:
        expected = int(np.sum(np.asarray(scores) <= edge))
        assert found["cart", str(edge)] == expected
    assert samples(text, "zap_predictions_total") == {("cart", "v1"): len(scores)}


def test_classes_and_amounts() -> None:
    metrics = Metrics()
    metrics.predicted("kind", "v1", [0.1, 0.7, 0.2])
    metrics.predicted("worth", "v1", 149.0, amount=True)
    text = metrics.text().decode()
    assert samples(text, "zap_score_sum") == {("kind",): 0.7}
    assert samples(text, "zap_amount_sum") == {("worth",): 149.0}


def test_labels_of_versions_are_bounded() -> None:
    metrics = Metrics()
    for n in range(3 * VERSIONS_KEPT):
        metrics.predicted("cart", f"v{n}", 0.5)
    found = samples(metrics.text().decode(), "zap_predictions_total")
    assert (
        len(found) == VERSIONS_KEPT and ("cart", f"v{3 * VERSIONS_KEPT - 1}") in found
    )


@dataclass
class Counts:
    written: int = 0
    lost: int = 0
    repaired: int = 0


def test_what_is_counted_elsewhere_is_asked_at_each_scrape() -> None:
    metrics, counts, live = Metrics(), Counts(), {"cart": "v1", "churn": "v7"}
    metrics.watch_log(lambda: counts)
    metrics.watch_live(lambda: live)
    metrics.store_failed("append")
    metrics.bundle_failed("cart")
    metrics.text()
    counts.written, counts.lost, counts.repaired = 12, 3, 1
    live["cart"] = "v2"
    del live["churn"]
    text = metrics.text().decode()
    assert samples(text, "zap_log_entries_total") == {
        ("written",): 12,
        ("lost",): 3,
        ("repaired",): 1,
    }
    assert samples(text, "zap_live_version") == {("cart", "v2"): 1}
    assert samples(text, "zap_store_errors_total") == {("append",): 1}
    assert samples(text, "zap_bundle_errors_total") == {("cart",): 1}


@pytest.mark.parametrize(
    ("path", "template", "params"),
    [
        ("/health", "/health", {}),
        ("/v1/predictions/cart", "/v1/predictions/{application}", ["cart"]),
        ("/v1/predictions/c/batch", "/v1/predictions/{application}/batch", ["c"]),
        ("/v1/predictions/c/batch/x", "other", {}),
        ("/v1/predictions/", "other", {}),
        ("/v1/subjects/f/s", "/v1/subjects/{field}/{subject:path}", ["f", "s"]),
        ("/v1/subjects/f/a/b", "/v1/subjects/{field}/{subject:path}", ["f", "a/b"]),
        ("/docs/a/b.js", "/docs/{file:path}", ["a/b.js"]),
        ("/health/../v1/events", "other", {}),
        ("", "other", {}),
    ],
)
def test_paths_find_their_rules(
    path: str, template: str, params: Sequence[str]
) -> None:
    rule, found = Rules().find(path)
    assert (rule.template, list(found.values())) == (template, list(params))
    assert rule is not OTHER or rule.access is Access.SECRET
