"""Jobs submitted to the stand-in for Dataflow, and what a golden keeps of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from apache_beam.portability.api import beam_runner_api_pb2
from google_cloud import Cloud

SITES = Path(__file__).parent
VARIES = (
    (r"localhost:\d+", "localhost:PORT"),
    (r"\d{10}\.\d{6}", "MOMENT"),
    (r"/tmp/zap-staged-\w+", "STAGED"),
    (r"0\+[0-9a-f]{16}", "0+DIGEST"),
    (r"manylinux[\w.]+", "PLATFORM"),
)
HASHES = ("clientRequestId", "pipelineProtoHash", "display_data", "id", "beam_plugins")


@contextmanager
def leading_to(cloud: Cloud) -> Iterator[None]:
    """Has this process find a stand-in where it looks for the cloud, and soon."""
    import fsspec
    import gcsfs.core
    from apache_beam.runners.dataflow import dataflow_runner
    from fsspec.registry import _registry

    with pytest.MonkeyPatch.context() as patch:
        for name, value in cloud.environment().items():
            patch.setenv(name, value)
        patch.setitem(fsspec.config.conf, "gs", {"token": "anon"})
        patch.setitem(_registry, "gs", gcsfs.core.GCSFileSystem)
        soon = SimpleNamespace(time=_seconds, sleep=lambda _: _sleep(0.05))
        patch.setattr(dataflow_runner, "time", soon)
        gcsfs.core.GCSFileSystem.clear_instance_cache()
        try:
            yield
        finally:
            gcsfs.core.GCSFileSystem.clear_instance_cache()


def _seconds() -> float:
    import time

    return time.time()


def _sleep(seconds: float) -> None:
    import time

    time.sleep(seconds)


def arguments(cloud: Cloud, generator: str, output: str, *more: str) -> list[str]:
    """The command line of a dataset made on Dataflow."""
    return [
        *("generate", "--generator", generator, "--input", "gs://my-bucket/raw/*"),
        *("--mapping", str(SITES / "made_shop.toml"), "--output", output),
        *("--runner", "DataflowRunner", "--project", "my-shop-1"),
        *("--region", "europe-west1", "--temp_location", "gs://my-bucket/tmp"),
        *cloud.options(),
        *more,
    ]


def staged(cloud: Cloud, job: Mapping[str, Any]) -> dict[str, bytes]:
    """The files that were staged for a job, by name."""
    where = job["environment"]["sdkPipelineOptions"]["options"]["staging_location"]
    bucket, _, folder = where[len("gs://") :].partition("/")
    return {
        name[len(folder) + 1 :]: data
        for (of, name), data in cloud.objects.items()
        if of == bucket and name.startswith(f"{folder}/")
    }


def pipeline_of(cloud: Cloud, job: Mapping[str, Any]) -> beam_runner_api_pb2.Pipeline:
    """The pipeline that was staged for a job."""
    return beam_runner_api_pb2.Pipeline.FromString(staged(cloud, job)["pipeline.pb"])


def kept_of(cloud: Cloud, job: Mapping[str, Any]) -> dict[str, Any]:
    """A job's request, its steps and the names of its files, without what varies."""
    steps = pipeline_of(cloud, job).components.transforms.values()
    told = {
        "job": _without(job, HASHES),
        "staged": sorted(staged(cloud, job)),
        "steps": sorted(
            _step(step) for step in steps if step.unique_name[:4] != "ref_"
        ),
    }
    text = json.dumps(told, indent=1, sort_keys=True)
    for pattern, name in VARIES:
        text = re.sub(pattern, name, text)
    kept: dict[str, Any] = json.loads(text)
    return kept


def _step(step: beam_runner_api_pb2.PTransform) -> str:
    """A step's name and kind, and the outputs that it waits for."""
    kind = step.spec.urn.rpartition("beam:transform:")[2]
    if kind != "pardo:v1":
        return f"{step.unique_name} ({kind})"
    work = beam_runner_api_pb2.ParDoPayload.FromString(step.spec.payload)
    return f"{step.unique_name} ({kind}, {len(work.side_inputs)} side inputs)"


def _without(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, Mapping):
        return {k: _without(v, names) for k, v in value.items() if k not in names}
    if isinstance(value, list):
        return [_without(each, names) for each in value]
    return value
