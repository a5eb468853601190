"""The job that the real runner submits, held against the API's published form.

Written anew by ``python tests/dataflow/test_job.py`` where a change is meant.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gcsfs")

from dataflow_jobs import arguments, kept_of, leading_to, pipeline_of, staged
from google_api import described
from google_cloud import Cloud
from made_rows import made_rows, write_files

from zap.cli.main import main

GOLDEN = Path(__file__).parents[1] / "goldens" / "dataflow" / "job.json"
OUTPUT = "gs://my-bucket/examples"
SAID = "the first step failed, as this test has it"
PARTS = ("--no-check", "--requirements_cache=skip")


def failing(cloud: Cloud, job: dict[str, Any]) -> str:
    time.sleep(0.5)  # a job is seen to run before it fails
    raise RuntimeError(SAID)


def submitted(folder: Path) -> Cloud:
    """A cloud that was given one job, which failed there."""
    with Cloud(failing, {"my-bucket"}) as cloud, leading_to(cloud):
        for number, path in enumerate(write_files(folder, made_rows(60))):
            content = Path(path).read_bytes()
            name = f"raw/{number}{''.join(Path(path).suffixes)}"
            cloud.objects["my-bucket", name] = content
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


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        found = submitted(Path(folder))
    (only,) = found.jobs.values()
    GOLDEN.write_text(json.dumps(kept_of(found, only), indent=1, sort_keys=True) + "\n")
