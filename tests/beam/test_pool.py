"""Workers of a pool, asked for by Beam's protocol, make the same examples.

What asks is Beam's own job server of Python: the protocol is that of Flink and Prism,
which are tried by ``bench.scale``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.portability.api import beam_fn_api_pb2, endpoints_pb2
from made_rows import made_rows, write_files
from made_shop import MadeShop

from zap.beam.generate import GenerateOptions, generate
from zap.beam.pool import WorkerPool, worker_environment
from zap.beam.runner import make_pipeline
from zap.beam.running import run_to_end
from zap.errors import InputError
from zap.events.mapping import EventMapping

SITES = Path(__file__).parents[1] / "sites"


def external(port: int) -> tuple[str, ...]:
    """Options for a job whose workers are those of a pool."""
    return (
        *("--runner=PortableRunner", "--job_endpoint=embed"),
        *("--environment_type=EXTERNAL", f"--environment_config=localhost:{port}"),
    )


def process_of(_: int) -> int:
    return os.getppid()


@pytest.mark.slow
def test_a_job_on_a_pool_makes_the_same_examples(tmp_path: Path, capfd) -> None:
    files = write_files(tmp_path / "raw", made_rows(60))
    mapping = EventMapping.load(SITES / "made_shop.toml")

    def made(name: str, *args: str):
        options = GenerateOptions(check=False, beam_args=args)
        return generate(MadeShop(), files, mapping, tmp_path / name, options).manifest

    here = made("here")
    with WorkerPool(0) as pool:
        there = made("there", *external(pool.port))
        again = made("again", *external(pool.port))
        with pytest.raises(InputError, match=f"port={pool.port}, which cannot be"):
            WorkerPool(pool.port)
    assert there["digest"] == again["digest"] == here["digest"]
    assert there["counts"] == here["counts"]


@pytest.mark.slow
def test_the_command_serves_until_it_is_told_to_end(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "zap.cli.main", "workers", "--port", "0"]
    # Workers import this module, and what it imports.
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    served = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
    with served:
        try:
            assert served.stdout is not None
            port = int(served.stdout.readline().split(":")[1].split(";")[0])
            pipeline = make_pipeline(external(port))
            found = tmp_path / "found"
            _ = (
                pipeline
                | beam.Create([1])
                | beam.Map(process_of)
                | beam.io.WriteToText(str(found), shard_name_template="")
            )
            run_to_end(pipeline)
            server_of_forks = int(found.read_text())
            assert server_of_forks not in (os.getpid(), served.pid)
            served.send_signal(signal.SIGTERM)
            assert served.wait(30) == 130
            limit = time.monotonic() + 30
            while Path(f"/proc/{server_of_forks}").exists():
                assert time.monotonic() < limit
                time.sleep(0.05)
        finally:
            served.kill()


def test_a_worker_is_told_where_its_runner_is() -> None:
    request = beam_fn_api_pb2.StartWorkerRequest(
        worker_id="7-1",
        control_endpoint=endpoints_pb2.ApiServiceDescriptor(url="localhost:1"),
        logging_endpoint=endpoints_pb2.ApiServiceDescriptor(url="localhost:2"),
    )
    found = worker_environment(request)
    assert found["WORKER_ID"] == "7-1"
    assert found["CONTROL_API_SERVICE_DESCRIPTOR"] == 'url: "localhost:1"\n'
    assert found["LOGGING_API_SERVICE_DESCRIPTOR"] == 'url: "localhost:2"\n'
    assert found["PIPELINE_OPTIONS"] == "{}"


@pytest.mark.slow
def test_a_port_has_one_pool() -> None:
    with WorkerPool(0) as pool, pytest.raises(InputError, match="cannot be listened"):
        WorkerPool(pool.port)
