"""A bucket that all workers see: moto's S3 server, in a process of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec

from bench.scale.processes import Process, answers, free_ports

_SERVE = "import sys; from moto.server import main; main(sys.argv[1:])"


@contextmanager
def bucket(folder: Path) -> Iterator[str]:
    """An empty bucket; what is started meanwhile is told of it by its environment."""
    folder.mkdir(parents=True, exist_ok=True)
    [port] = free_ports(1)
    command = [sys.executable, "-c", _SERVE, "-H", "127.0.0.1", "-p", str(port)]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "made",
        "AWS_SECRET_ACCESS_KEY": "up",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    server = Process("s3", command, folder)
    try:
        server.wait_for(lambda: answers(port))
        # One that was there before in this process talks to its server still.
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        fsspec.filesystem("s3").mkdir("zap-proof")
        yield "s3://zap-proof"
    finally:
        server.kill()
