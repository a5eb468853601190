"""BigQuery for tests: an emulator that the real clients speak to over REST and gRPC.

A conftest makes its fixture of it:

    @pytest.fixture(scope="session")
    def bigquery_server(tmp_path_factory):
        yield from served(tmp_path_factory.mktemp("bigquery"))

    @pytest.fixture
    def bigquery(bigquery_server, monkeypatch):
        bigquery_server.name_in(monkeypatch)
        return bigquery_server
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
import urllib.request
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.registry import _registry
from made_servers import ROOT, Server, free_port

HOME = ROOT / "build" / "servers" / "bigquery"
SERVE = ROOT / "tests" / "servers" / "bigquery" / "serve.py"
PROJECT = "zap-test"
_PATIENCE_S = 60.0


class BigQueryServer(Server):
    """An emulator of BigQuery; its tables are in memory and end with it.

    Args:
        folder: for its log, and for what ``gs://`` names (``folder/gs``).

    Attributes:
        rest: the address of its REST API.
        grpc: host and port of its Storage API.
        bucket: the folder that ``gs://bucket`` names.
    """

    def __init__(self, folder: Path):
        if not (HOME / ".installed").exists():
            pytest.skip(
                "needs server: BigQuery's emulator; tests/servers/bigquery/install "
                "installs it"
            )
        grpc_port = free_port()

        def command(port: int, folder: Path) -> list[str]:
            python = str(HOME / "bin" / "python")
            return [python, str(SERVE), str(port), str(grpc_port), str(folder)]

        super().__init__(command, folder, "http")
        self.rest = self.url.rstrip("/")
        self.grpc = f"127.0.0.1:{grpc_port}"
        self.bucket = folder / "gs" / "bucket"
        self.bucket.mkdir(parents=True)
        self._datasets = 0

    def start(self) -> None:
        """Start it, and wait until both of its ports take connections."""
        super().start()
        host, port = self.grpc.split(":")
        limit = time.monotonic() + _PATIENCE_S
        while True:
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                assert time.monotonic() < limit, self._log.read_text()
                time.sleep(0.05)

    def stop(self) -> None:
        """End it, as an operator would."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def environment(self) -> dict[str, str]:
        """The variables that lead Zap's clients to it."""
        return {
            "BIGQUERY_EMULATOR_HOST": self.rest,
            "BIGQUERY_STORAGE_EMULATOR_HOST": self.grpc,
        }

    def name_in(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Lead this process' clients to it, while a test runs."""
        for name, value in self.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)

    def client(self) -> Any:
        """The vendor's own client, as an oracle beside Zap's."""
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

        return bigquery.Client(
            PROJECT,
            AnonymousCredentials(),
            client_options={"api_endpoint": self.rest},
        )

    def fail(self, *faults: dict[str, Any]) -> None:
        """Fail what comes next; see ``tests/servers/bigquery/front.py``."""
        self._told("faults", list(faults))

    def hold(self, held: bool) -> None:
        """Let load jobs stay running, or go on."""
        self._told("hold", {"hold": held})

    def requests(self) -> list[dict[str, Any]]:
        """What was asked since the last time: method, path, query and JSON body."""
        return list(self._told("requests", {}))

    def _told(self, what: str, content: Any) -> Any:
        data = json.dumps(content).encode()
        with urllib.request.urlopen(f"{self.rest}/test/{what}", data, 30) as answer:
            return json.load(answer)

    def new_dataset(self) -> str:
        """The name ``project.dataset`` of a dataset that is new and empty."""
        self._datasets += 1
        name = f"{PROJECT}.d{self._datasets}"
        self.client().create_dataset(name)
        return name


class BucketFiles(LocalFileSystem):  # type: ignore[misc]
    """``gs://`` of fsspec, for files that lie where the emulator looks for them."""

    protocol = ("gs",)
    root = ""

    def __init__(self, **options: Any):
        super().__init__(auto_mkdir=True, **options)  # a bucket has no folders

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        name = path.removeprefix("gs://").removeprefix(cls.root).lstrip("/")
        return f"{cls.root}/{name}".rstrip("/")

    def info(self, path: str, **options: Any) -> dict[str, Any]:
        """What a bucket tells of a file: a checksum, and no inode."""
        found = super().info(path, **options)
        told = {name: found[name] for name in ("name", "size", "type", "islink")}
        if found["type"] == "file":
            told["crc32c"] = zlib.crc32(Path(found["name"]).read_bytes())
        return told


def named_bucket(server: BigQueryServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let fsspec know ``gs://bucket`` while a test runs; its URL."""
    monkeypatch.setattr(BucketFiles, "root", str(server.bucket.parent))
    monkeypatch.setitem(_registry, "gs", BucketFiles)
    BucketFiles.clear_instance_cache()
    return "gs://bucket"


def served(folder: Path) -> Iterator[BigQueryServer]:
    """An emulator while a test session needs it; for a fixture."""
    server = BigQueryServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
