"""A server of buckets, started once for the tests of a process."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_servers import free_port

SERVER = Path(__file__).with_name("s3_server.py")


@pytest.fixture(scope="session")
def s3_server() -> Iterator[dict[str, str]]:
    """A real S3 server process; what a client needs in its environment.

    A process of its own and not moto's decorator, so that several processes see it.
    It answers one request after another, which makes its If-None-Match as good as S3's.
    """
    for name in ("moto", "flask", "s3fs"):
        pytest.importorskip(name, reason="needs extra: dev")
    port = free_port()
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


@pytest.fixture
def bucket(s3_server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a new bucket, which this process and those it starts can reach."""
    for key, value in s3_server.items():
        monkeypatch.setenv(key, value)
    import s3fs

    # Kept clients know the address that another test has set.
    s3fs.S3FileSystem.clear_instance_cache()
    name = f"made-{uuid.uuid4().hex[:12]}"
    s3fs.S3FileSystem().mkdir(name)
    yield f"s3://{name}"
    s3fs.S3FileSystem.clear_instance_cache()
