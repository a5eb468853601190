"""Training from a bucket into a bucket is training from a disk onto a disk."""

from __future__ import annotations

import json
from pathlib import Path

import fsspec
import pytest
from made_run import SETTINGS

from zap.bundles.bundle import Bundle
from zap.bundles.registry import Registry
from zap.cli.main import main
from zap.datasets.store import Dataset
from zap.errors import DatasetError
from zap.jobs.train import train_bundle
from zap.training.config import ModelConfig
from zap.training.event_log import FILE

CONFIG = ModelConfig.from_dict(SETTINGS)


class Preempted(BaseException):
    """The machine is taken away."""


def stop(epoch) -> None:
    raise Preempted


@pytest.fixture
def examples(made_run, bucket: str) -> str:
    """The dataset of the whole run, in a bucket."""
    store, root = fsspec.core.url_to_fs(f"{bucket}/examples")
    for path in Path(made_run.work / "dataset").rglob("*"):
        if path.is_file():
            name = path.relative_to(made_run.work / "dataset")
            store.pipe_file(f"{root}/{name}", path.read_bytes())
    return f"{bucket}/examples"


@pytest.mark.slow
def test_a_preempted_job_ends_at_the_same_bytes(made_run, examples, bucket) -> None:
    dataset = Dataset.open(examples)
    places = {"work_dir": f"{bucket}/state"}
    with pytest.raises(Preempted):
        train_bundle(dataset, f"{bucket}/b", CONFIG, **places, progress=stop)
    seen = []
    resumed = train_bundle(
        dataset, f"{bucket}/b", CONFIG, **places, progress=seen.append
    )
    assert [epoch.epoch for epoch in seen] == [2]
    local = made_run.bundle
    assert {**resumed.info["files"]} == {**local.info["files"]}
    assert resumed.contents()["model.tflite"] == local.read("model.tflite")


@pytest.mark.slow
def test_the_command_as_a_custom_job_calls_it(
    made_run, examples, bucket, tmp_path, monkeypatch, capsys
) -> None:
    """All places in a bucket, three of them from the environment; twice, as retried."""
    monkeypatch.chdir(tmp_path)
    store, root = fsspec.core.url_to_fs(f"{bucket}/c.json")
    store.pipe_file(root, json.dumps(SETTINGS).encode())
    for name, folder in (
        ("AIP_MODEL_DIR", "model"),
        ("AIP_CHECKPOINT_DIR", "checkpoints"),
        ("AIP_TENSORBOARD_LOG_DIR", "logs"),
    ):
        monkeypatch.setenv(name, f"{bucket}/job/{folder}/")
    asked = ["train", f"--examples={examples}", f"--config={bucket}/c.json"]
    asked += [f"--registry={bucket}/models", "--replace", "--progress=lines", "--json"]
    for _ in range(2):
        assert main(asked) == 0
        out, err = capsys.readouterr()
        told = json.loads(out)
        assert told["device"] == {"kind": "CPU", "name": "", "there": 0}
        assert "Z Training on CPU\n" in err
    assert told["version"] == made_run.bundle.version
    assert Registry(f"{bucket}/models", "made_shop").versions() == [told["version"]]
    assert Bundle.load(f"{bucket}/job/model").version == told["version"]
    assert main(["verify", f"{bucket}/job/model"]) == 0
    store.invalidate_cache()
    assert store.exists(f"{root.removesuffix('c.json')}job/logs/{FILE}")
    assert len(store.ls(f"{root.removesuffix('c.json')}job/checkpoints")) == 1
    assert list(tmp_path.iterdir()) == []


def test_no_folder_is_named_after_a_store(made_run, tmp_path, monkeypatch) -> None:
    """What takes no URL says so, where it once made a folder ``s3:``."""
    monkeypatch.chdir(tmp_path)
    asked = ["run", "cdnow_repurchase", "--output", "s3://made/work"]
    assert main(asked) == 2
    asked = ["evaluate", "--bundle", str(made_run.work / "bundle")]
    asked += ["--examples", str(made_run.work / "dataset"), "--report", "s3://made/r"]
    assert main(asked) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("nostore://a/b", "store that fsspec knows"),
        ("s3://no-such-bucket/examples", "no such directory"),
    ],
)
def test_a_place_that_is_not_there(bucket, where, words) -> None:
    with pytest.raises(DatasetError, match=words):
        Dataset.open(where)


def test_a_store_that_does_not_answer(bucket, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    fsspec.filesystem("s3").clear_instance_cache()
    with pytest.raises(DatasetError, match="Check the path, the rights"):
        Dataset.open("s3://made/examples")
