"""A registry under several processes: at once, killed at any moment, read meanwhile."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import pytest
import registry_work
from made_versions import made_bundle, number_of

import zap
from zap.bundles.registry import Registry

KILLS, BUNDLES = 30, 200


def processes(count: int) -> ProcessPoolExecutor:
    """Fresh processes: forks would share the connections of a store's client."""
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def check_log(registry: Registry, versions: list[str]) -> None:
    """The whole log, replayed by hand: no gaps, and each entry follows the last."""
    live = previous = None
    archived: set[str] = set()
    for number, entry in enumerate(registry.history(), start=1):
        assert entry.number == number and entry.version in versions
        if entry.action == "deploy":
            assert entry.version != live and entry.version not in archived
            live, previous = entry.version, live
        elif entry.action == "revert":
            assert entry.version == previous and entry.version not in archived
            live, previous = previous, live
        elif entry.action == "archive":
            assert entry.version not in archived | {live}
            archived.add(entry.version)
        else:
            archived.remove(entry.version)
        assert (entry.live, entry.previous) == (live, previous)
    assert registry.live() == live and registry.state().archived == archived


def test_processes_that_deploy_at_once(root: str, tmp_path: Path) -> None:
    if root.startswith("memory:"):
        pytest.skip("memory is of one process; its threads are tested below")
    count, times = (3, 8) if root.startswith("s3:") else (8, 25)
    registry = Registry(root, "shop")
    versions = [registry.add(made_bundle(tmp_path, n)) for n in range(4)]
    registry.deploy(versions[0])
    with processes(count) as pool:
        seeds = range(count)
        work = [pool.submit(registry_work.change_often, root, times, s) for s in seeds]
        made = [number for each in work for number in each.result()]
    again = Registry(root, "shop")
    assert sorted(made) == [entry.number for entry in again.history()][1:]
    assert len(made) >= 2
    check_log(again, versions)


def test_threads_that_deploy_at_once(root: str, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    registry = Registry(root, "shop")
    versions = [registry.add(made_bundle(tmp_path, n)) for n in range(4)]
    registry.deploy(versions[0])
    times = 5 if root.startswith("s3:") else 25
    with ThreadPoolExecutor(6) as pool:
        work = pool.map(lambda s: registry_work.change_often(root, times, s), range(6))
        made = sorted(number for each in work for number in each)
    assert made == [entry.number for entry in registry.history()][1:]
    check_log(Registry(root, "shop"), versions)


def test_reads_while_others_deploy_and_revert(tmp_path: Path) -> None:
    """10,000 reads by threads of two processes; none may fail."""
    root = str(tmp_path / "models")
    registry = Registry(root, "shop")
    versions = [registry.add(made_bundle(tmp_path, n)) for n in range(3)]
    registry.deploy(versions[0])
    changes = 0
    with processes(2) as pool:
        readers = [
            pool.submit(registry_work.read_often, root, 4, 1_250) for _ in range(2)
        ]
        while not all(reader.done() for reader in readers):
            registry.deploy(versions[1 + changes % 2])
            registry.revert()
            changes += 1
        results = [reader.result() for reader in readers]
    assert sum(count for count, _, _ in results) == 10_000
    assert [text for _, _, wrong in results for text in wrong] == []
    assert set().union(*(seen for _, seen, _ in results)) == set(versions)
    check_log(registry, versions)


def started(root: Path, bundles: Path) -> subprocess.Popen[str]:
    """A process that adds and deploys; returned once it is about to begin."""
    source = Path(zap.__file__).parents[1]
    path = os.pathsep.join([str(source), str(Path(registry_work.__file__).parent)])
    return subprocess.Popen(
        [sys.executable, registry_work.__file__, root, bundles, str(BUNDLES)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_kills_at_any_moment(tmp_path: Path) -> None:
    """The old version is live, or the new one; and the next process carries on."""
    root, bundles = tmp_path / "models", tmp_path / "bundles"
    for number in range(BUNDLES):
        made_bundle(bundles, number)
    rng, caught = random.Random(5), 0
    last = -1
    for _ in range(KILLS):
        process = started(root, bundles)
        assert process.stdout is not None
        assert process.stdout.readline() == f"ready {last}\n"
        time.sleep(rng.uniform(0, 0.04))
        process.send_signal(signal.SIGKILL)
        said = process.stdout.read().split()
        assert process.wait() == -signal.SIGKILL
        done = int(said[-1]) if said else last
        registry = Registry(root, "shop")
        live = registry.live()
        last = number_of(registry.load(live)) if live else -1
        assert last in (done, done + 1)
        for version in registry.versions():
            registry.load(version)
        caught += bool(left_over(root))
    assert caught, "no kill fell into a step: make them more"
    process = started(root, bundles)
    assert process.wait(120) == 0
    registry = Registry(root, "shop")
    assert number_of(registry.load("live")) == BUNDLES - 1
    assert len(registry.history()) == len(registry.versions()) == BUNDLES
    assert all(
        one.live == other.previous for one, other in pairwise(registry.history())
    )
    assert left_over(root) == []


def left_over(root: Path) -> list[Path]:
    """Temporary files and folders below."""
    return sorted(root.rglob(".*.tmp"))
