"""What callers see where something breaks: clear errors, and then all is well again."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from live_server import Client, live_server
from made_bundles import deployed, expected, made_bundle
from made_servers import Server

from zap.bundles.deployments import DEPLOY, DeploymentLog, Step
from zap.bundles.files import LocalFiles
from zap.bundles.registry import Registry
from zap.cli.main import main
from zap.errors import StoreError
from zap.serving.api.config import ServeConfig
from zap.serving.api.server import _say_silent, make_service
from zap.serving.breaker import Breaker
from zap.serving.log import read_log
from zap.serving.stores import open_store

FIRST, SECOND = (2.0, -1.0, 0.5, -2.0), (-3.0, 1.0, 1.0, 1.0)
EVENTS = [{"timestamp": 1_700_000_000_000_000, "type": "view", "page": "p"}]


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    root = tmp_path / "models"
    deployed(root, made_bundle(tmp_path / "first", (FIRST,)))
    return root


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)


def test_a_store_that_is_down_at_the_start_and_later(
    registry: Path, tmp_path: Path, own_redis: Server
) -> None:
    own_redis.kill()
    url = f"{own_redis.url}0"
    with live_server(tmp_path / "s", registry, store=url, store_pause_ms=50) as server:
        client = Client(server.port)
        for _ in range(2):
            status, said, headers = client.send(
                "POST", "/v1/predictions/shop", b'{"subject": "a"}'
            )
            assert (status, said["error"]["code"]) == (503, "store")
            assert int(headers["retry-after"]) >= 1
            event = {**EVENTS[0], "anonymous_id": "a"}
            assert client.post("/v1/events", {"events": [event]})[0] == 503
            until(lambda: client.get("/ready")[0] == 503)
            assert client.get("/ready")[1]["store"] == "does not answer"
            # What needs no store is answered all the while.
            assert client.predict(events=EVENTS)[0] == 200
            assert client.get("/health")[0] == 200
            own_redis.start()
            until(lambda: client.predict(subject="a")[0] == 200)
            until(lambda: client.get("/ready")[0] == 200)
            own_redis.kill()
            until(lambda: client.predict(subject="a")[0] == 503)
        client.close()


def test_a_store_that_hangs_does_not_hold_up_the_others(
    registry: Path, tmp_path: Path, own_redis: Server
) -> None:
    settings = {"store": f"{own_redis.url}0", "threads": 2, "max_waiting": 4}
    with live_server(
        tmp_path / "s", registry, **settings, store_timeout_ms=100, store_pause_ms=50
    ) as server:
        client = Client(server.port)
        assert client.predict(subject="a")[0] == 200
        own_redis.freeze()
        found: list[int] = []

        def ask() -> None:
            own = Client(server.port)
            for _ in range(10):
                found.append(own.predict(subject="a")[0])
            own.close()

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        until(lambda: client.predict(events=EVENTS)[0] == 200)
        for thread in threads:
            thread.join()
        assert {*found} == {503}
        own_redis.thaw()
        until(lambda: client.predict(subject="a")[0] == 200)
        client.close()


def test_each_reason_is_told_at_once_and_then_once_a_minute(tmp_path: Path) -> None:
    moments, told = [0.0], list[str]()
    path = tmp_path / "store" / "events.db"
    store = open_store(f"sqlite:{path}", 100)
    breaker = Breaker(store, 9, clock=lambda: moments[0], told=told.append)

    def ping(at: float) -> int:
        moments[0] = at
        with pytest.raises(StoreError):
            breaker.ping()
        return len(told)

    assert [ping(0), ping(1), ping(59), ping(60), ping(61)] == [1, 1, 1, 2, 2]
    assert "No such file or directory" in told[0] == told[1]
    path.mkdir(parents=True)
    assert ping(62) == 3 and "Is a directory" in told[2]
    path.rmdir()
    breaker.ping()
    assert len(told) == 3


def test_reasons_that_alternate_are_told_once_each(tmp_path: Path) -> None:
    """A server that dies refuses one request, and lets the next one wait."""
    store, told = open_store(f"sqlite:{tmp_path / 'events.db'}", 100), list[str]()
    moments = [0.0]
    breaker = Breaker(store, 1_000, clock=lambda: moments[0], told=told.append)
    reasons = itertools.cycle(["refused", "timed out"])

    def fail() -> None:
        raise StoreError(next(reasons))

    store.ping = fail  # type: ignore[method-assign]
    for number in range(100):
        moments[0] = number
        with pytest.raises(StoreError):
            breaker.ping()
    assert told == ["refused", "timed out"] * 2


def test_callers_are_told_of_a_silent_store_where_nobody_reads_stderr(
    registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where what the server wrote to has ended: its own error is not the store's."""
    read, write = os.pipe()
    os.close(read)
    config = ServeConfig(
        registry=str(registry), store=f"sqlite:{tmp_path / 'nowhere' / 'events.db'}"
    )
    service = make_service(config, silent=_say_silent)
    assert service.store is not None
    nobody = os.fdopen(write, "w")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", nobody)
        with pytest.raises(StoreError, match="nowhere"):
            service.store.ping()
    service.close()
    with contextlib.suppress(BrokenPipeError):
        nobody.close()


def test_the_breaker_tries_once_in_a_while(tmp_path: Path, own_redis: Server) -> None:
    moments = [0.0]
    store = open_store(f"{own_redis.url}0", 100)
    breaker = Breaker(store, failures=2, pause_s=1, clock=lambda: moments[0])
    breaker.ping()
    own_redis.kill()
    for _ in range(2):
        with pytest.raises(StoreError):
            breaker.ping()
    assert breaker.open and breaker.refused == 0
    own_redis.start()
    with pytest.raises(StoreError, match="2 failures in a row"):
        breaker.ping()
    assert breaker.refused == 1
    moments[0] = 1.0
    breaker.ping()
    assert not breaker.open
    breaker.ping()
    breaker.close()


@pytest.mark.parametrize("choice", ["refuse", "go_on"])
def test_a_log_that_cannot_be_written(
    registry: Path, tmp_path: Path, choice: str
) -> None:
    folder = tmp_path / "s"
    with live_server(folder, registry, log_on_failure=choice) as server:
        client = Client(server.port)
        assert client.predict(events=EVENTS)[0] == 200
        (log,) = (folder / "predictions" / "shop").glob("*.jsonl")
        no_file_longer_than(str(log.stat().st_size), server.process.pid)
        status, said = client.predict(events=EVENTS)
        if choice == "refuse":
            assert (status, said["error"]["code"]) == (503, "log")
        else:
            assert status == 200
            metrics = client.send("GET", "/metrics")[1].decode()
            assert 'zap_log_entries_total{outcome="lost"} 1.0' in metrics
        no_file_longer_than("unlimited", server.process.pid)
        until(lambda: client.predict(events=EVENTS)[0] == 200)
        client.close()


def no_file_longer_than(size: str, pid: int) -> None:
    """Let a process write no further, as a full disk does."""
    subprocess.run(["prlimit", f"--fsize={size}:", "--pid", str(pid)], check=True)


def forced(root: Path, version: str) -> None:
    """Make a version live that a deployment would have refused."""
    log = DeploymentLog(LocalFiles(root / "shop"))
    log.append(lambda state: Step(DEPLOY, version, version, state.live), "test", "")


def test_a_damaged_live_bundle_is_told_and_the_former_answers(
    registry: Path, tmp_path: Path
) -> None:
    with live_server(tmp_path / "s", registry) as server:
        client = Client(server.port)
        former = client.predict(events=EVENTS)[1]["version"]
        bad = Registry(registry, "shop").add(made_bundle(tmp_path / "b", (SECOND,)))
        file = registry / "shop" / "versions" / bad / "encoder.json"
        content = file.read_bytes()
        file.chmod(0o644)
        file.write_bytes(content[:-1])
        forced(registry, bad)
        until(lambda: bool(client.get("/ready")[1].get("problems")))
        status, ready = client.get("/ready")
        assert status == 200 and ready["applications"] == {"shop": former}
        status, answer = client.predict(events=EVENTS)
        assert (status, answer["version"]) == (200, former)
        said = client.get("/v1/applications/shop")[1]
        assert said["live"] == bad and "encoder.json" in said["problem"]
        metrics = client.send("GET", "/metrics")[1].decode()
        assert 'zap_bundle_errors_total{application="shop"} 1.0' in metrics
        file.write_bytes(content)
        until(lambda: client.predict(events=EVENTS)[1]["version"] == bad)
        assert not client.get("/ready")[1].get("problems")
        client.close()


def test_kill_9_under_load_loses_nothing_that_was_acknowledged(
    registry: Path, tmp_path: Path
) -> None:
    told: list[str] = []

    def ask(port: int) -> None:
        client = Client(port)
        try:
            while True:
                told.append(client.predict(events=EVENTS)[1]["prediction_id"])
        except (OSError, http.client.HTTPException):
            client.close()

    with live_server(tmp_path / "s", registry) as server:
        threads = [threading.Thread(target=ask, args=(server.port,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        until(lambda: len(told) > 300)
        server.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
    log = tmp_path / "s" / "predictions"
    assert {*told} <= {entry.id for entry in read_log(log, "shop")}
    with live_server(tmp_path / "s", registry) as server:
        client = Client(server.port)
        last = client.predict(events=EVENTS)[1]["prediction_id"]
        client.close()
        assert server.stop() == 0
    assert {*told, last} <= {entry.id for entry in read_log(log, "shop")}


def test_deployments_under_load_are_seen_by_nobody(
    registry: Path, tmp_path: Path
) -> None:
    versions = Registry(registry, "shop")
    first = versions.live()
    second = versions.add(made_bundle(tmp_path / "second", (SECOND,)))
    right = {first: expected("p", FIRST), second: expected("p", SECOND)}
    found: list[tuple[int, Any]] = []
    going = threading.Event()

    def ask(port: int) -> None:
        client = Client(port)
        while not going.is_set():
            found.append(client.predict(events=EVENTS))
        client.close()

    with live_server(tmp_path / "s", registry, poll_s=0.01) as server:
        threads = [threading.Thread(target=ask, args=(server.port,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(10):
            for change in (lambda: versions.deploy(second), versions.revert):
                entry, new = change()
                assert new
                seen = len(found)
                until(
                    lambda live=entry.live, seen=seen: any(
                        said.get("version") == live for _, said in found[seen:]
                    )
                )
        going.set()
        for thread in threads:
            thread.join()
    assert {status for status, _ in found} == {200} and len(found) > 100
    for _, answer in found:
        wanted = right[answer["version"]]
        assert answer["probability"] == pytest.approx(wanted, abs=1e-12)


def test_what_is_in_flight_is_finished_before_the_end(
    registry: Path, tmp_path: Path
) -> None:
    subjects = [f"v{number}" for number in range(3_000)]
    found: list[tuple[int, Any]] = []
    with live_server(tmp_path / "s", registry) as server:
        client = Client(server.port)
        assert client.predict(subject="a")[0] == 200
        path = "/v1/predictions/shop/batch"
        said = {"subjects": subjects}
        thread = threading.Thread(target=lambda: found.append(client.post(path, said)))
        thread.start()
        log = tmp_path / "s" / "predictions"
        until(lambda: sum(1 for _ in read_log(log, "shop")) > 1)
        assert server.stop() == 0
        thread.join()
    ((status, answer),) = found
    assert status == 200 and len(answer["predictions"]) == len(subjects)
    logged = {entry.id for entry in read_log(log, "shop")}
    assert {each["prediction_id"] for each in answer["predictions"]} <= logged


def test_a_full_server_says_so_at_once(
    registry: Path, tmp_path: Path, own_redis: Server
) -> None:
    settings = {"threads": 1, "max_waiting": 1, "timeout_ms": 1_000}
    store = {"store": f"{own_redis.url}0", "store_timeout_ms": 2_000}
    with live_server(tmp_path / "s", registry, **settings, **store) as server:
        assert Client(server.port).predict(subject="a")[0] == 200
        own_redis.freeze()
        found: list[tuple[int, str, str | None]] = []

        def ask() -> None:
            status, said, headers = Client(server.port).send(
                "POST", "/v1/predictions/shop", b'{"subject": "a"}'
            )
            found.append((status, said["error"]["code"], headers["retry-after"]))

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        own_redis.thaw()
    assert [each[:2] for each in found[:4]] == [(503, "busy")] * 4
    assert {each[:2] for each in found[4:]} == {(504, "too_slow")}
    assert all(int(each[2] or 0) >= 1 for each in found)


def test_a_server_of_one_application_is_small(registry: Path, tmp_path: Path) -> None:
    with live_server(tmp_path / "s", registry) as server:
        client = Client(server.port)
        for _ in range(20):
            assert client.predict(events=EVENTS)[0] == 200
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        client.close()
    (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
    assert int(line.split()[1]) < 150_000


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("prot = 8000", "Did you mean port?"),
        ("port = 99999", "Change port"),
        ("threads = 0", "Change threads"),
        ('log_on_failure = "maybe"', "Change log_on_failure"),
        ("[limits]\nmax_body_byte = 5", "Did you mean max_body_bytes?"),
        ("[limits.secret]\nper_s = 5\nburts = 5", "Did you mean burst?"),
        ("port = ", "TOML"),
        ('host = "0.0.0.0"', "file of keys"),
        ('store = "oracle:x"', "sqlite:FILE"),
    ],
)
def test_wrong_settings_are_refused_by_name(
    registry: Path, tmp_path: Path, capsys: Any, line: str, said: str
) -> None:
    config = tmp_path / "serve.toml"
    config.write_text(line)
    arguments = ["serve", "--registry", str(registry), "--config", str(config)]
    assert main([*arguments, "--log", str(tmp_path / "log")]) == 2
    assert said in capsys.readouterr().err


def test_a_check_says_what_would_be_served(
    registry: Path, tmp_path: Path, capsys: Any
) -> None:
    arguments = ["serve", "--registry", str(registry), "--check"]
    arguments += ["--log", str(tmp_path / "log")]
    good = [*arguments, "--store", f"sqlite:{tmp_path / 'events.db'}"]
    version = Registry(registry, "shop").live()
    assert main([*good, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"ready": True, "applications": {"shop": version}}
    assert main(good) == 0 and f"shop: version {version}" in capsys.readouterr().out
    assert main([*arguments, "--store", "redis://127.0.0.1:1/0"]) == 2
    assert "does not answer" in capsys.readouterr().err


def test_a_port_that_is_taken(registry: Path, tmp_path: Path, capsys: Any) -> None:
    with live_server(tmp_path / "s", registry) as server:
        arguments = ["serve", "--registry", str(registry), "--port", str(server.port)]
        arguments += ["--log", str(tmp_path / "log")]
        assert main([*arguments, "--store", f"sqlite:{tmp_path / 'e.db'}"]) == 2
    assert "Choose another with --port" in capsys.readouterr().err


@pytest.mark.parametrize("more", [[], ["--check"]])
def test_a_registry_that_is_not_there_is_not_made(
    tmp_path: Path, capsys: Any, more: list[str]
) -> None:
    """A server that makes one would serve nothing, and say that it is ready."""
    arguments = ["serve", "--registry", str(tmp_path / "modles"), "--port", "0", *more]
    arguments += ["--log", str(tmp_path / "log")]
    arguments += ["--store", f"sqlite:{tmp_path / 'events.db'}"]
    assert main(arguments) == 2
    assert "modles, no such folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def unusable(folder: Path, how: str) -> Path:
    """A path where no SQLite store can be, and the word that says why."""
    path = folder / "store" / "events.db"
    if how != "No such file or directory":
        path.parent.mkdir()
    if how == "Is a directory":
        path.mkdir()
    if how == "file is not a database":
        path.write_text("notes of a meeting, longer than the head of a database " * 9)
    return path


@pytest.mark.parametrize(
    "how", ["No such file or directory", "Is a directory", "file is not a database"]
)
def test_why_a_store_does_not_answer_is_said(
    registry: Path, tmp_path: Path, capsys: Any, how: str
) -> None:
    path = unusable(tmp_path, how)
    before = path.read_bytes() if path.is_file() else None
    url = f"sqlite:{path}"
    arguments = ["serve", "--registry", str(registry), "--log", str(tmp_path / "log")]
    assert main([*arguments, "--store", url, "--check"]) == 2
    said = capsys.readouterr().err
    assert "does not answer" in said and how in said and str(path) in said
    with live_server(tmp_path / "s", registry, store=url) as server:
        client = Client(server.port)
        assert client.predict(events=EVENTS)[0] == 200
        assert client.get("/ready")[1]["store"] == "does not answer"  # and no paths
        assert client.predict(subject="a")[0] == 503
        client.close()
        assert server.said.count(how) == 1  # it is told once a minute
    assert before is None or path.read_bytes() == before
