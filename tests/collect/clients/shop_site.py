"""A site whose pages load clients as they are installed, from its own address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

MODULES = Path(__file__).resolve().parents[3] / "build/clients/node_modules"


def installed(*packages: str) -> None:
    """Skip where clients are not installed."""
    missing = [name for name in packages if not (MODULES / name).is_dir()]
    if missing:
        pytest.skip(f"needs server: {', '.join(missing)} (.ci/clients installs them)")


@dataclass(frozen=True)
class Site:
    """A running site.

    Attributes:
        port: that it listens at. By the names ``127.0.0.1`` and ``localhost`` it is two
            origins, and two sites.
    """

    port: int

    def origin(self, host: str = "localhost") -> str:
        return f"http://{host}:{self.port}"


@contextmanager
def site_of(page: str, scripts: dict[str, str]) -> Iterator[Site]:
    """Serve a page at any path, and scripts of installed packages at theirs.

    Args:
        page: its HTML.
        scripts: path to the file below ``node_modules``.
    """

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script = scripts.get(self.path)
            kind = "text/html" if script is None else "text/javascript"
            body = page.encode() if script is None else (MODULES / script).read_bytes()
            self.send_response(200)
            self.send_header("content-type", f"{kind}; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Site(server.server_port)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def check_asked(browser: Any, *origins: str) -> None:
    """See that a page has asked these origins, each of them, and nobody else."""
    asked = browser.execute_script(
        "return performance.getEntriesByType('resource').map(({name}) => name)"
    )
    assert {"/".join(url.split("/")[:3]) for url in asked} == {*origins}
