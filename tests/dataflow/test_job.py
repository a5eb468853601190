"""The job that the real runner submits, held against the API's published form.

Written anew by ``python tests/dataflow/test_job.py`` where a change is meant.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("gcsfs")

from dataflow_jobs import arguments, kept_of, leading_to, pipeline_of, staged
from google_api import described
from google_cloud import RUNNING, Cloud
from made_rows import made_rows, write_files

from zap.cli.main import main
from zap.dataflow.defaults import job_name

pytestmark = pytest.mark.slow  # the job is submitted by the real runner first

GOLDEN = Path(__file__).parents[1] / "goldens" / "dataflow" / "job.json"
OUTPUT = "gs://my-bucket/examples"
SAID = "the first step failed, as this test has it"
PARTS = ("--no-check", "--requirements_cache=skip")


def failing(cloud: Cloud, job: dict[str, Any]) -> str:
    time.sleep(0.5)  # a job is seen to run before it fails
    raise RuntimeError(SAID)


def put_events(cloud: Cloud, folder: Path) -> None:
    """Files of made events on the bucket."""
    for number, path in enumerate(map(Path, write_files(folder, made_rows(60)))):
        name = f"raw/{number}{''.join(path.suffixes)}"
        cloud.objects["my-bucket", name] = path.read_bytes()


def submitted(folder: Path) -> Cloud:
    """A cloud that was given one job, which failed there."""
    with Cloud(failing, {"my-bucket"}) as cloud, leading_to(cloud):
        put_events(cloud, folder)
        told = io.StringIO()
        with contextlib.redirect_stderr(told):
            cloud.code = main(arguments(cloud, "made_shop:MadeShop", OUTPUT, *PARTS))
        cloud.said = told.getvalue()
    return cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    described("dataflow.v1b3")
    yield submitted(tmp_path_factory.mktemp("raw"))


@pytest.fixture(scope="module")
def job(cloud: Cloud) -> dict[str, Any]:
    (job,) = cloud.jobs.values()
    return job


def test_every_request_is_one_that_the_services_take(cloud: Cloud) -> None:
    assert cloud.problems == []


def test_the_job_is_the_one_that_was_agreed_on(
    cloud: Cloud, job: dict[str, Any]
) -> None:
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the golden is of Python 3.11")
    assert kept_of(cloud, job) == json.loads(GOLDEN.read_text())


def test_steps_read_as_words(cloud: Cloud, job: dict[str, Any]) -> None:
    steps = dict(pipeline_of(cloud, job).components.transforms)
    names = [step.unique_name for step in steps.values()]
    assert len(names) == len(set(names))
    assert not [name for name in names if "<" in name or "(" in name]


def test_a_break_keeps_files_from_being_read_by_one_worker(
    cloud: Cloud, job: dict[str, Any]
) -> None:
    steps = pipeline_of(cloud, job).components.transforms.values()
    made_by = {out: step for step in steps for out in step.outputs.values()}
    (read,) = (step for step in steps if step.unique_name == "Read events")
    (source,) = read.inputs.values()
    assert made_by[source].unique_name.startswith("Spread")


def test_what_is_staged_is_what_the_workers_install(
    cloud: Cloud, job: dict[str, Any]
) -> None:
    files = staged(cloud, job)
    wheels = files["extra_packages.txt"].decode().split()
    assert [name.partition("-")[0] for name in wheels] == [
        "tfx_bsl",
        "zap_predictions",
        "zap_user_code",
    ]
    with zipfile.ZipFile(io.BytesIO(files[wheels[2]])) as archive:
        assert "made_shop.py" in archive.namelist()
    pins = files["requirements.txt"].decode()
    assert "pyarrow==" in pins and "tensorflow==" not in pins


def test_the_failure_is_said_in_one_line_and_leaves_nothing(
    cloud: Cloud, job: dict[str, Any]
) -> None:
    assert cloud.code == 2
    last = cloud.said.splitlines()[-1]
    assert last.startswith("zap generate: Expected the job to finish. Received: job=")
    assert f"state=FAILED: RuntimeError: {SAID}. Its steps and logs: https://" in last
    assert "Traceback" not in cloud.said and job["id"] in cloud.said
    left = [name for _, name in cloud.objects if name.startswith("examples")]
    assert left == []


def refused(cloud: Cloud, *more: str) -> str:
    """What a command says that ends with exit code 2; the last of its lines."""
    told = io.StringIO()
    with contextlib.redirect_stderr(told):
        args = arguments(cloud, "made_shop:MadeShop", OUTPUT, *PARTS, *more)
        assert main(args) == 2
    return told.getvalue().splitlines()[-1]


def test_a_second_job_for_one_output_is_refused_before_anything_is_touched() -> None:
    with Cloud(buckets={"my-bucket"}) as cloud, leading_to(cloud):
        name = job_name("made_shop", OUTPUT)
        cloud.jobs["1"] = {"id": "1", "name": name, "currentState": RUNNING}
        cloud.objects["my-bucket", "examples/train/part-00000.tfrecord"] = b"first"
        said = refused(cloud, "--replace")
        assert f"Received: job_name={name}, job=1, which runs." in said
        assert len(cloud.objects) == 1 and cloud.problems == []


def test_a_bucket_that_does_not_exist_is_named() -> None:
    with Cloud(buckets={"my-bucket"}) as cloud, leading_to(cloud):
        said = refused(cloud, "--staging_location=gs://no-bucket/x")
        assert "Received: staging_location=gs://no-bucket/x. Make it: gcloud" in said


def test_what_is_on_this_machine_is_refused_without_asking_anybody() -> None:
    with Cloud() as cloud, leading_to(cloud):
        assert "Received: temp_location=/tmp." in refused(cloud, "--temp_location=/tmp")
        assert cloud.problems == []


@pytest.mark.slow
def test_ctrl_c_cancels_the_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apache_beam.runners.dataflow import dataflow_runner

    def pressed(_: float) -> None:
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        time.sleep(0.05)

    with Cloud(None, {"my-bucket"}) as cloud, leading_to(cloud):
        keys = SimpleNamespace(time=time.time, sleep=pressed)
        monkeypatch.setattr(dataflow_runner, "time", keys)
        put_events(cloud, tmp_path)
        args = arguments(cloud, "made_shop:MadeShop", OUTPUT, *PARTS)
        assert main(args) == 130
        (job,) = cloud.jobs.values()
        assert job["currentState"] == "JOB_STATE_CANCELLED"
        assert not [name for _, name in cloud.objects if name.startswith("examples")]


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        found = submitted(Path(folder))
    (only,) = found.jobs.values()
    GOLDEN.write_text(json.dumps(kept_of(found, only), indent=1, sort_keys=True) + "\n")
