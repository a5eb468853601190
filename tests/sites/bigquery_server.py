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

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
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

    def new_dataset(self) -> str:
        """The name ``project.dataset`` of a dataset that is new and empty."""
        self._datasets += 1
        name = f"{PROJECT}.d{self._datasets}"
        self.client().create_dataset(name)
        return name


def served(folder: Path) -> Iterator[BigQueryServer]:
    """An emulator while a test session needs it; for a fixture."""
    server = BigQueryServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()
