"""The job's specification, held against the messages of Vertex AI's own client."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format

from zap.cli.main import build_parser

aiplatform = pytest.importorskip(
    "google.cloud.aiplatform_v1", reason="needs extra: gcp"
)
JOB = Path(__file__).parents[2] / "examples" / "vertex" / "job.yaml"


def parsed(data: dict) -> object:
    """The message of a job with this specification; an unknown field is an error."""
    message = aiplatform.CustomJob.pb(aiplatform.CustomJob())
    return json_format.ParseDict({"displayName": "shop", "jobSpec": data}, message)


def test_every_field_is_one_of_the_message() -> None:
    job = aiplatform.CustomJob(parsed(yaml.safe_load(JOB.read_text())))
    pool = job.job_spec.worker_pool_specs[0]
    kinds = aiplatform.AcceleratorType
    assert pool.machine_spec.accelerator_type == kinds.NVIDIA_L4
    assert pool.replica_count == pool.machine_spec.accelerator_count == 1
    assert job.job_spec.scheduling.strategy == aiplatform.Scheduling.Strategy.SPOT
    assert job.job_spec.scheduling.timeout.total_seconds() == 24 * 3600
    assert job.job_spec.base_output_directory.output_uri_prefix.startswith("gs://")


@pytest.mark.parametrize("change", [{"machineSpecs": {}}, {"replicaCount": "one"}])
def test_a_field_that_is_not_there_is_noticed(change: dict) -> None:
    data = yaml.safe_load(JOB.read_text())
    data["workerPoolSpecs"][0].update(change)
    with pytest.raises(json_format.ParseError):
        parsed(data)


def test_its_arguments_are_those_of_the_command(monkeypatch) -> None:
    """After the words of the image's ENTRYPOINT."""
    monkeypatch.setenv("AIP_MODEL_DIR", "gs://BUCKET/training/shop/model/")
    monkeypatch.setenv("AIP_CHECKPOINT_DIR", "gs://BUCKET/training/shop/checkpoints/")
    monkeypatch.delenv("AIP_TENSORBOARD_LOG_DIR", raising=False)
    spec = yaml.safe_load(JOB.read_text())["workerPoolSpecs"][0]["containerSpec"]
    args = build_parser().parse_args(["train", *spec["args"]])
    assert args.output == "gs://BUCKET/training/shop/model"
    assert args.work_dir == "gs://BUCKET/training/shop/checkpoints"
    assert args.log_dir is None and args.replace
