"""The recipe's own steps, and what they made as a custom job would run it.

The steps are taken in a clean virtual environment, without CUDA. The entry point then
trains from a server that speaks Google Cloud Storage's API, is killed and started again
on another "machine", and what it leaves in the bucket is what is trained here.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dockerfile import Image, build, clean_environment
from made_disk import small_disk
from made_run import SETTINGS
from made_servers import Server

from zap.bundles.bundle import Bundle
from zap.cli.main import main

ROOT = Path(__file__).parents[2]
VERTEX = ROOT / "examples" / "vertex"
EMULATOR = ROOT / "build" / "servers" / "gcs" / "bin" / "gcp-storage-emulator"
SCRATCH_BYTES = 8 << 20
COPY = "import sys, gcsfs; gcsfs.GCSFileSystem().{}(*sys.argv[1:], recursive=True)"

pytestmark = pytest.mark.skipif(
    not os.environ.get("ZAP_PROVE"), reason="run by make prove-scale: it takes minutes"
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """What the recipe's steps make; ZAP_IMAGE keeps it between runs."""
    kept = os.environ.get("ZAP_IMAGE")
    folder = Path(kept) if kept else tmp_path_factory.mktemp("image")
    python, home = folder / "python", folder / "home"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python)], check=True)
    home.mkdir(exist_ok=True)
    made = Image(folder / "root", python, clean_environment(python, home))
    build(VERTEX / "Dockerfile", ROOT, made, {"CUDA": ""})
    return made


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server of buckets; what its clients need in their environment."""
    if not EMULATOR.exists():
        pytest.skip(
            "needs server: gcp-storage-emulator; see docs/training-elsewhere.md"
        )

    def command(port: int, folder: Path) -> list[str]:
        place = [f"--port={port}", "--host=127.0.0.1", "--default-bucket=made"]
        return [str(EMULATOR), "start", *place, "--in-memory", "--quiet"]

    server = Server(command, tmp_path_factory.mktemp("gcs"), "http")
    server.start()
    yield {
        "STORAGE_EMULATOR_HOST": server.url.rstrip("/"),
        "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false",  # asks for credentials
    }
    server.kill()


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """The one place that the job may write to."""
    with small_disk(tmp_path / "scratch", SCRATCH_BYTES) as folder:
        yield folder


def copied(image: Image, env: dict[str, str], how: str, one: str, other: str) -> None:
    """Copy a folder to or from the bucket with the image's own packages."""
    python = image.python / "bin" / "python"
    subprocess.run([python, "-c", COPY.format(how), one, other], env=env, check=True)


def test_a_job_is_killed_resumed_and_ends_as_here(
    image, bucket, scratch, made_run, tmp_path, capsys
) -> None:
    env = {**image.env, **bucket, "TMPDIR": str(scratch), "HOME": str(scratch)}
    settings = tmp_path / "shop.json"
    settings.write_text(json.dumps(SETTINGS))
    dataset = f"{made_run.work / 'dataset'}/"
    copied(image, env, "put", dataset, "gs://made/datasets/shop")
    copied(image, env, "put", str(settings), "gs://made/settings/shop.json")

    spec = yaml.safe_load((VERTEX / "job.yaml").read_text())
    prefix = spec["baseOutputDirectory"]["outputUriPrefix"].replace("BUCKET", "made")
    env |= {
        "AIP_MODEL_DIR": f"{prefix}/model/",
        "AIP_CHECKPOINT_DIR": f"{prefix}/checkpoints/",
        "AIP_TENSORBOARD_LOG_DIR": f"{prefix}/logs/",
    }
    words = spec["workerPoolSpecs"][0]["containerSpec"]["args"]
    asked = [*image.entrypoint, *(word.replace("BUCKET", "made") for word in words)]

    first = subprocess.Popen(
        asked, env=env, cwd=scratch, stderr=subprocess.PIPE, text=True
    )
    assert first.stderr is not None
    for line in first.stderr:
        if "epoch 1 of" in line:
            break
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    for left in scratch.iterdir():  # another machine has another disk
        shutil.rmtree(left) if left.is_dir() else left.unlink()

    second = subprocess.run(
        [*asked, "--json"], env=env, cwd=scratch, capture_output=True, text=True
    )
    assert second.returncode == 0, second.stderr
    assert "Training on CPU" in second.stderr and "epoch 1 of" not in second.stderr
    told = json.loads(second.stdout)

    home = tmp_path / "bundle"
    copied(image, env, "get", f"{prefix}/model/", str(home))
    bundle = Bundle.load(home)
    assert bundle.version == told["version"] == made_run.bundle.version
    assert main(["verify", str(home)]) == 0
    assert "equal to the bit" in capsys.readouterr().out
