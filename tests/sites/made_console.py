"""A real server on a registry with two versions of the made-up shop's model."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from zap.bundles.bundle import Bundle, write_bundle
from zap.bundles.registry import Registry

APPLICATION = "made_shop"
QUESTION = "<img src=x onerror=\"document.title='broken'\"> Buys & <b>pays</b>?"
WHY = "<script>document.title='broken'</script> retrained"


@dataclass(frozen=True)
class Site:
    """A registry with two versions, and the folders of a server."""

    folder: Path
    first: str
    second: str
    examples: list[dict[str, Any]]

    @property
    def registry(self) -> Registry:
        return Registry(self.folder / "models", APPLICATION)

    @property
    def analysis(self) -> Path:
        return self.folder / "log" / APPLICATION / "analysis.json"

    def arguments(self, *more: str) -> list[str]:
        where = ("--registry", str(self.folder / "models"))
        where += ("--store", f"sqlite:{self.folder / 'events.db'}")
        where += ("--log", str(self.folder / "log"), "--port", "0")
        return [sys.executable, "-m", "zap.cli.main", "serve", *where, *more]


def varied(bundle: Bundle, path: Path, shift: float) -> Bundle:
    """The same bundle with another calibration, and with a question to be shown."""
    files: dict[str, Any] = {name: bundle.read(name) for name in bundle.files}
    calibrator = json.loads(files["calibrator.json"])
    calibrator["bias"][0] += shift
    generator = {**bundle.info["generator"], "question": QUESTION}
    info = {**bundle.info, "generator": generator}
    sealed = {name: bundle.read(name) for name in bundle.sealed}
    files["calibrator.json"] = calibrator
    return write_bundle(path, files, info, sealed=sealed)


def made_site(folder: Path, bundle: Bundle) -> Site:
    """A site whose first version is live."""
    registry = Registry(folder / "models", APPLICATION)
    first = registry.add(varied(bundle, folder / "first", 0.0))
    second = registry.add(varied(bundle, folder / "second", 0.7), parent=first)
    registry.deploy(first, who="ada", why="the first")
    return Site(folder, first, second, bundle.records("verification.jsonl.gz")[0])


@dataclass
class Server:
    """A server in a process of its own."""

    process: subprocess.Popen[bytes]
    client: httpx.Client

    @property
    def page(self) -> str:
        return str(self.client.base_url.join("/ui"))

    def predict(self, example: dict[str, Any]) -> dict[str, Any]:
        asked = {"events": example["events"], "instant": example["instant"]}
        answer = self.client.post(f"/v1/predictions/{APPLICATION}", json=asked)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@contextmanager
def served(site: Site, *more: str, key: str = "") -> Iterator[Server]:
    """A server of a site, until the block ends."""
    said = site.folder / f"said-{next(NUMBERS)}.txt"
    with said.open("w") as stream:
        process = subprocess.Popen(
            site.arguments(*more), stdout=subprocess.DEVNULL, stderr=stream
        )
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        with httpx.Client(base_url=url_in(said, process), headers=headers) as client:
            yield Server(process, client)
    finally:
        process.terminate()
        process.wait(20)


def url_in(said: Path, process: subprocess.Popen[bytes]) -> str:
    """Where a server listens, once it says so."""
    while True:
        found = re.search(r"ready at (http://[^;\s]+)", said.read_text())
        if found:
            return found[1]
        assert process.poll() is None, said.read_text()
        time.sleep(0.02)


NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def site(made_run: Any, tmp_path_factory: pytest.TempPathFactory) -> Site:
    return made_site(tmp_path_factory.mktemp("console"), made_run.bundle)


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Server]:
    with served(site) as one:
        yield one
