"""``make demo-live``: a shop whose page shows what Zap predicts, after every click.

A model of a simulated shop is made once. Then one command serves its predictions and
collects the page's events (``zap serve --collect``); what it collects goes to the store
that predictions are made from, and to an archive, which can be learned from in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template

from zap.serving.api.key_file import add_key
from zap.serving.api.keys import new_key

HERE = Path(__file__).resolve().parent
SITE = HERE / "site"
APPLICATION = "live_shop"
GENERATOR = "live_shop:LiveShop"
WRITE_KEY = "demo-pages"
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
READY = re.compile(r"ready at (http://[^;\s]+)")


def zap(*arguments: object) -> list[str]:
    """A command of Zap's."""
    return [sys.executable, "-m", "zap.cli.main", *map(str, arguments)]


def environment() -> dict[str, str]:
    """In which the demo's generator is found."""
    known = [str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(known)}


def prepare(folder: Path, events: int) -> None:
    """Make and deploy the model, unless it is there."""
    if (folder / "models").is_dir():
        return
    print("Training on a simulated shop: about a minute, once.", flush=True)
    simulated, work = folder / "simulated", folder / "work"
    settings = folder / "model.json"
    settings.write_text(json.dumps({"epochs": 3}))
    mapping = ("--mapping", simulated / "mapping.toml")
    data = ("--input", simulated / "events", *mapping)
    made = ("--config", settings, "--output", work, "--no-check", "--replace")
    steps = (
        zap("simulate", "--events", events, "--output", simulated, "--replace"),
        zap("run", GENERATOR, *data, *made),
        zap("models", "add", work / "bundle", "--registry", folder / "new", "--deploy"),
    )
    with open(folder / "training.log", "wb") as log:
        for step in steps:
            subprocess.run(step, env=environment(), stdout=log, stderr=log, check=True)
    (folder / "new").rename(folder / "models")  # last: half a registry is none


def page_key(folder: Path, origin: str) -> str:
    """A publishable key for the shop's pages, the same at each start."""
    path = folder / f"page-{origin.rpartition(':')[2]}.key"
    if not path.exists():
        text, key = new_key("publishable", [origin], [APPLICATION], "the demo's pages")
        add_key(folder / "keys.json", key)
        path.write_text(text)
    return path.read_text()


def write_settings(folder: Path, origin: str, port: int) -> None:
    """The settings of the server and of the collector in it."""
    quoted = {
        name: json.dumps(str(folder / name))
        for name in ("models", "predictions", "keys.json", "spool", "archive", "bad")
    }
    store = json.dumps(f"sqlite:{folder / 'events.db'}")
    (folder / "serve.toml").write_text(
        f"registry = {quoted['models']}\nstore = {store}\nport = {port}\n"
        f"log = {quoted['predictions']}\nkeys = {quoted['keys.json']}\n"
        "log_wait_ms = 2_000\n"  # a browser starts beside it: better late than refused
    )
    (folder / "collect.toml").write_text(
        f"spool = {quoted['spool']}\narchive = {quoted['archive']}\n"
        f"bad = {quoted['bad']}\nstore = {store}\nregistry = {quoted['models']}\n"
        f"mapping = {json.dumps(str(HERE / 'live.toml'))}\n"
        f'[sources.shop]\nprotocols = ["zap"]\nkeys = ["{WRITE_KEY}"]\n'
        f'origins = ["{origin}"]\n'
    )


@contextmanager
def shop(port: int, names: dict[str, str]) -> Iterator[str]:
    """The shop's own server, which knows nothing of Zap but its script's address.

    Args:
        port: to listen at; 0 takes a free one.
        names: what is filled into the page; may still grow.

    Yields:
        The origin of its pages.
    """

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = SITE / Path(self.path.partition("?")[0]).name
            path = asked if asked.is_file() else SITE / "index.html"
            body = path.read_bytes()
            if path.suffix == ".html":
                body = Template(body.decode()).substitute(names).encode()
            self.send_response(200)
            kind = KINDS.get(path.suffix, "image/svg+xml")
            self.send_header("content-type", f"{kind}; charset=utf-8")
            self.send_header("content-security-policy", policy(names["zap"]))
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *told: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def policy(server: str) -> str:
    """What the page may load and ask: its own files, and Zap."""
    return (
        f"default-src 'none'; script-src 'self' {server}; style-src 'self'; "
        f"img-src 'self'; connect-src {server}; base-uri 'none'; form-action 'none'"
    )


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The API with the collector; its address."""
    config = ("--config", folder / "serve.toml", "--collect", folder / "collect.toml")
    path = folder / "server.log"
    with open(path, "wb") as log:
        # In a session of its own: Ctrl-C is for the demo, which ends it in order.
        process = subprocess.Popen(
            zap("serve", *config),
            stderr=log,
            env=environment(),
            start_new_session=True,
        )
    try:
        while not (found := READY.search(path.read_text())):
            if process.poll() is not None:
                sys.exit(f"The server did not start:\n{path.read_text()}")
            time.sleep(0.1)
        yield found[1]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def learning(folder: Path) -> str:
    """The command that makes the collected events training data.

    Visits count once they are over, half an hour after their last event. So that you
    need not wait, the mapping says that nobody comes back until tomorrow.
    """
    now = datetime.now(UTC)
    days = (now - timedelta(days=30), now + timedelta(days=1))
    first, until = (json.dumps(str(day.date())) for day in days)
    mapping = folder / "archive.toml"
    mapping.write_text(
        f"{(HERE / 'live.toml').read_text()}\n"
        f"[observed]\nfrom = {first}\nuntil = {until}\n"
    )
    return (
        f"PYTHONPATH={HERE} zap generate --generator {GENERATOR} "
        f"--input {folder / 'archive'} --mapping {mapping} "
        f"--output {folder / 'examples'} --replace"
    )


def main() -> None:
    """Run the demo until it is interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("build/live"))
    parser.add_argument("--port", type=int, default=8137, help="of Zap; 0: a free one")
    parser.add_argument("--site-port", type=int, default=8138, help="of the shop")
    parser.add_argument("--events", type=int, default=150_000, help="to learn from")
    args = parser.parse_args()
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        prepare(folder, args.events)
        names = {"key": WRITE_KEY}
        with shop(args.site_port, names) as origin:
            names["api_key"] = page_key(folder, origin)
            write_settings(folder, origin, args.port)
            with server(folder) as names["zap"]:
                print(f"The shop: {origin}")
                print("Click, and see the probability move; Ctrl-C ends it.")
                threading.Event().wait()
    except KeyboardInterrupt:
        print("\nWhat you did is in the archive. To learn from it:")
        print(learning(folder))


if __name__ == "__main__":
    main()
