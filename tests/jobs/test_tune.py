"""A search from end to end: processes that die, rows that are not its to see."""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("optuna", reason="needs extra: train")

from made_rows import made_rows, write_files

import zap
from zap.beam.generate import GenerateOptions, generate
from zap.cli.main import main
from zap.datasets.splits import SubjectSplit
from zap.datasets.store import Dataset
from zap.datasets.visits import Visits
from zap.errors import DatasetError, TrainingError
from zap.jobs import tune_pool
from zap.jobs.inputs import raw_input
from zap.jobs.tune import State, TuneResult, tune
from zap.jobs.tune_gain import Losses, gain_of, is_sure
from zap.jobs.tune_worker import Channel, Diverged, Trainer, searched, write_losses
from zap.training.calibration import halves
from zap.training.config import ModelConfig
from zap.training.settings import read_config
from zap.training.space import Range
from zap.training.trials import INTERRUPTED, RUNNING, Record

TINY = {"embedding": 4, "units": 4, "metadata_units": 4, "merged_units": 4}
BASE = ModelConfig(**TINY, epochs=2)
SPACE = {"l2": Range(1.0, 100.0, log=True), "units": Range(2, 8)}

# Answers as a worker does, with a made-up loss; dies or fails where it is told to.
FAKE = """
import json, os, signal, sys, time
import numpy as np
words = ("DIES", "FAILS", "SLOW")
dies, fails, slow = (json.loads(os.environ.get(word, "[]")) for word in words)
signal.signal(signal.SIGINT, signal.SIG_IGN)
def say(**message):
    print(json.dumps(message), flush=True)
say(ready=True)
for line in sys.stdin:
    order = json.loads(line)
    number, config = order["trial"], order["config"]
    loss = np.log10(config["l2"]) ** 2 + abs(config["units"] - 6)
    if number in dies:
        print("out of memory", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if number in slow:
        time.sleep(60)
    if number in fails:
        say(failed="the loss was nan after epoch 1")
        continue
    for epoch in (1, 2):
        say(epoch=epoch, loss=loss + 1 / epoch)
        if not json.loads(sys.stdin.readline())["go"]:
            say(given_up=epoch)
            break
    else:
        rows = np.full(int(os.environ["ROWS"]), loss)
        np.savez(order["losses"], losses=rows, p=np.linspace(0, 1, len(rows)))
        say(loss=loss)
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("tune")
    raw = raw_input("made_shop:MadeShop", write_files(folder / "raw", made_rows(200)))
    options = GenerateOptions(split=SubjectSplit((0.6, 0.2, 0.2)))
    return generate(raw.generator, raw.paths, raw.mapping, folder / "d", options)


@pytest.fixture
def fake(dataset: Dataset, tmp_path: Path, monkeypatch) -> Callable[..., TuneResult]:
    """A search whose workers only pretend to train."""
    script = tmp_path / "fake_worker.py"
    script.write_text(FAKE)
    monkeypatch.setattr(tune_pool, "COMMAND", (sys.executable, str(script)))
    stopping = halves(dataset.read("validation"))[0]
    monkeypatch.setenv("ROWS", str(stopping.cutoffs))

    def search(trials: int, name: str = "s", **more) -> TuneResult:
        for variable in ("DIES", "FAILS", "SLOW"):
            monkeypatch.setenv(variable, json.dumps(more.pop(variable, [])))
        given = {"space": SPACE, "base": BASE, "workers": 1, **more}
        places = (tmp_path / f"{name}.json", tmp_path / f"{name}.db")
        return tune(dataset, *places, trials=trials, **given)

    return search


def tried(result: TuneResult) -> list[tuple]:
    ended = [r for r in result.records if r.state != "interrupted"]
    return [(r.state, r.value, r.settings) for r in ended]


def counts(result: TuneResult) -> dict[str, int]:
    return result.to_dict()["counts"]


# With workers that pretend.


def test_the_best_is_written_and_only_its_losses_and_the_bases_are_kept(
    fake, tmp_path: Path
) -> None:
    result = fake(6)
    assert read_config(tmp_path / "s.json") == result.config
    assert result.config == replace(BASE, **result.best.settings)
    assert result.base.number == 0 and result.base.settings == {"l2": 10.0, "units": 4}
    kept = {f"trial-{n:05d}.npz" for n in (0, result.best.number)}
    assert set(os.listdir(tmp_path / "s.db-losses")) == kept
    gain = result.gain["loss"]
    assert gain["difference"] == pytest.approx([gain["best"] - gain["base"]] * 3)
    assert gain["best"] == pytest.approx(result.best.value)
    assert result.gain["auc"]["difference"] == [0.0, 0.0, 0.0]


def test_a_best_that_is_not_surely_better_leaves_the_start(
    fake, tmp_path: Path, monkeypatch
) -> None:
    unsure = {"loss": {"base": 0.5, "best": 0.49, "difference": [-0.01, -0.03, 0.01]}}
    monkeypatch.setattr(Losses, "gain", lambda *given: unsure)
    result = fake(6)
    assert not result.better and result.best.value < result.base.value
    assert result.config == BASE == read_config(tmp_path / "s.json")
    taken = fake(6, take_best=True)
    assert not taken.better and taken.config == replace(BASE, **taken.best.settings)
    assert read_config(tmp_path / "s.json") == taken.config != BASE


@pytest.mark.parametrize("subjects", [1, 2, 5, 6, 20])
def test_a_few_subjects_are_not_sure(dataset: Dataset, subjects: int) -> None:
    """That all of them gain says something where chance does so once in 40 at most."""
    stopping = halves(dataset.read("validation"))[0]
    some = stopping.take_visits(np.arange(subjects))
    assert len(np.unique(some.subject_hash)) == subjects
    rng = np.random.default_rng(0)
    base = {"losses": 1 + rng.random(some.cutoffs)}
    gain = gain_of(some, base, {"losses": base["losses"] - rng.random(some.cutoffs)})
    assert gain["loss"]["difference"][2] < 0
    assert is_sure(gain, some) == (0.5**subjects <= 1 / 40)
    assert not is_sure(gain_of(some, base, base), some)


def test_what_is_written_is_on_the_disk_before_it_has_its_name(
    fake, tmp_path: Path, monkeypatch
) -> None:
    """A name that survives a power cut must not stand for settings that did not."""
    fsync, rename, synced = os.fsync, os.replace, set()

    def syncing(file: int) -> None:
        fsync(file)
        synced.add(os.fstat(file).st_ino)

    def renaming(source: Path, target: Path) -> None:
        assert os.stat(source).st_ino in synced
        rename(source, target)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", renaming)
    fake(2)
    assert read_config(str(tmp_path / "s.json")).epochs == BASE.epochs
    losses = Losses(tmp_path / "s.db").path(7)
    write_losses(losses, losses=np.arange(3.0))
    with np.load(losses, allow_pickle=False) as file:
        assert file["losses"].tolist() == [0, 1, 2]
    assert sorted(p.name for p in tmp_path.iterdir() if p.name[:2] in ("s.", ".s")) == [
        "s.db",
        "s.db-losses",
        "s.json",
    ]


def test_losses_that_are_being_written_are_not_tidied_away(
    tmp_path: Path, monkeypatch
) -> None:
    """Another worker's trial ends meanwhile, and the leader tidies."""
    losses = Losses(tmp_path / "s.db")
    mine, rename = record(3, RUNNING), os.replace

    def renaming(source: Path, target: Path) -> None:
        losses.tidy([mine])
        rename(source, target)

    monkeypatch.setattr(os, "replace", renaming)
    write_losses(losses.path(3), losses=np.ones(2))
    assert losses.path(3).is_file()
    left = losses.path(3).with_name(".trial-00003.npz.0123456789ab.new")
    left.touch()
    losses.tidy([record(3, INTERRUPTED)])
    assert not losses.path(3).exists() and not left.exists()


def record(number: int, state: str) -> Record:
    return Record(number, state, None, {}, False, "", 0)


def test_one_worker_is_deterministic_and_more_do_as_many_trials(fake) -> None:
    first, again = fake(5, "a"), fake(5, "b")
    assert tried(first) == tried(again)
    three = counts(fake(7, "c", workers=3))  # who is given up depends on who is first
    assert sum(three.values()) == 7 and set(three) <= {"complete", "pruned"}


def test_a_worker_that_dies_costs_its_trial_alone(fake) -> None:
    for workers in (1, 2):
        result = fake(5, f"w{workers}", workers=workers, DIES=[2], FAILS=[1])
        assert counts(result) == {"complete": 3, "failed": 2}
        failed = {r.number: r.reason for r in result.records if r.state == "failed"}
        assert failed[1] == "the loss was nan after epoch 1"
        assert failed[2] == "its process ended with -9: out of memory"


def test_a_worker_is_replaced_after_some_trials(fake, monkeypatch) -> None:
    monkeypatch.setattr(tune_pool, "TRIALS_A_WORKER", 2)
    started = []

    class Counted(tune_pool.Worker):
        def __init__(self, *given):
            started.append(given)
            super().__init__(*given)

    monkeypatch.setattr(tune_pool, "Worker", Counted)
    assert counts(fake(5)) == {"complete": 5} and len(started) == 3


def test_what_is_said_while_it_goes_on(fake) -> None:
    states = []
    result = fake(3, FAILS=[1], watch=states.append, SLOW=[])
    first, last = states[0], State(result.records, 3, {4: 7, 2: 1})
    assert first.trials == 3
    best = f"{result.best.value:.4f} (start {result.base.value:.4f})"
    assert last.said() == (
        f"3 of 3 trials, 1 failed, best loss {best}, "
        "trial 2 at epoch 1 and 4 at epoch 7"
    )


def test_a_search_without_a_complete_trial_says_why(fake, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="none complete: the loss was nan after"):
        fake(2, FAILS=[0, 1])
    assert not (tmp_path / "s.json").exists()
    result = fake(3)  # the trials that failed are done; one more is not
    assert counts(result) == {"failed": 2, "complete": 1}
    assert result.base is None and result.gain is None


def test_a_timeout_lets_running_trials_end_and_the_rest_is_done_later(fake) -> None:
    result = fake(50, timeout_seconds=0.001)
    assert 1 <= counts(result)["complete"] < 50
    assert counts(fake(3 + counts(result)["complete"]))["complete"] >= 4


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_search_that_is_stopped_goes_on_as_if_it_had_not_been(
    fake, dataset: Dataset, tmp_path: Path, how: signal.Signals
) -> None:
    (tmp_path / "base.json").write_text(json.dumps(BASE.to_dict()))
    space = {name: domain.to_dict() for name, domain in SPACE.items()}
    (tmp_path / "space.json").write_text(json.dumps(space))
    program = (
        "import sys; from zap.jobs import tune_pool; from zap.cli.main import main; "
        f"tune_pool.COMMAND = {tune_pool.COMMAND!r}; sys.exit(main(sys.argv[1:]))"
    )
    arguments = {
        "--examples": dataset.path,
        "--output": tmp_path / "s.json",
        "--config": tmp_path / "base.json",
        "--space": tmp_path / "space.json",
        "--trials": 6,
        "--workers": 1,
    }
    words = [str(word) for pair in arguments.items() for word in pair]
    process = subprocess.Popen(
        [sys.executable, "-c", program, "tune", *words],
        env=dict(os.environ, PYTHONPATH=str(Path(zap.__file__).parents[1]), SLOW="[3]"),
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    wait_for_running(tmp_path / "s.db", 3)
    os.killpg(process.pid, how)
    said = process.communicate(timeout=30)[1].decode()
    if how == signal.SIGINT:
        assert process.returncode == 130
        assert said.startswith("zap tune: what is done is in")
    result = fake(6)
    assert counts(result) == {"complete": 6, "interrupted": 1}
    assert tried(result) == tried(fake(6, "whole"))
    assert not list(tmp_path.glob(".*.lock"))


def wait_for_running(storage: Path, number: int) -> None:
    """Until the trial of that number has been asked for, with its settings."""
    query = "select count(*) from trial_params join trials using (trial_id) where "
    for _ in range(600):
        try:
            with sqlite3.connect(f"file:{storage}?mode=ro", uri=True) as file:
                if file.execute(f"{query} number = {number}").fetchone() == (2,):
                    return
        except sqlite3.OperationalError:
            pass  # not made yet
        time.sleep(0.05)
    raise AssertionError("the search did not get as far")


def test_two_searches_in_one_file_at_once_are_refused(fake) -> None:
    def another(state: object) -> None:
        with pytest.raises(DatasetError, match="a live process"):
            fake(1)

    fake(2, watch=another)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"trials": 0}, "at least 1 of trials. Received: trials=0"),
        ({"trials": 1, "workers": 0}, "at least 1 of workers"),
        ({"trials": 1, "timeout_seconds": 0.0}, "above 0 seconds"),
        ({"trials": 1, "seed": -1}, "Received: seed=-1"),
        ({"trials": 1, "seed": 2**32}, "Received: seed=4294967296"),
        ({"trials": 1, "name": "no/folder"}, "Received: output="),
        ({"trials": 1, "base": ModelConfig(l2=1e5)}, "starts from"),
    ],
)
def test_what_is_refused(fake, wrong: dict, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        fake(**wrong)


def test_settings_do_not_take_the_place_of_the_search(
    fake, dataset: Dataset, tmp_path: Path
) -> None:
    fake(1)
    storage = tmp_path / "s.db"
    before = storage.read_bytes()
    with pytest.raises(TrainingError, match="Expected two files"):
        tune(dataset, storage, storage, trials=1, space=SPACE, base=BASE)
    assert storage.read_bytes() == before


@pytest.mark.parametrize("plot", ["no/search.png", "search.txt"])
def test_a_plot_that_cannot_be_written_is_told_before_the_search(
    fake, dataset: Dataset, tmp_path: Path, capsys, plot: str
) -> None:
    found = tmp_path / "found.json"
    argv = ["tune", "--examples", dataset.path, "--output", str(found)]
    assert main([*argv, "--plot", str(tmp_path / plot)]) == 2
    assert "Received: plot=" in capsys.readouterr().err
    assert not found.exists() and not (tmp_path / "found.db").exists()


# With workers that train.


@pytest.mark.slow
def test_the_command_with_two_workers_and_what_train_takes(
    dataset: Dataset, tmp_path: Path, capfd, monkeypatch
) -> None:
    for name, content in (("b", BASE.to_dict()), ("s", {"l2": {"low": 1, "high": 99}})):
        (tmp_path / name).write_text(json.dumps(content))
    found, picture = tmp_path / "found.json", tmp_path / "search.png"
    command = ["tune", "--examples", dataset.path, "--output", str(found)]
    command += ["--config", str(tmp_path / "b"), "--space", str(tmp_path / "s")]
    command += ["--trials", "2", "--plot", str(picture), "--json"]
    assert main(command) == 0
    result = json.loads(capfd.readouterr().out)
    assert result["counts"] == {"complete": 2}
    assert result["best"]["value"] == pytest.approx(result["gain"]["loss"]["best"])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert json.loads(found.read_text()) == result["config"]
    given = []

    def train(train: Visits, stopping: Visits, spec: object, config: ModelConfig, **_):
        given.append(config.to_dict())
        raise TrainingError("enough was seen")

    monkeypatch.setattr("zap.jobs.train.fit", train)
    command = ["train", "--examples", dataset.path, "--config", str(found)]
    assert main([*command, "--output", str(tmp_path / "bundle")]) == 2
    assert given == [result["config"]]


class Silent(Channel):
    """Nobody hears what is said, and every trial goes on."""

    def __init__(self) -> None:
        super().__init__(io.StringIO(), io.StringIO())
        self.said: list[dict] = []

    def say(self, **message) -> None:
        self.said.append(message)

    def hear(self) -> dict:
        return {"go": True}


def poisoned(dataset: Dataset, monkeypatch) -> None:
    """Labels and events of rows that a search must not see say something else."""
    read = Dataset.read

    def wrong(self: Dataset, split: str) -> Visits:
        if split == "test":
            raise AssertionError("the test split was read")
        visits = read(self, split)
        if split == "train":
            return visits
        judging = np.isin(visits.subject_hash, halves(visits)[1].subject_hash)
        rows = judging[visits.cutoff_visit()]
        assert rows.any() and not rows.all()
        label = np.where(rows, 1 - visits.label, visits.label).astype(np.float32)
        return replace(visits, label=label, start=np.where(rows, 0, visits.start))

    monkeypatch.setattr(Dataset, "read", wrong)


@pytest.mark.slow
def test_the_search_never_touches_what_judges(
    dataset: Dataset, tmp_path: Path, monkeypatch
) -> None:
    found = []
    for number in (0, 1):
        if number:
            poisoned(dataset, monkeypatch)
        channel, losses = Silent(), tmp_path / f"{number}.npz"
        loss = Trainer(dataset).tried(BASE, channel, losses)
        with np.load(losses) as file:
            found.append((loss, channel.said, file["losses"].tolist()))
    assert found[0] == found[1]
    stopping = searched(dataset)[1]
    assert len(found[0][2]) == stopping.cutoffs
    weighted = np.average(found[0][2], weights=stopping.weight)
    assert found[0][0] == pytest.approx(weighted)


@pytest.mark.slow
def test_a_trial_that_diverges_or_breaks_is_told_apart(
    dataset: Dataset, tmp_path: Path, monkeypatch
) -> None:
    from zap.training import trainer as room
    from zap.training.losses import Loss

    trainer, channel = Trainer(dataset), Silent()
    losses = tmp_path / "x.npz"
    good = {"config": BASE.to_dict(), "losses": str(losses)}
    trainer.obey({**good, "config": {"units": -1}}, channel)
    assert channel.said[-1]["failed"].startswith("TrainingError: Expected units")

    def never(*_: object) -> Loss:
        return lambda z, y: z[:, 0] * np.nan

    with monkeypatch.context() as patched:
        patched.setattr(room, "unweighted_loss_of", never)
        with pytest.raises(Diverged, match="after epoch 1"):
            trainer.tried(BASE, channel, losses)
        trainer.obey(good, channel)
    assert channel.said[-1] == {"failed": "the loss was nan after epoch 1"}
    with monkeypatch.context() as patched:
        patched.setattr(room, "loss_of", never)
        trainer.obey(good, channel)
    assert "loss=nan, validation loss=nan after epoch 1" in channel.said[-1]["failed"]
    monkeypatch.setattr(channel, "hear", lambda: {"go": False})
    trainer.obey(good, channel)
    assert channel.said[-1] == {"given_up": 1} and not losses.exists()


def test_examples_that_cannot_be_trained_on_are_refused(
    dataset: Dataset, tmp_path: Path, monkeypatch
) -> None:
    empty = Dataset(dataset.path, {**dataset.manifest, "parts": []})
    with pytest.raises(DatasetError, match="examples in the split 'train'"):
        Trainer(empty)


@pytest.mark.slow
def test_a_worker_ends_when_nobody_talks_to_it(dataset: Dataset) -> None:
    environment = dict(os.environ, PYTHONPATH=str(Path(zap.__file__).parents[1]))
    done = subprocess.run(
        [*tune_pool.COMMAND, dataset.path],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stdout) == (0, '{"ready": true}\n')
    done = subprocess.run(
        [*tune_pool.COMMAND, dataset.path + "/none"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert json.loads(done.stdout)["dataset"] is True
