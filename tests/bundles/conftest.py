"""Stores that bundles and registries must work with, all held to the same tests."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[1] / "sites" / "s3_server.py"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[dict[str, str]]:
    """A real S3 server process; what a client needs in its environment.

    A process of its own and not moto's decorator, so that several processes see it.
    It answers one request after another, which makes its If-None-Match as good as S3's.
    """
    for name in ("moto", "flask", "s3fs"):
        pytest.importorskip(name, reason="needs extra: dev")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, str(SERVER), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    environment = {
        "AWS_ACCESS_KEY_ID": "made",
        "AWS_SECRET_ACCESS_KEY": "up",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    try:
        _wait_for(server, port)
        yield environment
    finally:
        server.terminate()
        server.wait()


def _wait_for(server: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"the S3 server did not start; exit code {server.poll()}")


@pytest.fixture(params=["local", "memory", "s3"])
def root(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """An empty place for a registry, in each kind of store."""
    if request.param == "local":
        return str(tmp_path / "models")
    name = f"made-{uuid.uuid4().hex[:12]}"
    if request.param == "memory":
        pytest.importorskip("fsspec", reason="needs extra: dev")
        return f"memory://{name}/models"
    for key, value in request.getfixturevalue("s3_server").items():
        monkeypatch.setenv(key, value)
    import s3fs

    s3fs.S3FileSystem(skip_instance_cache=True).mkdir(name)
    return f"s3://{name}/models"


@pytest.fixture
def s3_environment(request: pytest.FixtureRequest, root: str) -> dict[str, str]:
    """What other processes need to see ``root``."""
    if root.startswith("s3://"):
        return {**os.environ, **request.getfixturevalue("s3_server")}
    return dict(os.environ)
