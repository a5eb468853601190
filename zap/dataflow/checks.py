"""What can be known to be wrong with a job on Dataflow before anything is submitted.

A job that fails on a worker fails ten minutes later, for money, with a traceback of
somebody else's. Each check here is of texts alone; what has to be asked of the cloud
is in ``cloud``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from zap.errors import InputError

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""Versions of Python for which there is a container image."""

_REGION = re.compile(r"[a-z]+(-[a-z]+)+[0-9]+")
_ZONE = re.compile(rf"({_REGION.pattern})-[a-z]")
_BUCKET = re.compile(r"[a-z0-9][-_a-z0-9.]{1,220}[a-z0-9]")
_PROJECT = re.compile(r"([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]")
_JOB_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_HERE = ("file", "local", "memory")
_QUERY = ".sql"


def check_job(values: Mapping[str, Any]) -> None:
    """Check the options of Beam that say where a job runs and what it installs.

    Args:
        values: options by name, as Beam parses them.

    Raises:
        InputError: one is missing, or cannot be meant.
    """
    _check_project(values.get("project"))
    _check_region(values.get("region"))
    if not values.get("temp_location"):
        raise InputError(
            "Expected a folder on a bucket for what the job keeps while it runs. "
            "Received: temp_location=None. Add --temp_location gs://BUCKET/tmp."
        )
    for name in ("temp_location", "staging_location"):
        if values.get(name):
            _check_folder(name, str(values[name]))
    job_name = values.get("job_name")
    if job_name and not _JOB_NAME.fullmatch(str(job_name)):
        raise InputError(
            "Expected a job's name of at most 63 of a-z, 0-9 and -, a letter first. "
            f"Received: job_name={job_name!r}. Correct it, or leave it out."
        )
    _check_files(values)
    _check_python(f"{sys.version_info[0]}.{sys.version_info[1]}")


def _check_project(project: Any) -> None:
    if not project:
        raise InputError(
            "Expected the project that pays for the job. Received: project=None. "
            "Add --project, with the project's id."
        )
    if not _PROJECT.fullmatch(str(project)):
        raise InputError(
            "Expected a project's id, such as my-shop-123. Received: "
            f"project={project!r}, which is not one. Its number or title will not "
            "do: gcloud projects list shows the id."
        )


def _check_region(region: Any) -> None:
    if not region:
        raise InputError(
            "Expected the region that the job runs in. Received: region=None. Add "
            "--region, such as europe-west1: best that of the bucket."
        )
    zone = _ZONE.fullmatch(str(region))
    if zone:
        raise InputError(
            f"Expected a region. Received: region={region!r}, which is a zone. Write "
            f"--region {zone[1]}; --worker_zone {region} if it must be that zone."
        )
    if not _REGION.fullmatch(str(region)):
        raise InputError(
            "Expected a region such as europe-west1. Received: "
            f"region={region!r}. Correct it."
        )


def _check_folder(name: str, path: str) -> None:
    """Check that an option names a folder on a bucket."""
    bucket, inner = split_bucket(path)
    if not bucket:
        raise InputError(
            f"Expected a folder on a bucket. Received: {name}={path}. Write it as "
            "gs://BUCKET/FOLDER."
        )
    if not inner:
        raise InputError(
            f"Expected a folder on a bucket. Received: {name}={path}, which is the "
            f"whole of it. Name one, such as gs://{bucket}/tmp."
        )


def split_bucket(path: str) -> tuple[str, str]:
    """The bucket of a ``gs://`` path and what lies behind; empty if it is none."""
    matched = re.fullmatch(r"(?:gs|gcs)://([^/]+)/?(.*)", path, re.DOTALL)
    if not matched or not _BUCKET.fullmatch(matched[1]):
        return "", ""
    return matched[1], matched[2].strip("/")


def _check_files(values: Mapping[str, Any]) -> None:
    """Check that files which Beam is to stage are there."""
    named = [
        ("requirements_file", values.get("requirements_file")),
        ("setup_file", values.get("setup_file")),
        *(("extra_package", each) for each in values.get("extra_packages") or ()),
    ]
    for name, path in named:
        if path and "://" not in str(path) and not os.path.isfile(str(path)):
            raise InputError(
                "Expected a file to install on the workers. Received: "
                f"{name}={path}, which is not there. Correct the path."
            )


def _check_python(version: str) -> None:
    if version not in PYTHONS:
        raise InputError(
            "Expected a Python that workers can have too: "
            f"{', '.join(PYTHONS)}. Received: python={version}. Submit the job from "
            "an environment of one of these."
        )


def check_places(
    inputs: Iterable[str], output: str, dimensions: Iterable[str] = ()
) -> None:
    """Check that workers can see what they are to read and write.

    Args:
        inputs: paths, globs or directories of events, tables, files of queries.
        output: where the result is to be.
        dimensions: paths of the mapping's dimensions.

    Raises:
        InputError: one of them is on the disk of this machine.
    """
    for path in inputs:
        _check_seen("input", path, "Copy it: gcloud storage cp")
    for path in dimensions:
        _check_seen(
            "dimension",
            path,
            "Copy it, and name the copy in the mapping: gcloud storage cp",
        )
    if is_here(output):
        raise InputError(
            "Expected an output that workers on Dataflow can write to. Received: "
            f"output={output}, on this machine. Write it to a bucket: "
            "--output gs://BUCKET/FOLDER."
        )
    if output.startswith(("gs://", "gcs://")):
        _check_folder("output", output)


def _check_seen(what: str, path: str, fix: str) -> None:
    is_query = path.lower().endswith(_QUERY)  # it is run here; workers read the result
    if is_here(path) and not is_query:
        raise InputError(
            "Expected events and dimensions that workers on Dataflow can read. "
            f"Received: {what}={path}, on this machine. {fix} {path} gs://BUCKET/."
        )


def is_here(path: str) -> bool:
    """Whether a path means something on this machine only."""
    protocol, colon, _ = path.partition("://")
    return not colon or protocol.lower() in _HERE
