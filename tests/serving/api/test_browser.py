"""What a real browser lets a page do with a publishable key."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from browser import browser  # noqa: F401

from tests.serving.api.real_server import APPLICATION, RealServer, until
from zap.serving.api.key_file import add_key
from zap.serving.api.keys import new_key

ASK = """
const [server, key, application, done] = arguments;
const ask = (path, body, more) => fetch(server + path, {
  method: "POST",
  headers: {
    "Authorization": "Bearer " + key, "Content-Type": "application/json", ...more
  },
  body: JSON.stringify(body),
});
(async () => {
  const issued = await (await ask("/v1/visitors", {})).json();
  const own = {"Zap-Visitor": issued.token};
  const path = "/v1/predictions/" + application;
  const mine = await ask(path, {subject: issued.anonymous_id}, own);
  const other = await ask(path, {subject: "v1"}, own);
  return {
    mine: [mine.status, (await mine.json()).probability],
    left: mine.headers.get("ratelimit-remaining"),
    other: [other.status, (await other.json()).error.code],
  };
})().then(done, (error) => done({failed: String(error)}));
"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>a shop</title>")

    def log_message(self, *told: object) -> None:
        pass


@pytest.fixture
def shop_port() -> Iterator[int]:
    """The port of a site; by two names it is two origins."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_page_of_a_listed_origin_asks_and_another_cannot(
    browser: Any,  # noqa: F811
    real: RealServer,
    shop_port: int,
) -> None:
    origin = f"http://localhost:{shop_port}"
    text, key = new_key("publishable", [origin], [APPLICATION])
    add_key(real.log.parent / "keys.json", key)
    preflight = {"origin": origin, "access-control-request-method": "POST"}
    until(lambda: real.client.options("/v1/visitors", headers=preflight).is_success)

    browser.get(origin)
    found = browser.execute_async_script(ASK, real.url, text, APPLICATION)
    assert found["mine"][0] == 200 and 0 < found["mine"][1] < 1, found
    assert found["other"] == [403, "subject"]
    assert int(found["left"]) > 0

    browser.get(f"http://127.0.0.1:{shop_port}")
    found = browser.execute_async_script(ASK, real.url, text, APPLICATION)
    assert "Failed to fetch" in found["failed"]
