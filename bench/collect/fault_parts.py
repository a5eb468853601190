"""What the faults of the collector are tried on: a site under load, and its judge."""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq

from bench.serving.servers import Server, free_port, started
from zap.bundles.bundle import write_bundle
from zap.bundles.registry import Registry
from zap.collect.delivery.report import read_report
from zap.collect.delivery.status import delivery_status
from zap.collect.spool.segments import bytes_of, segments_of
from zap.encoding.encoder import Encoder
from zap.encoding.features import Hash, SincePrevious
from zap.encoding.instance import Instance
from zap.events.archive_files import current
from zap.events.mapping import EventMapping
from zap.jobs.store import rebuild
from zap.serving.stores import Need, open_store

KEY = "bench-write-key"
VISITORS = 500
SINKS = ("archive", "bad", "store")
MAPPING = """\
format = "archive"

[properties.price]
column = "properties.price"
type = "float"
"""
INSTANCE = Instance(
    types=["viewed", "added"],
    last=20,
    fields=[Hash("type"), Hash("price"), SincePrevious(1800, 7200, 86400, 12)],
    hash_buckets=200,
)
NEED = Need.of(INSTANCE, "anonymous_id")


def until(true: Callable[[], Any], seconds: float, what: str) -> float:
    """Wait for something; how long it took."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise SystemExit(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)
    return time.monotonic() - began


class Redis:
    """A Redis that may be stopped and started again, with its data on disk."""

    def __init__(self, folder: Path):
        program = shutil.which("redis-server")
        if program is None:
            raise SystemExit("redis-server is not installed")
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        folder.mkdir(parents=True)
        options = {"port": self.port, "dir": folder, "appendonly": "yes", "save": ""}
        words = [word for name, v in options.items() for word in (f"--{name}", str(v))]
        self._command = [program, *words, "--bind", "127.0.0.1"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen(self._command, stdout=quiet, stderr=quiet)
        until(self._answers, 30, "redis-server")

    def kill(self) -> None:
        """End it at once."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        store = open_store(self.url, 1_000)
        try:
            store.ping()
            return True
        except Exception:
            return False
        finally:
            store.close()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system of its own, which can be filled."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"may not mount a small file system: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room of a file system; the file that takes it."""
    path = folder / "rest"
    with contextlib.suppress(OSError), path.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    return path


class Site:
    """A collector with all sinks; each may lie elsewhere.

    Args:
        folder: for all that is not said to lie elsewhere.
        **settings: of the collector.
    """

    def __init__(self, folder: Path, **settings: Any):
        self.folder, self.port = folder, free_port()
        folder.mkdir(parents=True, exist_ok=True)
        models = folder / "models"
        registry = Registry(models, "shop")
        files = {
            "encoder.json": Encoder(INSTANCE).to_dict(),
            "generator.json": {"subject": "anonymous_id"},
        }
        bundle = write_bundle(folder / "bundle", files, {"application": "shop"})
        registry.deploy(registry.add(bundle))
        mapping = folder / "archive.toml"
        mapping.write_text(MAPPING)
        said = {name: str(folder / name) for name in ("spool", "archive", "bad")}
        said |= {"store": f"sqlite:{folder / 'events.db'}", "mapping": str(mapping)}
        said |= {"registry": str(models), "host": "127.0.0.1"} | settings
        self.spool, self.archive = Path(said["spool"]), Path(said["archive"])
        self.store, self.mapping = said["store"], mapping
        lines = [
            f"{n} = {json.dumps(v)}" for n, v in (said | {"port": self.port}).items()
        ]
        lines += ["[sources.shop]", 'protocols = ["segment"]', f'keys = ["{KEY}"]']
        self.config = folder / "collect.toml"
        self.config.write_text("\n".join([*lines, ""]))

    @contextmanager
    def collecting(self) -> Iterator[Server]:
        """The collector with its delivery, until the block ends."""
        command = [sys.executable, "-m", "zap.cli.main", "collect", "--config"]
        log = self.folder / "collect.log"
        with started("zap", [*command, self.config], self.port, None, log) as server:
            yield server

    def status(self) -> dict[str, Any]:
        """What ``zap collect status`` tells."""
        return delivery_status(self.spool, SINKS)

    def deliverer(self) -> int | None:
        """The process that delivers now."""
        found = read_report(self.spool)
        return found and found["pid"]

    def lag(self) -> int:
        """Records that wait for any sink."""
        return max(sink["lag_events"] for sink in self.status()["sinks"].values())

    def caught_up(self, seconds: float) -> float:
        """Wait until no record waits; how long it took."""
        return until(lambda: self.lag() == 0, seconds, "catching up")


class Load:
    """Clients that post batches and, as SDKs do, try again what was refused.

    Args:
        port: of the collector.
        rate: events a second, of all clients together.
        clients: how many.
        batch: events a request.
        named: what the ids of its events begin with.
    """

    def __init__(
        self,
        port: int,
        rate: float,
        clients: int = 4,
        batch: int = 50,
        named: int = 0,
    ):
        self.acknowledged: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._port, self._batch, self._named = port, batch, named
        self._pause_s = clients * batch / rate
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [
            threading.Thread(target=self._post, args=(number,))
            for number in range(clients)
        ]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _post(self, client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        number = 0
        while not self._stop.is_set():
            name = f"{self._named}-{client}"
            ids = [f"{name}-{number + place}" for place in range(self._batch)]
            body = _body(ids, number)
            while not self._stop.is_set():
                if self._sent(connection, body):
                    with self._lock:
                        self.acknowledged.update(ids)
                    break
                self._stop.wait(0.2)
            number += self._batch
            self._stop.wait(self._pause_s)
        connection.close()

    def _sent(self, connection: http.client.HTTPConnection, body: str) -> bool:
        """Whether a batch was acknowledged."""
        headers = {"Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/batch", body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            self.counts["no answer"] += 1
            return False
        self.counts[f"answers {answer.status}"] += 1
        return answer.status == 200


def _body(ids: list[str], number: int) -> str:
    """Calls of visitors who come back again and again."""
    calls = [
        {
            "type": "track",
            "event": "viewed" if place % 3 else "added",
            "messageId": name,
            "anonymousId": f"v{(number + place) * 7 % VISITORS}",
            "properties": {"price": place, "what": "x" * 300},
        }
        for place, name in enumerate(ids)
    ]
    return json.dumps({"writeKey": KEY, "batch": calls})


class Watch:
    """The most memory that the processes of a site hold, looked at all the time."""

    def __init__(self, site: Site, server: Server):
        self.most_mb: Counter[str] = Counter()
        self.most_spooled = 0
        self._site, self._server = site, server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(0.2):
            self._most("collector", self._server.mb)
            if (pid := self._site.deliverer()) is not None:
                with contextlib.suppress(psutil.Error):
                    self._most("delivery", psutil.Process(pid).memory_info().rss / 1e6)
            held = bytes_of(segments_of(self._site.spool))
            self.most_spooled = max(self.most_spooled, held)

    def _most(self, name: str, mb: float) -> None:
        self.most_mb[name] = max(self.most_mb[name], round(mb))


def judged(site: Site, acknowledged: set[str]) -> Counter[str]:
    """What the sinks hold of what was acknowledged."""
    found: list[str] = []
    for path in current(map(str, site.archive.glob("source=*/day=*/*.parquet"))):
        found += pq.ParquetFile(path).read(columns=["event_id"])["event_id"].to_pylist()
    return Counter(
        {
            "acknowledged": len(acknowledged),
            "archived": len(found),
            "lost": len(acknowledged - {*found}),
            "doubled": len(found) - len({*found}),
            "pasts that differ": differing(site),
        }
    )


def differing(site: Site) -> int:
    """Visitors of whom the store knows other events than one that is rebuilt."""
    url = f"sqlite:{site.folder / 'rebuilt.db'}"
    Path(url.removeprefix("sqlite:")).unlink(missing_ok=True)
    live, rebuilt = open_store(site.store, 5_000), open_store(url, 5_000)
    with ExitStack() as stack:
        stack.callback(live.close)
        stack.callback(rebuilt.close)
        mapping = EventMapping.load(site.mapping)
        rebuild(rebuilt, {"shop": NEED}, mapping, [str(site.archive)])
        names, at_us = [f"v{n}" for n in range(VISITORS)], time.time_ns() // 1000
        pasts = (store.pasts(names, NEED, at_us) for store in (live, rebuilt))
        return sum(a.ids != b.ids or not a.ids for a, b in zip(*pasts, strict=True))


def kill(pid: int) -> None:
    """End a process at once."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).send_signal(signal.SIGKILL)
