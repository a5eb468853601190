"""An output on a bucket that is not there is told before any event is read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from made_followed import SECOND_US, made_job
from made_run import MAPPING

from zap.bundles.bundle import Bundle
from zap.cli.main import main
from zap.datasets.store import Dataset
from zap.errors import DatasetError
from zap.jobs.batch_score import score
from zap.jobs.train import train_bundle
from zap.scoring.following.options import Following
from zap.scoring.following.output import begin_run
from zap.training.config import ModelConfig

MISSING = "s3://no-such-bucket/made"
SAID = f"Received: output={MISSING} "


@pytest.fixture
def unreadable(tmp_path: Path) -> str:
    """A file of events that makes a job fail which looks into it."""
    path = tmp_path / "events.parquet"
    path.write_bytes(b"no Parquet")
    return str(path)


@pytest.mark.parametrize("checked", [(), ("--no-check",)])
def test_generate_says_it(
    bucket: str, unreadable: str, checked: tuple[str, ...], capsys: Any
) -> None:
    asked = ["generate", "--generator", "made_shop:MadeShop", "--input", unreadable]
    asked += ["--mapping", str(MAPPING), "--output", MISSING, *checked]
    assert main(asked) == 2
    assert SAID in capsys.readouterr().err


def test_credentials_that_are_missing_are_said(
    bucket: str, unreadable: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    import s3fs

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    s3fs.S3FileSystem.clear_instance_cache()
    asked = ["generate", "--generator", "made_shop:MadeShop", "--input", unreadable]
    asked += ["--mapping", str(MAPPING), "--output", f"{bucket}/examples"]
    assert main(asked) == 2
    assert f"output={bucket}/examples (NoCredentialsError" in capsys.readouterr().err


def test_score_says_it(bucket: str, made_run: Any, unreadable: str) -> None:
    bundle = Bundle.load(made_run.work / "bundle")
    with pytest.raises(DatasetError, match=SAID):
        score("made_shop", bundle, [unreadable], [0], MISSING)


def test_train_says_it_before_it_trains(bucket: str, made_run: Any) -> None:
    def trained(_: object) -> None:
        pytest.fail("it has trained")

    with pytest.raises(DatasetError, match=SAID):
        train_bundle(
            Dataset.open(made_run.work / "dataset"),
            MISSING,
            ModelConfig(epochs=1),
            progress=trained,
        )


def test_follow_says_it(bucket: str, tmp_path: Path) -> None:
    every = Following(60 * SECOND_US, True, 3600 * SECOND_US)
    job = made_job(tmp_path, every)
    with pytest.raises(DatasetError, match=SAID):
        begin_run(replace(job, output=MISSING))
