"""What the stages of one run share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from zap.bundles.bundle import Bundle
from zap.bundles.registry import Registry
from zap.datasets.splits import NewestSplit, Split, SubjectSplit
from zap.datasets.store import Dataset
from zap.events.mapping import EventMapping
from zap.events.window import window_mapping
from zap.examples.generator import Generator
from zap.examples.registry import load_generator
from zap.jobs.inputs import RawInput
from zap.jobs.retrain.application import Application
from zap.jobs.retrain.runs import RunFolder
from zap.times import DAY_US

EVENTS, NEWEST, EXAMPLES, BUNDLE = "events", "newest", "examples", "bundle"


@dataclass(frozen=True)
class Signature:
    """Who lets a run do something, and why.

    Attributes:
        who: a name; None: who runs this process.
        why: in a person's words.
    """

    who: str | None = None
    why: str = ""


@dataclass(frozen=True)
class Watchers:
    """Who is told about progress.

    Attributes:
        stage: called with the name of each stage as it begins.
        epoch: called after each epoch of training.
    """

    stage: Callable[[str], Any] = lambda name: None
    epoch: Callable[[Any], Any] = lambda epoch: None


@dataclass(frozen=True)
class Work:
    """One run.

    Attributes:
        root: of the registry.
        registry: the application's versions.
        application: what is retrained.
        raw: its question, its raw events' mapping and their paths.
        run: the run's folder.
        until_us: the end of the window; microseconds since 1970, UTC.
        trust_data: lets data pass that the gate suspects; None: nobody does.
        signature: who runs it.
        watchers: who is told about progress.
    """

    root: Path
    registry: Registry
    application: Application
    raw: RawInput
    run: RunFolder
    until_us: int
    trust_data: Signature | None = None
    signature: Signature = field(default_factory=Signature)
    watchers: Watchers = field(default_factory=Watchers)

    @property
    def folder(self) -> Path:
        """The application's folder in the registry."""
        return self.root / self.registry.application

    @property
    def from_us(self) -> int:
        """The window's first instant."""
        return self.until_us - self.application.window_days * DAY_US

    @property
    def reach_us(self) -> int:
        """How far labels look ahead at least: so long before the end none is whole."""
        return self.raw.generator.observes_us()

    @property
    def test_us(self) -> int:
        """From here on examples are held out to judge models."""
        days = self.application.holdout_days
        return self.until_us - self.reach_us - days * DAY_US

    @property
    def by_time(self) -> bool:
        """Whether the newest examples are held out, and not those of some subjects."""
        return bool(self.raw.generator.time_splits)

    @property
    def split(self) -> Split:
        """Which examples train, validate and judge."""
        share = self.application.validation
        if self.by_time:
            return NewestSplit(self.test_us, share)
        return SubjectSplit((1 - 2 * share, share, share))

    @property
    def newest_us(self) -> int:
        """From here on events are held against those of earlier weeks."""
        if self.by_time:
            return self.until_us - self.application.holdout_days * DAY_US
        return self.from_us

    @property
    def mapping(self) -> EventMapping:
        """What the copied window's rows mean."""
        inputs = self.application.input or self.raw.paths
        return window_mapping(self.raw.mapping, self.from_us, self.until_us, inputs)

    def path(self, name: str) -> Path:
        """A folder that is needed only while the run goes on."""
        return self.run.work / name

    def generator(self) -> Generator:
        """The question, as an object of its own."""
        return load_generator(self.application.generator)

    @cached_property
    def live(self) -> Bundle | None:
        """The live version as the run began, if there is one."""
        version = self.registry.live()
        return self.registry.load(version) if version else None

    def figures(self, stage: str) -> dict[str, Any]:
        """What an earlier stage found."""
        said = self.run.read(stage)
        assert said is not None, f"stage {stage} is done before"
        found: dict[str, Any] = said["figures"]
        return found

    def examples(self) -> Dataset:
        """The examples of this run, where the stage of that name put them."""
        return Dataset.open(self.path(self.figures("examples")["folder"]))
