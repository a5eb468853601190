"""A worker of Dataflow's, made of nothing but the files that a job staged for it.

A clean virtual environment stands for the container image: Beam, and nothing of Zap's
(tests/servers/dataflow/install). What was staged is installed on top of it, in the
steps of the image's own start. The pipeline is the
one that was staged too; only where its steps run is told anew.
"""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from dataflow_jobs import staged
from google_cloud import DONE, FAILED, Cloud
from made_servers import ROOT, free_port

IMAGE = ROOT / "build" / "servers" / "dataflow"
_PATIENCE_S = 120.0
_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


class StagedWorker:
    """Does the jobs of a `Cloud` in an environment of their own.

    Args:
        folder: where the environment and the staged files are to be.
        variables: what the worker's environment tells it, besides a path.
        image: the environment that stands for the container image.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str], image: Path = IMAGE):
        if image == IMAGE and not (IMAGE / ".installed").exists():
            pytest.skip(
                "needs server: Dataflow's workers; tests/servers/dataflow/install"
            )
        self._image = image
        self._folder = folder = folder.resolve()
        self._python = str(folder / "image" / "bin" / "python")
        path = f"{folder / 'image' / 'bin'}:/usr/bin:/bin"
        own = {"PATH": path, "HOME": str(folder), "PIP_NO_INDEX": "1"}
        self._variables = {**own, **variables}

    def work(self, cloud: Cloud, job: Mapping[str, Any]) -> str:
        """Do a job as it was submitted; the state in which it ended."""
        files = staged(cloud, job)
        pipeline = beam_runner_api_pb2.Pipeline.FromString(files.pop("pipeline.pb"))
        self._install(files)
        port = free_port()
        command = ["-m", "apache_beam.runners.worker.worker_pool_main"]
        with self._started([*command, f"--service_port={port}"]) as pool:
            try:
                _wait_for(port, pool)
                return _run(pipeline, f"localhost:{port}")
            finally:
                pool.terminate()

    def says(self, code: str) -> str:
        """What a line of Python prints on the worker."""
        done = self._called(["-c", code])
        return done.stdout.strip()

    def _install(self, files: Mapping[str, bytes]) -> None:
        """Install what was staged, in the steps of the container's own start.

        No index is asked: what was staged is all that there is.
        """
        own = self._folder / "staged"
        own.mkdir(parents=True)
        for name, data in files.items():
            (own / name).write_bytes(data)
        _layer(self._folder / "image", self._image)
        if "requirements.txt" in files:
            found = ["--find-links", str(own), "-r", str(own / "requirements.txt")]
            self._called([*_PIP, "--no-deps", *found])
            self._called([*_PIP, *found])
        for name in (own / "extra_packages.txt").read_text().split():
            anew = ["--upgrade", "--force-reinstall", "--no-deps"]
            self._called([*_PIP, *anew, str(own / name)])
            self._called([*_PIP, str(own / name)])

    def _called(
        self, args: list[str], check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self._python, *args],
            cwd=self._folder,
            env=self._variables,
            capture_output=True,
            text=True,
            timeout=900,
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def _started(self, args: list[str]) -> subprocess.Popen[bytes]:
        with (self._folder / "worker.log").open("wb") as log:
            return subprocess.Popen(
                [self._python, *args],
                cwd=self._folder,
                env=self._variables,
                stdout=log,
                stderr=log,
            )


def _layer(folder: Path, image: Path) -> None:
    """An environment on top of the image's, in which nothing is changed."""
    subprocess.run([image / "bin" / "python", "-m", "venv", folder], check=True)
    (below,) = image.glob("lib/python*/site-packages")
    (own,) = folder.glob("lib/python*/site-packages")
    (own / "image.pth").write_text(f"{below}\n")


def _wait_for(port: int, pool: subprocess.Popen[bytes]) -> None:
    limit = time.monotonic() + _PATIENCE_S
    while time.monotonic() < limit and pool.poll() is None:
        try:
            socket.create_connection(("localhost", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the worker did not start")


def _run(pipeline: beam_runner_api_pb2.Pipeline, address: str) -> str:
    """Run a pipeline whose steps are done by the workers at an address."""
    payload = beam_runner_api_pb2.ExternalPayload(
        endpoint=endpoints_pb2.ApiServiceDescriptor(url=address)
    ).SerializeToString()
    for environment in pipeline.components.environments.values():
        environment.urn = common_urns.environments.EXTERNAL.urn
        environment.payload = payload
        del environment.dependencies[:]  # they are installed
    result = FnApiRunner().run_via_runner_api(pipeline, PipelineOptions([]))
    return DONE if str(result.state) == "DONE" else FAILED
