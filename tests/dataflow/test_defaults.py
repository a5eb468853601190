"""What Zap says to Dataflow gives way to what the user says."""

from __future__ import annotations

import re

import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator

from zap.dataflow.defaults import added_options, job_name, labels

OUTPUT = "gs://b/examples"


def parsed(args: list[str]) -> dict:
    added = added_options(values_of(args), "shop_purchase", OUTPUT, "0.1.0")
    return PipelineOptions([*args, *added]).get_all_options()


def values_of(args: list[str]) -> dict:
    return PipelineOptions(args).get_all_options(drop_default=True)


def test_defaults_are_options_that_beam_knows() -> None:
    found = parsed([])
    assert found["machine_type"] == "n2-highmem-2"
    assert found["number_of_worker_harness_threads"] == 1
    assert found["max_num_workers"] == 20
    assert found["disk_size_gb"] == 50
    assert found["enable_artifact_caching"] is True
    assert "disable_logging_submission_environment" in found["experiments"]


@pytest.mark.parametrize(
    ("arg", "name", "value"),
    [
        ("--machine_type=n1-standard-4", "machine_type", "n1-standard-4"),
        ("--worker_machine_type=e2-highmem-8", "machine_type", "e2-highmem-8"),
        ("--max_num_workers=3", "max_num_workers", 3),
        ("--number_of_worker_harness_threads=4", "number_of_worker_harness_threads", 4),
        ("--disk_size_gb=200", "disk_size_gb", 200),
        ("--job_name=mine", "job_name", "mine"),
        ("--labels=team=growth", "labels", ["team=growth"]),
    ],
)
def test_what_is_given_stays(arg: str, name: str, value: object) -> None:
    assert parsed([arg])[name] == value


def test_more_workers_from_the_start_are_no_contradiction() -> None:
    assert parsed(["--num_workers=100"])["max_num_workers"] is None
    assert parsed(["--num_workers=5"])["max_num_workers"] == 20


def test_experiments_are_added_to_those_given() -> None:
    found = parsed(["--experiments=shuffle_mode=service"])["experiments"]
    assert found == ["shuffle_mode=service", "disable_logging_submission_environment"]


@pytest.mark.parametrize("name", ["shop_purchase", "Über 30 d", "x" * 90, "__"])
def test_a_jobs_name_is_one_that_dataflow_takes(name: str) -> None:
    made = job_name(name, OUTPUT)
    assert re.fullmatch(PipelineOptionsValidator.JOB_PATTERN, made)
    assert len(made) <= 63


def test_one_output_gives_one_name_and_another_gives_another() -> None:
    assert job_name("a", OUTPUT) == job_name("a", OUTPUT + "/")
    assert job_name("a", OUTPUT) != job_name("a", "gs://b/other")


def test_labels_are_of_letters_that_labels_may_have() -> None:
    for label in labels("Über 30 d", "0.1.0rc1+x"):
        key, _, value = label.partition("=")
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
        assert re.fullmatch(r"[a-z0-9_-]{0,63}", value)
