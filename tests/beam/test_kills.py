"""A run that is killed leaves no dataset that looks complete, and can be run again."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked_runs import HERE, ForkedRuns
from made_rows import made_rows, write_files

from zap.datasets.digest import digest_of, shown
from zap.datasets.splits import SPLITS
from zap.datasets.store import Dataset
from zap.datasets.tfrecord import read_records
from zap.errors import DatasetError

KILLS = 20
TWO_WORKERS = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")

STEPS = {
    "the workspace is made": ("os.mkdir", "/validation", 0),
    "the first file is opened": ("open", "/part-", 0),
    "the fourth file is opened": ("open", "/part-", 3),
    "the result is written": ("open", "result.json", 0),
    "the result is read": ("open", "result.json", 1),
    "the encoder is written": ("open", "encoder.json", 0),
    "the result is removed": ("os.remove", "result.json", 0),
    "the manifest is written": ("open", "manifest.json", 0),
    "the manifest is synced": ("open", "manifest.json", 1),
    "the mark is made": ("open", "COMPLETED", 0),
    "the mark is synced": ("open", "COMPLETED", 1),
    "it gets its name": ("os.rename", ".tmp-", 0),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedRuns]:
    server = ForkedRuns(tmp_path_factory.mktemp("log") / "log.txt")
    yield server
    server.close()


class Job:
    """One command, and what it makes undisturbed."""

    def __init__(self, folder: Path, runs: ForkedRuns, rows, *more: str):
        self._folder, self._runs = folder, runs
        paths = write_files(folder / "raw", rows)
        self._argv = ["generate", "--generator", "made_shop:MadeShop"]
        self._argv += ["--mapping", str(HERE / "made_shop.toml"), "--input", *paths]
        self._argv += more
        self.seconds = min(self._run_whole(), self._run_whole())
        self.digest = assert_whole(Dataset.open(folder / "whole"))

    def _run_whole(self) -> float:
        """The seconds of a run that nobody disturbs."""
        argv = self.argv(self._folder / "whole", "--replace")
        began = time.monotonic()
        assert self._runs.run(argv) == 0, self._runs.log.read_text()
        return time.monotonic() - began

    def argv(self, output: Path, *more: str) -> list[str]:
        return [*self._argv, "--output", str(output), *more]

    def moments(self, number: int) -> list[float]:
        """Seconds after the start, at random, spread over the whole run."""
        rng = random.Random(number)
        return [(i + rng.random()) / number * self.seconds for i in range(number)]


def assert_whole(dataset: Dataset) -> str:
    """Every file holds what the manifest says, and there is no other; the digest."""
    every: list[bytes] = []
    for part in dataset.manifest["parts"]:
        records = list(read_records(f"{dataset.path}/{part['path']}"))
        assert len(records) == part["visits"]
        assert shown(digest_of(records)) == part["digest"]
        every += records
    found = {
        str(path.relative_to(dataset.path))
        for split in SPLITS
        for path in Path(dataset.path, split).iterdir()
    }
    assert found == {part["path"] for part in dataset.manifest["parts"]}
    assert shown(digest_of(every)) == dataset.manifest["digest"]
    assert dataset.encoder.fingerprint == dataset.manifest["encoder_fingerprint"]
    return dataset.manifest["digest"]


def digest_at(output: Path) -> str | None:
    """The digest of the whole dataset at the output; None if there is nothing."""
    if not output.exists():
        with pytest.raises(DatasetError, match="no such directory"):
            Dataset.open(output)
        return None
    return assert_whole(Dataset.open(output))


def visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, runs: ForkedRuns) -> Job:
    return Job(tmp_path_factory.mktemp("job"), runs, made_rows(120))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory, runs: ForkedRuns) -> Job:
    """The same question of other events, to replace the first."""
    return Job(tmp_path_factory.mktemp("other"), runs, made_rows(100, seed=1))


@pytest.mark.slow
def test_twenty_kills_at_random_moments(
    tmp_path: Path, runs: ForkedRuns, job: Job
) -> None:
    killed = 0
    for number, moment in enumerate(job.moments(KILLS)):
        folder = tmp_path / str(number)
        folder.mkdir()
        output = folder / "examples"
        runs.start(job.argv(output))
        time.sleep(moment)
        runs.kill()
        ended = runs.wait()
        assert ended in (0, -signal.SIGKILL), runs.log.read_text()
        killed += ended != 0
        found = digest_at(output)
        assert found in (None, job.digest)
        if ended == 0:
            assert found == job.digest
        more = ["--no-check"] if found is None else ["--no-check", "--replace"]
        assert runs.run(job.argv(output, *more)) == 0, runs.log.read_text()
        assert digest_at(output) == job.digest
        assert visible(folder) == ["examples"]
    assert killed >= KILLS // 2


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_kill_before_each_step(
    tmp_path: Path, runs: ForkedRuns, job: Job, step: str
) -> None:
    output = tmp_path / "examples"
    ended = runs.run(job.argv(output, "--no-check"), die=STEPS[step])
    assert ended == -signal.SIGKILL, runs.log.read_text()
    assert digest_at(output) is None
    assert all(name.startswith(".examples.") for name in visible(tmp_path))
    assert runs.run(job.argv(output, "--no-check")) == 0, runs.log.read_text()
    assert digest_at(output) == job.digest
    assert visible(tmp_path) == ["examples"]


def test_a_kill_in_the_middle_of_a_record(tmp_path: Path, runs: ForkedRuns) -> None:
    output = tmp_path / "examples"
    large = Job(tmp_path, runs, made_rows(1_500), "--shards=1")
    [most, *_] = sorted(
        (path.stat().st_size for path in (tmp_path / "whole").rglob("part-*")),
        reverse=True,
    )
    ended = runs.run(large.argv(output, "--no-check"), file_bytes=most - 1)
    assert ended == -signal.SIGXFSZ, runs.log.read_text()
    torn = [p for p in tmp_path.rglob("part-*") if p.stat().st_size == most - 1]
    assert torn
    with pytest.raises(DatasetError, match="truncated"):
        list(read_records(str(torn[0])))
    assert digest_at(output) is None
    assert runs.run(large.argv(output, "--no-check")) == 0, runs.log.read_text()
    assert digest_at(output) == large.digest


def test_a_kill_after_it_has_its_name(
    tmp_path: Path, runs: ForkedRuns, job: Job
) -> None:
    output = tmp_path / "examples"
    ended = runs.run(job.argv(output), die=("os.remove", "/.examples.lock", 0))
    assert ended == -signal.SIGKILL
    assert digest_at(output) == job.digest
    assert visible(tmp_path) == [".examples.lock", "examples"]
    assert runs.run(job.argv(output, "--replace")) == 0
    assert digest_at(output) == job.digest
    assert visible(tmp_path) == ["examples"]


@pytest.mark.slow
def test_a_kill_while_a_dataset_is_replaced_leaves_one_of_the_two(
    tmp_path: Path, runs: ForkedRuns, job: Job, other: Job
) -> None:
    output = tmp_path / "examples"
    assert runs.run(job.argv(output, "--no-check")) == 0
    before = job.digest
    for number, moment in enumerate(job.moments(6)):
        now = (other, job)[number % 2]
        runs.start(now.argv(output, "--replace"))
        time.sleep(moment)
        runs.kill()
        ended = runs.wait()
        found = digest_at(output)
        assert found in ((now.digest,) if ended == 0 else (before, now.digest))
        before = found
        assert len(visible(tmp_path)) <= 3, "leftovers of dead runs do not add up"
    for step, survives in (
        (("open", "manifest.json", 0), job),
        (("os.rename", ".tmp-", 0), job),
        (("os.remove", "/COMPLETED", 0), other),
    ):
        assert runs.run(job.argv(output, "--replace", "--no-check")) == 0
        argv = other.argv(output, "--replace", "--no-check")
        assert runs.run(argv, die=step) == -signal.SIGKILL, step
        assert digest_at(output) == survives.digest
    assert runs.run(other.argv(output, "--replace", "--no-check")) == 0
    assert digest_at(output) == other.digest
    assert visible(tmp_path) == ["examples"]


@pytest.mark.slow
@pytest.mark.parametrize("mode", [TWO_WORKERS, TWO_WORKERS[:1]], ids=["own", "forked"])
def test_kills_of_a_run_with_two_workers(
    tmp_path: Path, runs: ForkedRuns, job: Job, mode: tuple[str, ...]
) -> None:
    output = tmp_path / "examples"
    argv = job.argv(output, "--no-check", *mode)
    for moment in (1.0, 2.5):
        runs.start(argv)
        time.sleep(moment)
        runs.kill()
        assert runs.wait() == -signal.SIGKILL, runs.log.read_text()
        assert digest_at(output) is None
    # Workers may outlive the process that was started, by a moment.
    runs.start(argv)
    time.sleep(2.5)
    runs.kill(group=False)
    assert runs.wait() == -signal.SIGKILL, runs.log.read_text()
    assert digest_at(output) is None
    assert runs.run(argv) == 0, runs.log.read_text()
    assert digest_at(output) == job.digest
    assert visible(tmp_path) == ["examples"]
