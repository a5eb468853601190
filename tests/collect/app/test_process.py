"""``zap collect`` as a process: it starts, ends in order, loses nothing if killed."""

from __future__ import annotations

import json
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from made_bundles import made_bundle

from tests.collect.clients.killing import PROVE
from tests.collect.real_collector import (
    KEY,
    SHOP,
    RealCollector,
    collector_at,
    source_of,
    spooled,
    toml_of,
    until,
)
from tests.serving.api.real_server import real_server
from zap.collect.app.checking import checked
from zap.collect.app.config import load_collect_config
from zap.errors import CollectError

Server = Callable[..., RealCollector]


def track(name: str) -> dict[str, object]:
    return {
        "writeKey": KEY,
        "batch": [
            {
                "type": "track",
                "event": "seen",
                "messageId": name,
                "anonymousId": "someone",
                "timestamp": "2026-01-15T10:00:00Z",
            }
        ],
    }


def test_the_process_answers_and_does_not_load_arrow(collector_server: Server) -> None:
    server = collector_server(["segment", "snowplow"])
    answer = httpx.post(server.url + "/v1/batch", json=track("one"))
    assert answer.status_code == 200, answer.text
    assert [event["event_id"] for event in server.events()] == ["one"]
    assert server.process is not None
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    assert "uvloop" in maps and "pyarrow" not in maps and "libarrow" not in maps


class Clients:
    """Clients that send an event again until it is acknowledged, as SDKs do.

    Args:
        server: that they post to.
        count: of clients, at once.
        each: events of each client.
    """

    def __init__(self, server: RealCollector, count: int, each: int):
        self._url = server.url + "/v1/batch"
        self.acknowledged: set[str] = set()
        self.sent = {f"{c}-{n}" for c in range(count) for n in range(each)}
        names = [[f"{c}-{n}" for n in range(each)] for c in range(count)]
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in names]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait(self) -> None:
        """Until all is acknowledged."""
        until(lambda: self.acknowledged == self.sent, 120)

    def _run(self, names: list[str]) -> None:
        client = httpx.Client(timeout=5, verify=False)
        for name in names:
            while not self._ended.is_set():
                try:
                    answer = client.post(self._url, json=track(name))
                    assert answer.status_code == 200, answer.text
                except httpx.TransportError:
                    client.close()
                    client = httpx.Client(timeout=5, verify=False)
                    time.sleep(0.02)
                else:
                    self.acknowledged.add(name)
                    break
        client.close()


def killed(folder: Path, kills: int, each: int) -> None:
    """Kill a collector under load; see that what it acknowledged is there."""
    server = collector_at(folder, ["segment"]).start()
    made = random.Random(kills)
    with Clients(server, 4, each) as clients:
        for n in range(kills):
            share = (n + made.random()) / kills
            until(lambda: len(clients.acknowledged) >= share * len(clients.sent))  # noqa: B023
            time.sleep(made.random() / 50)
            server.kill()
            acknowledged = set(clients.acknowledged)
            assert acknowledged <= {event["event_id"] for event in server.events()}
            server.start()
        clients.wait()
    found = [event["event_id"] for event in server.events()]
    server.stop()
    assert set(found) == clients.sent
    # What was on its way at a kill is sent again, and may so be there twice: sinks
    # tell by the id. Each client has one event on its way.
    assert len(found) - len(clients.sent) <= 4 * kills
    numbers = [number for number, _ in spooled(server.spool)]
    assert numbers == sorted(set(numbers))


def test_nothing_acknowledged_is_lost_when_killed(tmp_path: Path) -> None:
    killed(tmp_path, kills=3, each=120)


@pytest.mark.skipif(not PROVE, reason="minutes of it: make prove-collect")
def test_nothing_acknowledged_is_lost_when_killed_twenty_times(tmp_path: Path) -> None:
    killed(tmp_path, kills=20, each=1_000)


def test_sigterm_answers_what_is_on_its_way(collector_server: Server) -> None:
    server = collector_server(["segment"])
    content = json.dumps(track("late")).encode()
    lines = (
        f"POST /v1/batch HTTP/1.1\r\nHost: c\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as sock:
        sock.sendall(lines.encode() + content[:10])
        until(lambda: "buffered_bytes 10" in httpx.get(server.url + "/metrics").text)
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        sock.sendall(content[10:])
        assert b" 200 " in sock.recv(1000).splitlines()[0]
    assert server.process.wait(20) == 0
    assert [event["event_id"] for event in server.events()] == ["late"]


def test_a_spool_has_one_collector(collector_server: Server) -> None:
    server = collector_server(["segment"])
    done = zap("collect", "--config", server.config, "--port", "0", "--no-deliver")
    assert done.returncode == 2
    assert "Expected a spool that no other process writes to" in done.stderr


def zap(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zap.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_check_tells_who_may_post_and_no_key(tmp_path: Path) -> None:
    wanted = {"shop": source_of(["segment", "snowplow"])}
    config = collector_at(tmp_path, [], wanted).config
    config.write_text(toml_of(collector_at(tmp_path, [], wanted).settings))
    done = zap("collect", "check", "--config", config, "--json")
    said = json.loads(done.stdout)
    told = {"protocols": ["segment", "snowplow"], "keys": 1, "origins": [SHOP]}
    assert said["sources"] == {"shop": told}
    assert KEY not in done.stdout + zap("collect", "check", "--config", config).stdout


def test_a_mapping_that_is_not_there_is_found_by_check(tmp_path: Path) -> None:
    """It is looked for when the first event goes to the store, long after the start."""
    collector = collector_at(tmp_path, [], {"shop": source_of(["segment"])})
    there = tmp_path / "shop.toml"
    settings = {**collector.settings, "mapping": str(there)}
    collector.config.write_text(toml_of(settings))
    done = zap("collect", "check", "--config", collector.config)
    assert done.returncode == 2
    assert f"mapping={there}, no such file" in done.stderr
    there.write_text("")
    assert zap("collect", "check", "--config", collector.config).returncode == 0


def test_the_status_of_a_collector_that_never_ran(tmp_path: Path) -> None:
    collector = collector_at(tmp_path, [], {"shop": source_of(["segment"])})
    collector.config.write_text(toml_of(collector.settings))
    nowhere = tmp_path / "spol"
    done = zap(*("collect", "status", "--config", collector.config, "--spool", nowhere))
    assert done.returncode == 2
    assert f"spool={nowhere}, no such folder" in done.stderr
    assert not nowhere.exists()


def test_a_slip_in_the_name_of_a_command_is_told_as_one() -> None:
    done = zap("collect", "statsu", "--config", "c.toml")
    assert done.returncode == 2
    assert "invalid choice: 'statsu' (choose from 'run', 'check'" in done.stderr


WRONG = {
    "a protocol that is none": (
        {"protocols": ["segmnt"], "keys": ["k"]},
        "segmnt",
    ),
    "no key": ({"protocols": ["segment"]}, "without keys"),
    "a variable that is not set": (
        {"protocols": ["segment"], "key_env": "ZAP_NO_SUCH"},
        "ZAP_NO_SUCH",
    ),
    "a page with a path": (
        {"protocols": ["segment"], "keys": ["k"], "origins": [SHOP + "/"]},
        "origin",
    ),
    "a setting that is misspelt": (
        {"protocols": ["segment"], "keys": ["k"], "orgins": [SHOP]},
        "Did you mean origins?",
    ),
    "a rate of nothing": (
        {"protocols": ["segment"], "keys": ["k"], "rate": {"per_s": 0, "burst": 1}},
        "rate",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_settings_that_are_wrong_are_explained(tmp_path: Path, name: str) -> None:
    source, told = WRONG[name]
    settings = collector_at(tmp_path, [], {"shop": source}).settings
    path = tmp_path / "collect.toml"
    path.write_text(toml_of(settings))
    with pytest.raises(CollectError) as raised:
        checked(load_collect_config(path))
    assert told in str(raised.value) and "Received" in str(raised.value)


def test_one_key_in_two_sources_of_one_protocol(tmp_path: Path) -> None:
    both = {"one": source_of(["segment"]), "two": source_of(["segment"])}
    path = tmp_path / "collect.toml"
    path.write_text(toml_of(collector_at(tmp_path, [], both).settings))
    with pytest.raises(CollectError, match="sources=one, two, protocol=segment"):
        checked(load_collect_config(path))
    both["two"] = source_of(["snowplow"])
    path.write_text(toml_of(collector_at(tmp_path, [], both).settings))
    assert set(checked(load_collect_config(path))["sources"]) == {"one", "two"}


def test_the_collector_in_the_process_of_the_api(tmp_path: Path) -> None:
    collector = collector_at(tmp_path / "collect", ["segment"], deliver=False)
    collector.config.write_text(toml_of(collector.settings))
    more = ("--collect", str(collector.config))
    bundle = made_bundle(tmp_path / "bundle")
    with real_server(tmp_path, bundle, arguments=more) as real:
        answer = httpx.post(real.url + "/v1/batch", json=track("one"))
        assert answer.status_code == 200, answer.text
        predicted = real.post("/v1/predictions/shop", {"subject": "someone"})
        assert predicted.status_code == 200
        assert httpx.get(real.url + "/ready").json()["ready"] is True
        metrics = httpx.get(real.url + "/metrics").text
        assert "zap_collect_events_total" in metrics and "zap_predictions" in metrics
    assert [event["event_id"] for event in collector.events()] == ["one"]


def test_the_system_saw_a_sync_before_each_answer(
    collector_server: Server, tmp_path: Path
) -> None:
    """By the calls of a real collector: record written, synced, then answered."""
    if not shutil.which("strace"):
        pytest.skip("needs server: strace, which apt-get install strace brings")
    output = tmp_path / "trace"
    calls = "trace=read,recvfrom,write,pwrite64,fdatasync,fsync,sendto,writev"
    server = collector_server(["segment"])
    assert server.process is not None
    command = ["strace", "-f", "-s", "3000", "-e", calls, "-o", str(output)]
    command += ["-p", str(server.process.pid)]
    with open(tmp_path / "said", "wb") as said:
        tracer = subprocess.Popen(command, stderr=said)
    told = tmp_path / "said"
    until(lambda: tracer.poll() is not None or "attached" in told.read_text())
    if tracer.poll() is not None:
        pytest.skip(f"may not trace a process: {told.read_text()[:200]}")
    names = [f"traced-{n}" for n in range(20)]
    for name in names:
        assert httpx.post(server.url + "/v1/batch", json=track(name)).status_code == 200
    server.stop()
    tracer.wait(20)
    lines = output.read_text(errors="replace").splitlines()
    place = 0
    for name in names:
        for wanted in (
            rf"(read|recvfrom)\(.*{name}",
            rf"p?write(64)?\(.*E{{.*{name}",
            r"f(data)?sync(\(.*| resumed>.*)= 0",
            r"(write|sendto|writev)\(.*HTTP/1.1 200 OK",
        ):
            pattern = re.compile(wanted)
            place = next(
                n for n in range(place, len(lines)) if pattern.search(lines[n])
            )
    answers = sum("HTTP/1.1 200 OK" in line for line in lines)
    assert answers == len(names)
