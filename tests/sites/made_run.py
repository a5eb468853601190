"""A whole run on the made-up shop, made once for all tests that look at it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from made_rows import made_rows, write_files

from zap.beam.generate import GenerateOptions
from zap.bundles.bundle import Bundle
from zap.datasets.splits import SubjectSplit
from zap.datasets.store import Dataset
from zap.jobs.inputs import RawInput, raw_input
from zap.jobs.run import RunResult, Watchers, run
from zap.training.config import ModelConfig

SETTINGS = {
    "epochs": 2,
    "embedding": 6,
    "units": 6,
    "metadata_units": 4,
    "merged_units": 6,
}
MAPPING = str(Path(__file__).with_name("made_shop.toml"))
ROWS = made_rows(300)
SPLIT = SubjectSplit((0.6, 0.2, 0.2))


class MadeRun:
    """Where the raw events and the results of a whole run lie."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.inputs = write_files(folder / "raw", ROWS)
        self.config = folder / "config.json"
        self.config.write_text(json.dumps(SETTINGS))
        self.told: list[tuple[str, object]] = []
        self.result = self.run_again(folder / "work")

    def raw(self) -> RawInput:
        """The question and its events."""
        return raw_input("made_shop:MadeShop", self.inputs)

    def run_again(self, output: Path) -> RunResult:
        """The same run into another folder."""
        watchers = Watchers(
            *(
                lambda what, name=name: self.told.append((name, what))
                for name in ("stage", "workspace", "epoch")
            )
        )
        options = GenerateOptions(split=SPLIT)
        config = ModelConfig.from_dict(SETTINGS)
        return run(self.raw(), output, options, config, watchers)

    @property
    def work(self) -> Path:
        """The work directory."""
        return self.folder / "work"

    @property
    def dataset(self) -> Dataset:
        """Its examples."""
        return Dataset.open(self.work / "dataset")

    @property
    def bundle(self) -> Bundle:
        """Its model."""
        return Bundle.load(self.work / "bundle")


@pytest.fixture(scope="session")
def made_run(tmp_path_factory: pytest.TempPathFactory) -> MadeRun:
    """The whole run; the folders of several test directories share it."""
    if not MADE:
        MADE.append(MadeRun(tmp_path_factory.mktemp("run")))
    return MADE[0]


MADE: list[MadeRun] = []
