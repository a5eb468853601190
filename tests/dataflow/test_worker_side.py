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
from collections.abc import Sequence
from pathlib import Path

import pytest

pytest.importorskip("gcsfs")

from dataflow_jobs import SITES, arguments
from google_cloud import Cloud
from made_rows import made_rows, write_files
from made_servers import ROOT
from recipe import Recipe
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


def put_events(cloud: Cloud, raw: Sequence[str]) -> None:
    """Files of made events on the bucket."""
    for number, path in enumerate(map(Path, raw)):
        name = f"raw/{number}{''.join(path.suffixes)}"
        cloud.objects["my-bucket", name] = path.read_bytes()


def made_here(folder: Path) -> tuple[list[str], dict]:
    """Files of events, and the manifest of what a local run makes of them."""
    raw = [str(path) for path in write_files(folder / "raw", made_rows(120))]
    args = ["generate", "--generator", "made_shop:MadeShop"]
    args += ["--mapping", str(SITES / "made_shop.toml"), "--input", *raw]
    return raw, zap([*args, "--output", str(folder / "examples")], {})["manifest"]


@pytest.mark.parametrize("template", [False, True])
def test_workers_make_the_same_dataset_of_the_staged_files_alone(
    tmp_path: Path, template: bool
) -> None:
    raw, here = made_here(tmp_path)
    with Cloud(buckets={"my-bucket"}) as cloud:
        put_events(cloud, raw)
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
        assert manifest["digest"] == here["digest"]
        assert manifest["counts"] == here["counts"]
        assert manifest["recent"]["examples"] == here["recent"]["examples"] > 0
        assert ("my-bucket", "examples/COMPLETED") in cloud.objects
        assert cloud.problems == []
    code = "import zap, made_shop, importlib.util as u; print(zap.__file__, "
    code += "made_shop.__file__, u.find_spec('tensorflow'))"
    where, generator, tensorflow = worker.says(code).split()
    packages = str(tmp_path / "worker" / "image" / "lib")
    assert where.startswith(packages) and generator.startswith(packages)
    assert tensorflow == "None"


def test_the_image_of_the_recipe_launches_the_job_and_does_it(tmp_path: Path) -> None:
    raw, here = made_here(tmp_path)
    folder = tmp_path / "built"
    path = os.pathsep.join([str(ROOT), str(SITES), os.environ.get("PYTHONPATH", "")])
    prepare = str(ROOT / "examples" / "dataflow" / "prepare.py")
    subprocess.run(
        [
            sys.executable,
            prepare,
            "--generator=made_shop:MadeShop",
            f"--folder={folder}",
        ],
        env=os.environ | {"PYTHONPATH": path},
        check=True,
    )
    recipe = Recipe(folder, tmp_path / "image", {"IMAGE": "pkg.dev/my-shop/zap:1"})
    recipe.build()
    with Cloud(buckets={"my-bucket"}) as cloud:
        put_events(cloud, raw)
        mapping = (SITES / "made_shop.toml").read_bytes()
        cloud.objects["my-bucket", "shop.toml"] = mapping
        launched(cloud, recipe)
        job = json.loads(cloud.objects["my-bucket", "templates/job.json"])
        (pool,) = job["environment"]["workerPools"]
        assert pool["workerHarnessContainerImage"] == "pkg.dev/my-shop/zap:1"
        worker = StagedWorker(tmp_path / "w", cloud.environment(), recipe.image)
        assert worker.work(cloud, job) == "JOB_STATE_DONE"
        manifest = json.loads(cloud.objects["my-bucket", "examples/manifest.json"])
        assert manifest["digest"] == here["digest"]
        assert cloud.problems == []


def launched(cloud: Cloud, recipe: Recipe) -> None:
    """Have the image's launcher write the job, as Dataflow's own program does."""
    parameters = {
        "generator": "made_shop:MadeShop",
        "input": "gs://my-bucket/raw/*",
        "mapping": "gs://my-bucket/shop.toml",
        "output": OUTPUT,
    }
    own = {
        "runner": "DataflowRunner",
        "project": "my-shop-1",
        "region": "europe-west1",
        "job_name": "zap-purchase",
        "temp_location": "gs://my-bucket/tmp",
        "staging_location": "gs://my-bucket/staging",
        "template_location": "gs://my-bucket/templates/job.json",
    }
    words = [f"--{name}={value}" for name, value in {**parameters, **own}.items()]
    script = recipe.place(recipe.variables["FLEX_TEMPLATE_PYTHON_PY_FILE"])
    subprocess.run(
        [recipe.image / "bin" / "python", script, *words, *cloud.options()],
        env={"PATH": "/usr/bin:/bin", **recipe.variables, **cloud.environment()},
        cwd="/",
        check=True,
        timeout=900,
    )
