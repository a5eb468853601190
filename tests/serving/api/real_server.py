"""``zap serve`` itself, in a process of its own, with keys and a made model."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from zap.bundles.bundle import Bundle
from zap.bundles.registry import Registry
from zap.serving.api.key_file import add_key
from zap.serving.api.keys import new_key

ROOT = Path(__file__).resolve().parents[3]
APPLICATION = "shop"
SHOP = "https://shop.example"


def until(found: Callable[[], object]) -> None:
    """Wait until something is so; give up where it is not going to be."""
    for _ in range(2_000):
        if found():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come")


@dataclass(frozen=True)
class RealServer:
    """A server that listens.

    Attributes:
        url: where.
        secret: a secret key.
        publishable: a publishable key for pages of ``SHOP``.
        log: what the process wrote.
        client: with connections that are kept.
    """

    url: str
    secret: str
    publishable: str
    log: Path
    client: httpx.Client

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}

    def page(self, token: str | None = None) -> dict[str, str]:
        named = {"authorization": f"Bearer {self.publishable}", "origin": SHOP}
        return named if token is None else {**named, "zap-visitor": token}

    def post(self, path: str, content: object, **named: str) -> httpx.Response:
        """A request of the secret key, unless other headers are given."""
        headers = named or self.bearer
        return self.client.post(path, json=content, headers=headers)

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()


@contextmanager
def real_server(
    folder: Path, bundle: Bundle, settings: str = "", arguments: Iterable[str] = ()
) -> Iterator[RealServer]:
    """A server of one bundle.

    Args:
        folder: where its registry, store and logs are made.
        bundle: the live version.
        settings: further lines of its TOML file.
        arguments: further ones of its command line.
    """
    registry = Registry(folder / "models", APPLICATION)
    registry.deploy(registry.add(bundle))
    secret, secret_key = new_key("secret")
    publishable, publishable_key = new_key("publishable", [SHOP])
    for key in (secret_key, publishable_key):
        add_key(folder / "keys.json", key)
    named = {
        "registry": folder / "models",
        "store": f"sqlite:{folder / 'events.db'}",
        "log": folder / "predictions",
        "keys": folder / "keys.json",
        "port": 0,
    }
    lines = [
        f"{name} = {json.dumps(value if isinstance(value, int) else str(value))}"
        for name, value in named.items()
    ]
    config = folder / "serve.toml"
    config.write_text("\n".join([*lines, settings]))
    log = folder / "server.log"
    command = [sys.executable, "-m", "zap.cli.main", "serve", "--config", str(config)]
    command += arguments
    with open(log, "wb") as file:
        process = subprocess.Popen(
            command, cwd=ROOT, stderr=file, env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
    try:
        url = _url(process, log)
        with httpx.Client(base_url=url, timeout=20) as client:
            yield RealServer(url, secret, publishable, log, client)
    finally:
        process.terminate()
        assert process.wait(20) == 0, log.read_text()


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    ready = re.compile(r"ready at (http://\S+);")
    until(lambda: process.poll() is not None or ready.search(log.read_text()))
    found = ready.search(log.read_text())
    assert found is not None, log.read_text()
    return found[1]
