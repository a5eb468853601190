"""A worker of Dataflow's, made of nothing but the files that a job staged for it.

A clean virtual environment stands for the container image: Beam, and nothing of Zap's.
What was staged is installed in the steps of the image's own start. The pipeline is the
one that was staged too; only where its steps run is told anew.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apache_beam import version
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import common_urns
from apache_beam.portability.api import beam_runner_api_pb2, endpoints_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from dataflow_jobs import staged
from google_cloud import DONE, FAILED, Cloud
from made_servers import ROOT, free_port

_PATIENCE_S = 120.0
_PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


class StagedWorker:
    """Does the jobs of a `Cloud` in an environment of their own.

    Args:
        folder: where the environment and the staged files are to be.
        variables: what the worker's environment tells it, besides a path.
    """

    def __init__(self, folder: Path, variables: Mapping[str, str]):
        self._folder = folder = folder.resolve()
        self._python = str(folder / "image" / "bin" / "python")
        self._variables = {"PATH": "/usr/bin:/bin", "HOME": str(folder), **variables}
        for name in ("PIP_INDEX_URL", "PIP_CONFIG_FILE"):
            if name in os.environ:
                self._variables[name] = os.environ[name]

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
        """Install what was staged, in the steps of the container's own start."""
        own = self._folder / "staged"
        own.mkdir(parents=True)
        for name, data in files.items():
            (own / name).write_bytes(data)
        image = [sys.executable, "-m", "venv", str(self._folder / "image")]
        subprocess.run(image, check=True, capture_output=True, timeout=_PATIENCE_S)
        limits = ["--constraint", str(ROOT / "constraints.txt")]
        self._called([*_PIP, f"apache-beam[gcp]=={version.__version__}", *limits])
        found = ["--find-links", str(own), "-r", str(own / "requirements.txt")]
        self._called([*_PIP, "--no-index", "--no-deps", *found], check=False)
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
