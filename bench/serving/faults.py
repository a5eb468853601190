"""``python -m bench.serving.faults``: counts that must be zero, at full size.

The suite breaks the same things with small numbers. Here 10,000 requests are made while
versions come and go, a server is killed under load again and again, and the whole
verification set goes through each store. Exit code 1 if a count is not as it must be.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from bench.serving.inputs import MODELS, bundle_of
from bench.serving.servers import free_port, redis_server, started, zap_command
from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.registry import Registry
from zap.serving.log import read_log
from zap.serving.predictor import Predictor
from zap.serving.verification import VERIFICATION

NAME = "cdnow"
CLIENTS = 8
EVENTS_AT_ONCE = 200


class Caller:
    """One connection to a server."""

    def __init__(self, port: int):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(self, path: str, said: Any) -> tuple[int, Any]:
        """The status and the body of an answer."""
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", path, json.dumps(said), headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def predict(self, **said: Any) -> tuple[int, Any]:
        """Ask for a prediction."""
        return self.post(f"/v1/predictions/{NAME}", said)


@dataclass(frozen=True)
class Inputs:
    """What the faults are tried on.

    Attributes:
        work: a folder for this run.
        bundle: the first version.
        examples: its verification set.
    """

    work: Path
    bundle: Bundle
    examples: Sequence[Any]

    def registry(self, name: str) -> tuple[Path, str]:
        """A registry where the first version is live, and that version."""
        root = self.work / name / "models"
        registry = Registry(root, NAME)
        version = registry.add(self.bundle)
        registry.deploy(version)
        return root, version

    @contextmanager
    def server(self, name: str, root: Path, store: str = "") -> Iterator[Any]:
        """A server of a registry."""
        folder, port = self.work / name, free_port()
        config = folder / "serve.toml"
        config.write_text(
            "log_wait_ms = 20_000\ntimeout_ms = 60_000\nstore_timeout_ms = 20_000\n"
            "store_keep_days = 36_500\npoll_s = 0.02\nlog_requests = false\n"
        )
        url = store or f"sqlite:{folder / 'events.db'}"
        log = folder / "predictions"
        command = zap_command(root, url, log, port, "--config", config)
        with started(name, command, port, None, folder / "server.log") as running:
            yield running


def other_version(inputs: Inputs) -> Bundle:
    """The same model with another calibration: every score differs."""
    bundle = inputs.bundle
    files: dict[str, Any] = {name: bundle.read(name) for name in bundle.files}
    calibrator = json.loads(files["calibrator.json"])
    calibrator["bias"] = [calibrator["bias"][0] + 0.7, calibrator["bias"][1]]
    files["calibrator.json"] = calibrator
    info = {k: v for k, v in bundle.info.items() if k not in ("files", "sealed")}
    return write_bundle(inputs.work / "other", files, info)


def deployments(inputs: Inputs, requests: int, changes: int) -> Counter[str]:
    """Requests while one version takes over from another and is taken back."""
    root, first = inputs.registry("deployments")
    other = other_version(inputs)
    registry = Registry(root, NAME)
    second = registry.add(other)
    predictor = Predictor.from_bundle(other)
    wanted = {
        first: [each["score"] for each in inputs.examples],
        second: [
            predictor.predict(each["events"], each["instant"]).value
            for each in inputs.examples
        ],
    }
    counts: Counter[str] = Counter()
    going = threading.Event()

    def ask(port: int, number: int) -> None:
        caller = Caller(port)
        while counts["requests"] < requests or not going.is_set():
            number = (number + 1) % len(inputs.examples)
            example = inputs.examples[number]
            status, said = caller.predict(
                events=example["events"], instant=example["instant"]
            )
            counts["requests"] += 1
            if status != 200:
                counts["errors"] += 1
            elif said["probability"] != wanted[said["version"]][number]:
                counts["scores of another version"] += 1
            else:
                counts[f"by {'first' if said['version'] == first else 'second'}"] += 1

    with inputs.server("deployments", root) as server:
        threads = [
            threading.Thread(target=ask, args=(server.port, 31 * number))
            for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        for number in range(changes):
            until = (number + 1) * requests // (changes + 1)
            while counts["requests"] < until:
                time.sleep(0.002)
            change = registry.revert if number % 2 else lambda: registry.deploy(second)
            counts["deploys and reverts"] += change()[1]
        going.set()
        for thread in threads:
            thread.join()
    return counts


def kills(inputs: Inputs, rounds: int, each: int) -> Counter[str]:
    """A server that is killed while clients ask; what they were told is in its log."""
    root, _ = inputs.registry("kills")
    counts: Counter[str] = Counter()
    told: list[str] = []
    example = inputs.examples[0]

    def ask(port: int) -> None:
        caller = Caller(port)
        try:
            while True:
                found = caller.predict(events=example["events"])
                told.append(found[1]["prediction_id"])
        except (OSError, http.client.HTTPException):
            return

    for number in range(rounds):
        with inputs.server("kills", root) as server:
            threads = [
                threading.Thread(target=ask, args=(server.port,))
                for _ in range(CLIENTS)
            ]
            for thread in threads:
                thread.start()
            while len(told) < (number + 1) * each:
                time.sleep(0.002)
            server.process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
        counts["kills"] += 1
    log = inputs.work / "kills" / "predictions"
    logged = {entry.id for entry in read_log(log, NAME)}
    counts["acknowledged"] = len(told)
    counts["lost"] = len({*told} - logged)
    return counts


def through(inputs: Inputs, kind: str, store: str) -> Counter[str]:
    """The verification set through a store; the subject is the example's number."""
    root, _ = inputs.registry(kind)
    counts: Counter[str] = Counter()
    events = [
        {
            "received_at": event["timestamp"],
            **event,
            "event_id": f"{number}-{place}",
            "anonymous_id": str(number),
            "sequence": place,
        }
        for number, example in enumerate(inputs.examples)
        for place, event in enumerate(example["events"])
    ]
    with inputs.server(kind, root, store) as server:
        caller = Caller(server.port)
        for begin in range(0, len(events), EVENTS_AT_ONCE):
            part = events[begin : begin + EVENTS_AT_ONCE]
            counts["events"] += caller.post("/v1/events", {"events": part})[1]["new"]
        for number, example in enumerate(inputs.examples):
            said = caller.predict(subject=str(number), instant=example["instant"])[1]
            counts["examples"] += 1
            counts["differ"] += said.get("probability") != example["score"]
    counts["events lost"] = len(events) - counts["events"]
    return counts


def shown(name: str, counts: Counter[str], zeros: Sequence[str]) -> bool:
    """Print a row; whether all that must be zero is."""
    right = not any(counts[zero] for zero in zeros)
    listed = {**{zero: 0 for zero in zeros}, **counts}
    said = ", ".join(f"{what} {count:,}" for what, count in listed.items())
    print(f"| {name} | {said} | {'yes' if right else '**no**'} |", flush=True)
    return right


def main() -> int:
    """Break things, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m bench.serving.faults")
    parser.add_argument("--work", type=Path, default=Path("build/serving"))
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=20)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--mongo", help="URL of a server of MongoDB's protocol")
    args = parser.parse_args()
    work = args.work / "faults"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    bundle = Bundle.load(bundle_of(MODELS[0], args.work))
    inputs = Inputs(work, bundle, bundle.records(VERIFICATION)[0])
    print("| what | counted | as it must be |\n|---|---|---|")
    verdicts = [
        shown(
            f"{args.changes} deploys and reverts under load",
            deployments(inputs, args.requests, args.changes),
            ["errors", "scores of another version"],
        ),
        shown("kill -9 under load", kills(inputs, args.kills, 500), ["lost"]),
    ]
    with ExitStack() as stack:
        urls = {"SQLite": "", "Redis": stack.enter_context(redis_server(work, None))}
        if args.mongo:  # a database of its own: of a former run's, no event is new
            urls["MongoDB"] = f"{args.mongo.rstrip('/')}/faults_{token_hex(4)}"
        for kind, url in urls.items():
            counts = through(inputs, kind, url)
            zeros = ["differ", "events lost"]
            verdicts.append(shown(f"verification set through {kind}", counts, zeros))
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
