"""``zap collect`` itself, in a process of its own, on a free port."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zap.collect.event import Event
from zap.collect.record import BadRecord, decode
from zap.collect.spool import SpoolReader

ROOT = Path(__file__).resolve().parents[2]
ZAP = (sys.executable, "-m", "zap.cli.main")
KEY = "a-write-key"
SHOP = "https://shop.example"
READY = re.compile(r"ready at (http://\S+)")


def until(found: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something is so; give up where it is not going to be."""
    end = time.monotonic() + seconds
    while not found():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def toml_of(settings: Mapping[str, Any]) -> str:
    """Settings as TOML: values first, then tables, to any depth."""
    lines: list[str] = []

    def table(name: str, found: Mapping[str, Any]) -> None:
        if name:
            lines.append(f"[{name}]")
        inner = {key: v for key, v in found.items() if isinstance(v, Mapping)}
        lines.extend(
            f"{key} = {json.dumps(str(v) if isinstance(v, Path) else v)}"
            for key, v in found.items()
            if key not in inner
        )
        for key, value in inner.items():
            table(f"{name}.{key}" if name else key, value)

    table("", settings)
    return "\n".join([*lines, ""])


def spooled(folder: Path) -> list[tuple[int, Event | BadRecord | None]]:
    """All that a spool holds, with its numbers."""
    reader = SpoolReader(folder)
    found: list[tuple[int, Event | BadRecord | None]] = []
    position = reader.oldest
    while True:
        batch = reader.read(position)
        found += [(batch.first + i, decode(r)) for i, r in enumerate(batch.records)]
        if batch.next == position:
            return found
        position = batch.next


@dataclass
class RealCollector:
    """A collector that can be started, killed and started again.

    Attributes:
        folder: where its settings, spool, archive and log lie.
        settings: of its TOML file.
        arguments: further ones of its command line.
        environment: further variables.
    """

    folder: Path
    settings: dict[str, Any]
    arguments: tuple[str, ...] = ("--no-deliver",)
    environment: dict[str, str] = field(default_factory=dict)
    url: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def spool(self) -> Path:
        return Path(self.settings["spool"])

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def log(self) -> Path:
        return self.folder / "collect.log"

    @property
    def config(self) -> Path:
        return self.folder / "collect.toml"

    def start(self) -> RealCollector:
        """Start it; a port that it had is taken again."""
        self.config.write_text(toml_of(self.settings))
        arguments = ["--config", str(self.config), *self.arguments]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*ZAP, "collect", *arguments],
                cwd=self.folder,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment},
            )
        until(lambda: self._ended() or READY.search(self.log.read_text()))
        found = READY.search(self.log.read_text())
        assert found is not None, self.log.read_text()
        self.url = found[1]
        self.settings["port"] = self.port
        return self

    def kill(self) -> None:
        """End it as a power cut would, but for the page cache."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def stop(self) -> str:
        """Have it end in order; what it has written to its log."""
        if self.process is None or self._ended():
            return self.log.read_text()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        assert code == 0, self.log.read_text()
        return self.log.read_text()

    def _ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def records(self) -> list[Event | BadRecord | None]:
        """What the spool holds, whether or not the collector runs."""
        return [record for _, record in spooled(self.spool)]

    def events(self) -> list[Event]:
        """The events that the spool holds, in its order."""
        return [each for each in self.records() if isinstance(each, dict)]

    def bad(self) -> list[BadRecord]:
        """The bad rows that the spool holds, in its order."""
        return [each for each in self.records() if isinstance(each, BadRecord)]


def source_of(protocols: Iterable[str], **named: Any) -> dict[str, Any]:
    """The settings of a source with one key, for the pages of a shop."""
    return {
        "protocols": list(protocols),
        "keys": [KEY],
        "origins": [SHOP],
        **named,
    }


def collector_at(
    folder: Path,
    protocols: Iterable[str],
    sources: Mapping[str, Mapping[str, Any]] | None = None,
    *,
    arguments: Iterable[str] = ("--no-deliver",),
    environment: Mapping[str, str] | None = None,
    **settings: Any,
) -> RealCollector:
    """A collector that is not started yet.

    Args:
        folder: where all of it lies.
        protocols: of its source ``shop``, whose key is `KEY`.
        sources: instead of that one.
        arguments: of the command line, after ``--config``.
        environment: further variables.
        **settings: further ones of its TOML file.
    """
    named = {
        "spool": str(folder / "spool"),
        "archive": str(folder / "archive"),
        "bad": str(folder / "bad"),
        "port": 0,
        **settings,
        "sources": dict(sources or {"shop": source_of(protocols)}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    return RealCollector(folder, named, tuple(arguments), dict(environment or {}))
