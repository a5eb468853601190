"""Token buckets against a plain model, and limits over a real connection."""

from __future__ import annotations

import concurrent.futures
from fractions import Fraction
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.serving.api.conftest import SHOP, Keys, Running, serving
from tests.serving.api.real_server import until
from zap.errors import KeysError
from zap.serving.api.gate import Gate
from zap.serving.api.key_file import add_key
from zap.serving.api.keys import new_key
from zap.serving.api.limits import (
    Buckets,
    Limits,
    Rate,
    is_loopback,
    network_of,
)

PREDICT = "/v1/predictions/cart"
RATES = st.builds(Rate, st.sampled_from([0.25, 0.5, 1.0, 4.0]), st.integers(1, 4))
STEPS = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from("ab"), st.sampled_from("xyz")),
    max_size=60,
)


@given(RATES, RATES, STEPS)
def test_buckets_are_as_a_model_in_fractions(
    key_rate: Rate, visitor_rate: Rate, steps: list[tuple[int, str, str]]
) -> None:
    now = [0.0]
    buckets = Buckets(1_000, lambda: now[0])
    levels: dict[tuple[str, str], Fraction] = {}
    for wait, key, visitor in steps:
        now[0] += wait / 4
        rates = {("k", key): key_rate, ("v", visitor): visitor_rate}
        for name in list(levels):
            rate = key_rate if name[0] == "k" else visitor_rate
            full = levels[name] + Fraction(wait, 4) * Fraction(rate.per_s)
            levels[name] = min(Fraction(rate.burst), full)
        for name, rate in rates.items():
            levels.setdefault(name, Fraction(rate.burst))
        allowed = all(levels[name] >= 1 for name in rates)
        verdict = buckets.take([(n, o, rate) for (n, o), rate in rates.items()])
        assert (verdict.refused_by is None) == allowed
        if allowed:
            for name in rates:
                levels[name] -= 1
        else:
            waits = {n: (1 - levels[n]) / Fraction(r.per_s) for n, r in rates.items()}
            assert verdict.wait_s == float(max(waits.values()))
            assert (
                levels[verdict.refused_by, dict(rates_of(rates))[verdict.refused_by]]
                < 1
            )


def rates_of(rates: dict[tuple[str, str], Rate]) -> list[tuple[str, str]]:
    return list(rates)


def test_memory_is_bounded_and_the_least_recent_goes_first() -> None:
    buckets, rate = Buckets(10, lambda: 0.0), Rate(1, 1)
    for n in range(1_000):
        buckets.take([("v", "often", rate)])
        buckets.take([("v", n, rate)])
    assert len(buckets) == 10
    assert buckets.take([("v", "often", rate)]).refused_by == "v"
    assert buckets.take([("v", 0, rate)]).refused_by is None  # forgotten, so full


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_who_counts_as_one_caller(address: str, network: str) -> None:
    assert network_of(address) == network


def test_what_is_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("10.0.0.1", "localhost", "", "::2", "0.0.0.0")))


@pytest.mark.parametrize(
    "wrong",
    [{"max_body_bytes": 0}, {"body_timeout_s": float("nan")}, {"max_concurrent": -1}],
)
def test_a_limit_is_above_zero(wrong: dict[str, float]) -> None:
    with pytest.raises(KeysError, match="above 0"):
        Limits(**wrong)  # type: ignore[arg-type]
    with pytest.raises(KeysError, match="above 0"):
        Rate(0, 1)


def test_a_visitor_who_asks_too_much_is_told_when_to_come_again(keys: Keys) -> None:
    limits = Limits(visitor=Rate(0.01, 3), address=None, publishable=Rate(0.01, 9))
    with (
        serving(lambda echo: Gate(echo, keys.path, limits)) as running,
        httpx.Client(base_url=running.url) as client,
    ):
        tokens = [
            client.post("/v1/visitors", headers=keys.as_page()).json()["token"]
            for _ in range(3)
        ]

        def ask(who: int) -> httpx.Response:
            return client.post(PREDICT, headers=keys.as_page(tokens[who]))

        answers = [ask(0) for _ in range(5)]
        assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
        left = [int(a.headers["ratelimit-remaining"]) for a in answers]
        assert left == [2, 1, 0, 0, 0]
        last = answers[-1]
        assert last.json()["error"]["code"] == "rate_limited"
        assert 95 <= int(last.headers["retry-after"]) <= 100
        assert last.headers["access-control-allow-origin"] == SHOP
        # 3 visitors and 3 requests of the first were let in: 3 of the key's 9 are left.
        assert [ask(1).status_code for _ in range(3)] == [200, 200, 200]
        refused = ask(2)
        assert refused.status_code == 429
        assert refused.headers["ratelimit-limit"] == "9"
        # A server's key has a bucket of its own.
        assert client.post(PREDICT, headers=keys.as_server).status_code == 200
        assert running.refused("rate_visitor") == 2
        assert running.refused("rate_key") == 1


def test_an_address_is_limited_over_all_its_visitors(keys: Keys) -> None:
    limits = Limits(address=Rate(0.01, 4))
    with (
        serving(lambda echo: Gate(echo, keys.path, limits)) as running,
        httpx.Client(base_url=running.url) as client,
    ):
        found = [
            client.post("/v1/visitors", headers=keys.as_page()).status_code
            for _ in range(6)
        ]
        assert found == [200] * 4 + [429] * 2
        assert running.refused("rate_address") == 2


def test_a_secret_key_is_limited_where_asked(tmp_path: Path) -> None:
    text, key = new_key("secret")
    add_key(tmp_path / "keys.json", key)
    limits = Limits(secret=Rate(0.01, 2))
    with serving(lambda echo: Gate(echo, tmp_path / "keys.json", limits)) as running:
        bearer = {"authorization": f"bearer {text}"}
        found = [
            httpx.get(f"{running.url}/v1/events", headers=bearer).status_code
            for _ in range(3)
        ]
        assert found == [200, 200, 429]


def test_a_full_server_says_so_at_once_and_never_queues(keys: Keys) -> None:
    limits = Limits(max_concurrent=3)
    with (
        serving(lambda echo: Gate(echo, keys.path, limits)) as running,
        concurrent.futures.ThreadPoolExecutor(12) as pool,
    ):
        held = [pool.submit(post_held, running, keys) for _ in range(3)]
        until(lambda: running.echo.asked == 3)
        others = [pool.submit(post_held, running, keys) for _ in range(9)]
        for one in others:
            answer = one.result()
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
        assert httpx.get(f"{running.url}/health").status_code == 200
        in_flight = running.samples("zap_requests_in_flight")
        assert list(in_flight.values()) == [3]
        running.echo.hold.set()
        assert [one.result().status_code for one in held] == [200] * 3
        assert running.refused("busy") == 9
        assert post_held(running, keys).status_code == 200


def post_held(running: Running, keys: Keys) -> httpx.Response:
    url = f"{running.url}/v1/predictions/held"
    return httpx.post(url, headers=keys.as_server, content=b"{}", timeout=20)
