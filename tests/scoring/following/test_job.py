"""What a following job says of time."""

from __future__ import annotations

from pathlib import Path

import pytest
from made_followed import SECOND_US, made_job

from zap.scoring.following.job import FollowJob, Times
from zap.scoring.following.options import Following

NOW_US = 10_000 * SECOND_US


@pytest.fixture
def job(tmp_path: Path) -> FollowJob:
    every = Following(60 * SECOND_US, True, 3600 * SECOND_US)
    return made_job(tmp_path, every, behind_us=30 * SECOND_US, idle_s=300.0)


def after(job: FollowJob, caught_up: bool, silent_s: int) -> int:
    """The watermark where the newest receipt is of an hour ago, in seconds from now."""
    times = Times(NOW_US, NOW_US - silent_s * SECOND_US)
    found = job.watermark_us(NOW_US - 3600 * SECOND_US, caught_up, times)
    return (found - NOW_US) // SECOND_US


def test_the_watermark_stays_behind_the_newest_receipt(job: FollowJob) -> None:
    assert after(job, caught_up=True, silent_s=299) == -3600 - 30
    assert after(job, caught_up=False, silent_s=10_000) == -3600 - 30


def test_in_silence_it_follows_the_clock(job: FollowJob) -> None:
    assert after(job, caught_up=True, silent_s=300) == -300


def test_before_the_first_event_it_is_before_all_time(job: FollowJob) -> None:
    assert job.watermark_us(None, True, Times(NOW_US, NOW_US)) < -(10**18)
