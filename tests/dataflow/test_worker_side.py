"""A job of Dataflow's, done by workers that have nothing but what was staged for them.

The command line stages and submits to the stand-in; a worker in a clean environment
installs the staged files and does the staged pipeline, reading and writing a bucket;
the command line publishes. The examples are those of a local run. Minutes, and a
gigabyte to install: with ZAP_PROVE=1 only, as ``make prove-scale`` has it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("gcsfs")

from dataflow_jobs import SITES, arguments
from google_cloud import Cloud
from made_rows import made_rows, write_files
from made_servers import ROOT
from staged_worker import StagedWorker

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("ZAP_PROVE"), reason="minutes: ZAP_PROVE=1 runs it"
    ),
]
OUTPUT = "gs://my-bucket/examples"


def zap(args: list[str], variables: dict[str, str]) -> dict:
    """What a command prints as JSON."""
    path = os.pathsep.join([str(ROOT), str(SITES), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "zap.cli.main", *args, "--json"],
        env=os.environ | variables | {"PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        timeout=1800,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("template", [False, True])
def test_workers_make_the_same_dataset_of_the_staged_files_alone(
    tmp_path: Path, template: bool
) -> None:
    raw = write_files(tmp_path / "raw", made_rows(120))
    here = zap(
        [
            *("generate", "--generator", "made_shop:MadeShop"),
            *("--mapping", str(SITES / "made_shop.toml")),
            *("--input", *map(str, raw), "--output", str(tmp_path / "examples")),
        ],
        {},
    )
    cloud = Cloud(buckets={"my-bucket"})
    with cloud:
        for number, path in enumerate(map(Path, raw)):
            name = f"raw/{number}{''.join(path.suffixes)}"
            cloud.objects["my-bucket", name] = path.read_bytes()
        worker = StagedWorker(tmp_path / "worker", cloud.environment())
        cloud.work = worker.work
        args = arguments(cloud, "made_shop:MadeShop", OUTPUT)
        if template:
            place = "gs://my-bucket/templates/job.json"
            zap([*args, f"--template_location={place}"], cloud.environment())
            assert not cloud.jobs
            job = json.loads(cloud.objects["my-bucket", "templates/job.json"])
            assert worker.work(cloud, job) == "JOB_STATE_DONE"
            text = cloud.objects["my-bucket", "examples/manifest.json"]
            manifest = json.loads(text)
        else:
            manifest = zap(args, cloud.environment())["manifest"]
        assert manifest["digest"] == here["manifest"]["digest"]
        assert manifest["counts"] == here["manifest"]["counts"]
        assert ("my-bucket", "examples/COMPLETED") in cloud.objects
        assert cloud.problems == []
    code = "import zap, made_shop, importlib.util as u; print(zap.__file__, "
    code += "made_shop.__file__, u.find_spec('tensorflow'))"
    where, generator, tensorflow = worker.says(code).split()
    packages = str(tmp_path / "worker" / "image" / "lib")
    assert where.startswith(packages) and generator.startswith(packages)
    assert tensorflow == "None"
