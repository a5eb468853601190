"""A site of one page that loads the script, under a policy that allows little else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OWN = """
window.before = window.before || [];
addEventListener("unhandledrejection", (event) => before.push(String(event.reason)));
"""


@dataclass
class Site:
    """A running site. What is set here holds for pages that are loaded from then on.

    Attributes:
        port: that it listens at.
        collector: the address of the collector.
        attributes: of the script's element, such as ``data-key="..."``.
        head: more of the page's head.
        script: the page's own script, which runs before Zap's.
        connect: addresses that the policy lets pages ask, besides the collector.
    """

    port: int = 0
    collector: str = ""
    attributes: str = ""
    head: str = ""
    script: str = OWN
    connect: list[str] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.port}"

    def page(self) -> str:
        return (
            "<!doctype html><html lang=en><title>a shop</title>"
            '<link rel=icon href="data:,"><script src="/own.js"></script>'
            f'{self.head}<script src="{self.collector}/zap.js" {self.attributes}>'
            "</script><body><main><h1>A shop</h1>"
            '<a id=more href="/more?id=1">More <b>shoes</b></a> '
            "<button id=buy>  Buy\n now </button> "
            "<span id=chip role=button tabindex=0>Chip</span> <p id=text>Words</p>"
            '<input id=secret value="not to be told"></main>'
        )

    def policy(self) -> str:
        connect = " ".join([self.collector, *self.connect])
        return (
            f"default-src 'none'; script-src 'self' {self.collector}; "
            f"connect-src {connect}; img-src data:; base-uri 'none'; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )


@contextmanager
def script_site() -> Iterator[Site]:
    """The site until the block ends; it has a page at every path."""
    site = Site()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            own = self.path == "/own.js"
            body = (site.script if own else site.page()).encode()
            self.send_response(200)
            kind = "text/javascript" if own else "text/html"
            self.send_header("content-type", f"{kind}; charset=utf-8")
            self.send_header("content-security-policy", site.policy())
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    site.port = server.server_port
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
