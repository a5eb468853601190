"""Clients from npm: on servers run by node, in browsers as a page's own scripts.

``.ci/clients`` installs them into ``build/clients``; nothing is fetched at a test.
"""

from __future__ import annotations

import json
import mimetypes
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
MODULES = HERE.parents[2] / "build" / "clients" / "node_modules"
NOT_INSTALLED = "needs server: clients from npm; run .ci/clients"
PAGE = b"<!doctype html><meta charset=utf-8><title>A shop</title><h1>A shop</h1>"


def module(path: str) -> Path:
    """A file of a package; skips where the packages are not installed."""
    if not (MODULES / ".installed").exists():
        pytest.skip(NOT_INSTALLED)
    found = MODULES / path
    assert found.exists(), f"{path} is not in the package"
    return found


def start_node(script: str, **settings: Any) -> subprocess.Popen[str]:
    """A script beside this file, that gets settings as JSON and prints JSON."""
    module("")
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs server: node, for clients from npm")
    return subprocess.Popen(
        [node, str(HERE / script), json.dumps(settings)],
        env={**os.environ, "NODE_PATH": str(MODULES)},
        stdout=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], timeout_s: float = 60) -> Any:
    """What a script has printed, once it has ended well."""
    printed, _ = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, printed
    return json.loads(printed)


class _Shop(BaseHTTPRequestHandler):
    """Pages at any path, and the files of packages below ``/npm/``."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        kind, content = "text/html", PAGE
        if path.startswith("/npm/"):
            file = MODULES / path.removeprefix("/npm/")
            kind = mimetypes.guess_type(path)[0] or "text/plain"
            content = file.read_bytes() if file.is_file() else b""
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *told: object) -> None:
        pass


@contextmanager
def shop() -> Iterator[str]:
    """The origin of a site whose pages may load the packages."""
    module("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Shop)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


LOAD = """
const [source, done] = arguments;
const script = document.createElement("script");
script.src = source;
script.onload = () => done("loaded");
script.onerror = () => done("not loaded");
document.head.append(script);
"""


def load_script(browser: Any, path: str) -> None:
    """Load a file of a package into the page, as a tag of the page would."""
    module(path)
    assert browser.execute_async_script(LOAD, f"/npm/{path}") == "loaded"
