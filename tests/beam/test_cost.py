"""The cost model: what it adds up, and what it must not forget."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.scale.cost.days import table
from zap.beam.cost import Cluster, Estimate, Job, Prices, estimate, job_of
from zap.beam.shards import MOST_ROWS

DAY = Job(10**9, 10**8, 5, 10**9, 2_048)


def on(workers: int, job: Job = DAY, **options) -> Estimate:
    return estimate(job, Cluster(workers, start_seconds=0, **options))


def test_more_workers_are_faster_until_shards_are_few() -> None:
    seconds = [on(workers).seconds for workers in (1, 10, 100, 512, 5_000)]
    assert seconds[0] / seconds[1] == pytest.approx(10, rel=0.02)
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[3] < 1.2 * seconds[4]


def test_memory_of_a_worker_does_not_grow_with_the_input() -> None:
    large = replace(DAY, events=10**11, subjects=10**10, examples=10**11)
    assert large.rows_at_once <= max(MOST_ROWS, 2**20)
    assert on(1, large).worker_bytes == on(1, replace(DAY, events=10**10)).worker_bytes


def test_dollars_are_those_of_the_prices() -> None:
    free = Prices(0, 0, 0)
    assert estimate(DAY, Cluster(10), free).dollars == 0
    found = estimate(DAY, Cluster(10, 4, 2.0), Prices(1, 0.5, 0.25))
    hours = 40 * found.seconds / 3_600
    expected = hours * 1 + hours * 2.0 * 0.5 + found.shuffle_bytes / 10**9 * 0.25
    assert found.dollars == pytest.approx(expected)


def test_small_pieces_cost() -> None:
    fine = replace(DAY, shards=200_000)
    assert on(100, fine).shuffle_bytes > 2 * on(100).shuffle_bytes
    assert on(100, fine).cpu_seconds > 2 * on(100).cpu_seconds


def test_a_slower_core_takes_longer() -> None:
    slow, fast = on(10, speed=0.5), on(10)
    assert slow.cpu_seconds == 2 * fast.cpu_seconds
    assert slow.shuffle_bytes == fast.shuffle_bytes


def test_a_job_of_which_only_events_are_known() -> None:
    assert job_of(1_000, 3, 2) == Job(1_000, 100, 3, 1_000, 2)
    assert job_of(1_000, 3, 2, subjects=7).subjects == 7


def test_the_page_shows_what_the_model_tells() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cost.md").read_text()
    for line in table():
        assert line in page
