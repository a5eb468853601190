"""Following on runners that stream: real servers, kills, and what is refused."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import apache_beam as beam
import httpx
import pytest
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.testing import test_stream
from apache_beam.utils.timestamp import Timestamp
from made_followed import (
    DAY_US,
    SECOND_US,
    TOML,
    GrowingArchive,
    holding,
    made_job,
    posted,
    written,
)
from made_scored import FIRST_US

from bench.scale.prism import missing, prism_args
from tests.collect.real_collector import (
    KEY,
    RealCollector,
    collector_at,
    source_of,
    until,
)
from zap.beam import follow, follow_score, follow_state
from zap.beam.follow import run_following
from zap.beam.follow_score import ScoreShards
from zap.beam.follow_write import WriteSteps
from zap.errors import InputError
from zap.events.archive_tail import ArchiveTail
from zap.scoring.following.checking import reading_of
from zap.scoring.following.job import FollowJob
from zap.scoring.following.options import Following
from zap.scoring.following.output import begin_run, progress
from zap.scoring.following.scores import scorer_of
from zap.scoring.following.shard import Row, Shard

Rows = dict[tuple[int, str], Any]
UNTIL = FIRST_US + 12 * DAY_US


@pytest.fixture
def prism() -> tuple[str, ...]:
    """Options that run a job on Prism, where it is there or asked for.

    It compiles for minutes, so it is no server of every run of the tests.
    """
    why = missing()
    if why is not None and not os.environ.get("ZAP_PROVE"):
        pytest.skip(f"run by make prove-scale: {why}")
    if why is not None:
        pytest.skip(f"needs server: {why}")
    return prism_args()


def at_once(job: FollowJob) -> dict[tuple[int, str], tuple[Any, ...]]:
    """The scores of an archive that is whole, by one shard that sees all of it."""
    model = job.load()
    reading = reading_of(replace(job, shards=1), model)
    (chunk,) = ArchiveTail(job.archive, reading.raw_columns).chunks(0, 1 << 40)
    shard = Shard(model.need, job.following, scorer_of(model))
    follow_score.Note(1, None, reading.read(chunk).shards[0][1]).happen(shard)
    rows: list[Row] = shard.fire(job.following.until_us)
    return {
        (r.at_us, r.subject): (
            r.prediction.value,
            list(r.prediction.logits),
            r.prediction.events,
        )
        for r in rows
    }


def said(rows: Rows) -> dict[tuple[int, str], tuple[Any, ...]]:
    return {
        key: (row["probability"], row["logits"], row["events"])
        for key, row in rows.items()
    }


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step makes its shard again, from notes and from pictures of it."""
    monkeypatch.setattr(follow_state, "LEAST_NOTED_BYTES", 10_000)
    monkeypatch.setattr(follow_score.Shards, "put", lambda *given: None)


def stream(job: FollowJob, hint_us: int = 0) -> None:
    """Score what an archive has, read in disorder, to its end."""
    reading = reading_of(job, job.load())
    elements, mark = test_stream.TestStream(), 0
    rng = random.Random(2)
    for chunk in ArchiveTail(job.archive, reading.raw_columns).chunks(0, 40):
        read = reading.read(chunk)
        rng.shuffle(read.shards)
        some = [(key, (hint_us, data)) for key, data in read.shards]
        elements = elements.add_elements(some)
        if read.newest_us is not None and rng.random() < 0.5:
            mark = max(mark, read.newest_us)
            elements = elements.advance_watermark_to(Timestamp(micros=mark))
    options = PipelineOptions(["--runner=BundleBasedDirectRunner"])
    options.view_as(StandardOptions).streaming = True
    with beam.Pipeline(options=options) as pipeline:
        _ = (
            pipeline
            | elements.advance_watermark_to_infinity()
            | beam.Map(tuple).with_output_types(tuple[int, tuple[int, bytes]])
            | beam.ParDo(ScoreShards(job))
            | beam.ParDo(WriteSteps(job.output))
        )


@pytest.mark.usefixtures("forgetful")
def test_a_worker_that_forgets_goes_on_from_the_state(tmp_path: Path) -> None:
    following = Following(DAY_US, False, 90 * DAY_US, until_us=UNTIL)
    job = made_job(tmp_path, following, shards=2)
    for _ in GrowingArchive(tmp_path).grow(posted(20)):
        pass
    stream(job)
    rows = written(tmp_path / "scores")
    assert max(rows.column("pane").to_pylist()) > 0
    assert said(holding(tmp_path / "scores")) == at_once(job)
    assert progress(job.output)["counts"]["rows.read"] > 30


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize(("late_days", "hint_us"), [(8, 0), (0, UNTIL + DAY_US)])
def test_a_later_run_scores_what_may_still_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late_days: int, hint_us: int
) -> None:
    """Also where its workers forget, and where all that is wanted was scored."""
    monkeypatch.setattr(follow_state, "LEAST_NOTED_BYTES", 1 << 30)  # no pictures
    job = made_job(tmp_path, Following(DAY_US, until_us=UNTIL), shards=1)
    for _ in GrowingArchive(tmp_path).grow(posted(20)):
        pass
    stream(job, hint_us)
    before = at_once(job)
    since = progress(job.output)["scored_until_us"] - late_days * DAY_US
    following = replace(job.following, lateness_us=late_days * DAY_US)
    job = replace(job, following=following, run=2)
    stream(job, hint_us)
    assert said(holding(tmp_path / "scores")) == before == at_once(job)
    rows = written(tmp_path / "scores").to_pylist()
    first = [row for row in rows if row["run"] == 2 and row["pane"] == 0]
    last = min(since, UNTIL - 1)  # at least the last instant is looked at again
    assert len(first) == sum(at_us > last for at_us, _ in before) < len(before)
    if first:
        assert progress(job.output)["counts"]["scores.first"] == len(first)


def test_a_runner_that_does_not_stream_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = made_job(tmp_path, Following(DAY_US))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="no prism on PATH"):
        run_following(job)
    with pytest.raises(InputError, match="FnApiRunner, whose timers"):
        run_following(job, ["--runner=FnApiRunner"])


def test_an_output_is_of_one_application_and_one_length(tmp_path: Path) -> None:
    job = made_job(tmp_path, Following(DAY_US))
    assert [begin_run(job), begin_run(job)] == [1, 2]
    with pytest.raises(InputError, match="shards"):
        begin_run(replace(job, shards=3))
    with pytest.raises(InputError, match="every_us"):
        begin_run(replace(job, following=Following(0)))


@pytest.mark.slow
@pytest.mark.parametrize("receipts", [True, False])
def test_prism_says_what_one_look_at_all_says(
    tmp_path: Path, prism: tuple[str, ...], receipts: bool
) -> None:
    following = Following(DAY_US, receipts, 90 * DAY_US, until_us=UNTIL)
    idle_s = 0 if receipts else 20  # what is late is waited for, then by the clock
    job = made_job(tmp_path, following, behind_us=SECOND_US, poll_s=0.2, idle_s=idle_s)
    archive = GrowingArchive(tmp_path)
    growing = archive.grow(posted(), 100)
    next(growing)
    thread = threading.Thread(target=lambda: [time.sleep(0.2) for _ in growing])
    thread.start()
    run_following(job, prism)
    thread.join()
    assert said(holding(tmp_path / "scores")) == at_once(job)


class Follower:
    """``zap follow`` as a process."""

    def __init__(self, folder: Path, args: tuple[str, ...]):
        self.folder, self.output = folder, folder / "scores"
        self._log = folder / "follow.log"
        command = [
            *(sys.executable, "-m", "zap.cli.main", "follow", "scored"),
            *("--input", str(folder / "archive"), "--mapping", "archive.toml"),
            *("--output", str(self.output), "--registry", "models"),
            *("--every", "event", "--behind", "1", "--idle", "3", "--shards", "2"),
            *args,
        ]
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=open(self._log, "ab"),  # noqa: SIM115
            start_new_session=True,
        )

    def wait_for(self, rows: int) -> None:
        """Until so many rows hold."""
        limit = time.monotonic() + 240
        while True:
            there = [*self.output.glob("day=*/*.parquet")]
            if there and len(holding(self.output)) >= rows:
                return
            assert self.process.poll() is None, self._log.read_text()
            assert time.monotonic() < limit, self._log.read_text()
            time.sleep(0.3)

    def kill(self) -> None:
        """End it, its runner and its workers as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[RealCollector]:
    """A collector that delivers to an archive."""
    server = collector_at(tmp_path, [], {"shop": source_of(["segment"])}, arguments=())
    yield server.start()
    server.stop()


def post(server: RealCollector, first: int, count: int) -> None:
    calls = [
        {
            "type": "track",
            "event": "view" if number % 4 else "buy",
            "messageId": f"m{number}",
            "anonymousId": f"v{number % 7}",
            "properties": {"amount": number % 50},
        }
        for number in range(first, first + count)
    ]
    answer = httpx.post(f"{server.url}/v1/batch", json={"batch": calls}, auth=(KEY, ""))
    assert answer.status_code == 200, answer.text


@pytest.mark.slow
def test_a_collector_that_is_posted_to_is_followed_through_a_kill(
    tmp_path: Path, collector: RealCollector, prism: tuple[str, ...]
) -> None:
    (tmp_path / "archive.toml").write_text(TOML)
    job = made_job(tmp_path, Following(0, lateness_us=3600 * SECOND_US))
    post(collector, 0, 20)
    until((tmp_path / "archive" / ".zap").exists, 120)
    first = Follower(tmp_path, prism)
    first.wait_for(7)
    for number in range(20, 60, 10):
        post(collector, number, 10)
        time.sleep(0.5)
    first.wait_for(14)
    first.kill()
    post(collector, 60, 20)
    second = Follower(tmp_path, prism)
    second.wait_for(35)
    post(collector, 80, 20)
    wanted = at_once(job)
    limit = time.monotonic() + 240
    while said(holding(tmp_path / "scores")) != wanted or len(wanted) < 42:
        assert time.monotonic() < limit, (len(wanted), len(holding(second.output)))
        time.sleep(1)
        wanted = at_once(job)
    second.kill()
    runs = set(written(tmp_path / "scores").column("run").to_pylist())
    assert runs == {1, 2}
    assert json.loads((tmp_path / "scores" / "_follow.json").read_text())["runs"] == 2


def test_a_look_that_fails_is_not_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "WATCH_S", 0.001)
    looks, seen = iter([OSError("away"), InputError("half written")]), threading.Event()

    def look() -> None:
        for error in looks:
            raise error
        seen.set()

    with follow._watched(look):
        assert seen.wait(30)
