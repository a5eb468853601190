"""Every planted leak is caught, by a message that names it; its honest twin passes."""

from __future__ import annotations

import pytest

from bench.guards.plants import PLANTS, Plant
from zap.checks.honest import require_honest
from zap.errors import CheckError


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_a_planted_leak_is_caught_and_named(plant: Plant) -> None:
    report = plant.leaky.check()
    assert report.verdict == plant.verdict
    finding = report.finding(plant.check)
    assert finding.status == ("marked" if plant.verdict == "anticipates" else "failed")
    assert [name for name in plant.names if name not in finding.says] == []
    with pytest.raises(CheckError, match=rf"\[{plant.check}\]"):
        require_honest(report)


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS)
def test_the_honest_twin_passes(plant: Plant) -> None:
    report = plant.honest.check()
    assert (report.verdict, report.problems()) == ("passed", [])
    assert report.asked["proven"] > 50
    require_honest(report)


def test_each_leak_is_of_its_own_kind() -> None:
    titles = [plant.title for plant in PLANTS.values()]
    assert len(set(titles)) == len(titles) >= 7
