"""What can be known to be wrong before a job is submitted is said in one line."""

from __future__ import annotations

from typing import Any

import pytest

from zap.dataflow.checks import (
    _check_python,
    check_job,
    check_places,
    is_here,
    split_bucket,
)
from zap.dataflow.cloud import check_buckets
from zap.errors import InputError

GOOD = {
    "project": "my-shop-123",
    "region": "europe-west1",
    "temp_location": "gs://my-bucket/tmp",
}


def test_a_job_that_fits_is_let_through() -> None:
    check_job(GOOD)
    more = {"staging_location": "gs://my-bucket/staging/", "job_name": "zap-1"}
    check_job(GOOD | more | {"project": "example.com:my-shop-123"})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"project": None}, "Received: project=None"),
        ({"project": "123456789012"}, "Received: project='123456789012'"),
        ({"project": "My Shop"}, "gcloud projects list"),
        ({"region": None}, "Received: region=None"),
        ({"region": "europe-west1-b"}, "a zone. Write --region europe-west1; "),
        ({"region": "europe"}, "Received: region='europe'"),
        ({"temp_location": None}, "Received: temp_location=None"),
        ({"temp_location": "/tmp/zap"}, "Received: temp_location=/tmp/zap"),
        ({"temp_location": "gs://My_Bucket!/tmp"}, "Received: temp_location=gs://My_"),
        ({"temp_location": "gs://my-bucket"}, "such as gs://my-bucket/tmp"),
        ({"temp_location": "gs://my-bucket/"}, "such as gs://my-bucket/tmp"),
        ({"staging_location": "s3://b/x"}, "Received: staging_location=s3://b/x"),
        ({"job_name": "Zap_1"}, "Received: job_name='Zap_1'"),
        ({"job_name": "z" * 64}, "at most 63"),
        ({"requirements_file": "no.txt"}, "Received: requirements_file=no.txt"),
        ({"setup_file": "no/setup.py"}, "Received: setup_file=no/setup.py"),
        ({"extra_packages": ["no.whl"]}, "Received: extra_package=no.whl"),
    ],
)
def test_what_cannot_be_meant_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as raised:
        check_job(GOOD | wrong)
    assert said in str(raised.value)


def test_a_python_without_an_image_is_named() -> None:
    with pytest.raises(InputError, match=r"Received: python=3\.9"):
        _check_python("3.9")


@pytest.mark.parametrize(
    ("inputs", "output", "dimensions", "said"),
    [
        (["events.csv"], "gs://b-1/x", [], "Received: input=events.csv, on this"),
        (["gs://b-1/a", "/data/*.csv"], "gs://b-1/x", [], "input=/data/*.csv"),
        (["file:///data"], "gs://b-1/x", [], "input=file:///data"),
        (["gs://b-1/a"], "examples", [], "Received: output=examples, on this"),
        (["gs://b-1/a"], "gs://b-1", [], "Received: output=gs://b-1, which is the"),
        (["gs://b-1/a"], "gs://b-1/x", ["plans.csv"], "dimension=plans.csv"),
    ],
)
def test_a_place_that_workers_cannot_see_is_named(
    inputs: list[str], output: str, dimensions: list[str], said: str
) -> None:
    with pytest.raises(InputError) as raised:
        check_places(inputs, output, dimensions)
    assert said in str(raised.value)


def test_places_that_workers_see_are_let_through() -> None:
    events = ["gs://b-1/a*", "bigquery://p.d.t", "queries/Events.SQL"]
    check_places(events, "gs://b-1/x", ["gs://b-1/d.csv", "plans.sql"])


def test_a_bucket_is_told_from_what_lies_in_it() -> None:
    assert split_bucket("gs://my.bucket/a/b/") == ("my.bucket", "a/b")
    assert split_bucket("gcs://my-bucket") == ("my-bucket", "")
    assert split_bucket("s3://my-bucket/a") == ("", "")
    assert not is_here("gs://b/a") and is_here("a") and is_here("memory://a")


class Buckets:
    """As much of a client as is asked of it: there is no way to be refused locally."""

    def __init__(self, answer: Any):
        self._answer = answer

    def lookup_bucket(self, name: str, timeout: float) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_a_bucket_that_one_may_not_see_may_still_be_there() -> None:
    exceptions = pytest.importorskip("google.api_core.exceptions")
    client = Buckets(exceptions.Forbidden("no storage.buckets.get"))
    check_buckets([("output", "gs://my-bucket/x")], client)


def test_a_storage_that_does_not_answer_is_said() -> None:
    with pytest.raises(InputError, match="Expected to reach Cloud Storage"):
        check_buckets([("output", "gs://b-1/x")], Buckets(ConnectionError("no route")))
