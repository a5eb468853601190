"""An application that was retrained for three weeks, where tests go on from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from made_rows import FIRST, Row, write_files
from made_weeks import DAY, MAPPING, SMALL, from_day, twice, weekly_rows

from zap.bundles.registry import Registry
from zap.jobs.retrain.job import retrain
from zap.jobs.retrain.result import Result
from zap.times import instant_us

ROWS = weekly_rows(6)
WEEKS = ("2024-03-15", "2024-03-22", "2024-03-29", "2024-04-05")
QUALITY = {"margin": 0.3, "draws": 100, "slice_outcomes": 500, "first_ece": 0.3}
"""What few rows can prove: with the margin that is meant, nothing would ever pass."""


@dataclass(frozen=True)
class Shop:
    """A registry, and the feed that its application reads.

    Attributes:
        folder: holds both.
    """

    folder: Path

    @property
    def root(self) -> str:
        """Of the registry."""
        return str(self.folder / "models")

    @property
    def home(self) -> Path:
        """The application's folder."""
        return self.folder / "models" / "shop"

    @property
    def registry(self) -> Registry:
        """The application's versions."""
        return Registry(self.root, "shop")

    def feed(self, rows: list[Row]) -> None:
        """Put rows in place of those that were there."""
        shutil.rmtree(self.folder / "raw", ignore_errors=True)
        write_files(self.folder / "raw", rows, 2)

    def spoil(self, week: int, how: Callable[[list[Row]], list[Row]]) -> None:
        """Put the rows there, those of a week and after it spoiled."""
        before, new = from_day(ROWS, FIRST + DAY * 7 * (week + 1))
        self.feed(before + how(new))

    def options(self, **more: Any) -> dict[str, Any]:
        """The settings of the application."""
        return {
            "generator": "made_weeks:WeeklyShop",
            "input": [str(self.folder / "raw")],
            "mapping": MAPPING,
            "window_days": 14,
            "model": SMALL,
            "quality": QUALITY,
            **more,
        }

    def retrain(self, week: int, trust_data: bool = False, **more: Any) -> Result:
        """The run of a week, counted from 0."""
        until = instant_us(WEEKS[week])
        options = self.options(**more)
        return retrain(
            self.root, "shop", options, until_us=until, trust_data=trust_data
        )

    def copy(self, folder: Path) -> Shop:
        """The same in another folder, to be changed."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        file = folder / "models" / "shop" / "application.json"
        said = json.loads(file.read_text())
        file.write_text(json.dumps(said | {"input": [str(folder / "raw")]}))
        return Shop(folder)


@pytest.fixture(scope="session")
def three_weeks(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, list[Result]]:
    """A shop after three runs, in the third of which events came twice by their ids."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.feed(ROWS)
    results = [shop.retrain(0), shop.retrain(1)]
    shop.spoil(2, lambda rows: twice(rows, new_ids=False))
    results.append(shop.retrain(2))
    shop.feed(ROWS)
    return shop, results


@pytest.fixture
def shop(three_weeks: tuple[Shop, list[Result]], tmp_path: Path) -> Shop:
    """The same shop, of the test's own."""
    return three_weeks[0].copy(tmp_path)
