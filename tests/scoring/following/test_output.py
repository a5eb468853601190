"""One run at a time into an output, and the numbers of runs."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from made_followed import SECOND_US, made_job

from zap.errors import InputError
from zap.scoring.following.job import FollowJob
from zap.scoring.following.options import Following
from zap.scoring.following.output import (
    begin_run,
    claimed,
    progress,
    progress_path,
    replace_bytes,
)

HOLD = """
import sys, time
from zap.scoring.following.output import claimed
with claimed(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def job(tmp_path: Path) -> FollowJob:
    return made_job(tmp_path, Following(60 * SECOND_US, True, 3600 * SECOND_US))


@pytest.fixture
def holder(job: FollowJob) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the output."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, job.output], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()
        process.wait()


def test_a_second_run_is_refused_while_the_first_lives(
    job: FollowJob, holder: subprocess.Popen[str]
) -> None:
    said = f"Received: output={job.output}, which a live process has"
    with pytest.raises(InputError, match=said), claimed(job.output):
        pytest.fail("two have it")
    holder.kill()
    holder.wait()
    with claimed(job.output):
        assert begin_run(job) == 1


def test_what_a_refused_run_made_is_gone(job: FollowJob) -> None:
    with pytest.raises(KeyError), claimed(job.output):
        raise KeyError
    assert not Path(job.output).exists()
    with claimed(job.output):
        begin_run(job)
    assert [path.name for path in Path(job.output).iterdir()] == ["_follow.json"]


def test_in_a_store_one_of_two_that_begin_at_once_is_refused(
    job: FollowJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = replace(job, output=f"memory://{uuid.uuid4().hex}/scores")
    both, one = threading.Barrier(2), threading.Lock()
    glob, pipe = MemoryFileSystem.glob, MemoryFileSystem.pipe_file
    found: list[int] = []

    def looks(self: MemoryFileSystem, path: str, **more: Any) -> Any:
        seen = glob(self, path, **more)
        both.wait(10)  # each has looked before one writes
        return seen

    def writes(*given: Any, **more: Any) -> None:
        with one:  # this store looks first and writes then; others do it in one step
            pipe(*given, **more)

    def begin() -> None:
        try:
            found.append(begin_run(job))
        except InputError as error:
            assert "another began in this instant" in str(error)
            found.append(0)

    with monkeypatch.context() as slow:
        slow.setattr(MemoryFileSystem, "glob", looks)
        slow.setattr(MemoryFileSystem, "pipe_file", writes)
        threads = [threading.Thread(target=begin) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == [0, 1]
    assert begin_run(job) == 2


def test_a_run_that_died_before_it_was_noted_is_in_nobodys_way(job: FollowJob) -> None:
    job = replace(job, output=f"memory://{uuid.uuid4().hex}/scores")
    assert begin_run(job) == 1
    fsspec.filesystem("memory").pipe_file(f"{job.output}/_runs/000002", b"")
    assert begin_run(job) == 3
    assert begin_run(job) == 4


@pytest.mark.parametrize("name", ["scores", "scores[every=5]"])
def test_progress_is_the_sum_of_the_shards(tmp_path: Path, name: str) -> None:
    output = str(tmp_path / name)
    assert progress(output)["scored_until_us"] is None
    for shard, until in ((0, 7), (1, 5)):
        told = {"scored_until_us": until, "subjects": 2, "counts": {"scores.first": 3}}
        replace_bytes(progress_path(output, shard), json.dumps(told).encode())
    assert progress(output) == {
        "scored_until_us": 5,
        "subjects": 4,
        "counts": {"scores.first": 6},
    }
