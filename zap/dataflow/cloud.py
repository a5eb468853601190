"""What has to be asked of the cloud before a job is submitted: who one is, and whether
the buckets are there."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

from zap.dataflow.checks import split_bucket
from zap.errors import InputError, MissingExtraError, ZapError

_NEEDED = (
    ("google.cloud.dataflow", "apache-beam[gcp]"),
    ("google.cloud.storage", "google-cloud-storage"),
    ("gcsfs", "gcsfs"),
)


def check_packages() -> None:
    """Check that all packages are here that submitting a job needs.

    Raises:
        MissingExtraError: one is not.
    """
    for module, package in _NEEDED:
        if not _is_there(module):
            raise MissingExtraError(package, "gcp")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def check_credentials() -> None:
    """Check that there are credentials, without using them.

    Raises:
        InputError: there are none.
    """
    import google.auth
    from google.auth.exceptions import DefaultCredentialsError

    try:
        google.auth.default()
    except DefaultCredentialsError as error:
        raise InputError(
            "Expected credentials of Google Cloud. Received: none. Log in with: "
            "gcloud auth application-default login; or let "
            "GOOGLE_APPLICATION_CREDENTIALS name a service account's file."
        ) from error


def check_buckets(paths: Iterable[tuple[str, str]], client: Any) -> None:
    """Check that the buckets of paths exist, as far as one may know.

    Args:
        paths: options' names and their paths.
        client: a ``google.cloud.storage.Client``.

    Raises:
        InputError: a bucket does not exist, or nothing answers.
    """
    from google.api_core.exceptions import Forbidden, GoogleAPIError
    from google.auth.exceptions import GoogleAuthError

    known: set[str] = set()
    for name, path in paths:
        bucket, _ = split_bucket(path)
        if not bucket or bucket in known:
            continue
        known.add(bucket)
        try:
            there = client.lookup_bucket(bucket, timeout=20) is not None
        except Forbidden:
            continue  # objects may be open to those who may not see the bucket
        except (GoogleAPIError, GoogleAuthError, OSError) as error:
            raise InputError(
                "Expected to reach Cloud Storage. Received: "
                f"{name}={path} ({type(error).__name__}: {error}). Check the network "
                "and the credentials: gcloud storage ls."
            ) from error
        if not there:
            raise InputError(
                f"Expected a bucket that exists. Received: {name}={path}. Make it: "
                f"gcloud storage buckets create gs://{bucket}, in the job's region."
            )


def check_not_running(
    client: Any, project: str, region: str, job_name: str, output: str
) -> None:
    """Check that no job for the same output is active.

    Dataflow would refuse the second one itself, by its name, but only after what the
    first has written so far was cleared away for it.

    Args:
        client: a ``google.cloud.dataflow.JobsV1Beta3Client``.
        project: the project's id.
        region: where the job would run.
        job_name: its name.
        output: what it would write.

    Raises:
        InputError: one is active, or the list of jobs may not be seen.
    """
    from google.api_core.exceptions import GoogleAPICallError
    from google.cloud.dataflow import ListJobsRequest

    request = ListJobsRequest(
        project_id=project,
        location=region,
        filter=ListJobsRequest.Filter.ACTIVE,
    )
    try:
        active = [job.id for job in client.list_jobs(request) if job.name == job_name]
    except GoogleAPICallError as error:
        raise refused(error, project) from error
    if active:
        raise InputError(
            f"Expected no active job for the output {output}. Received: "
            f"job_name={job_name}, job={active[0]}, which runs. Wait for it, cancel it "
            f"(gcloud dataflow jobs cancel {active[0]} --region {region}), or choose "
            "another output."
        )


def refused(error: Any, project: str) -> InputError:
    """The error of a call to Dataflow that was answered by no."""
    fix = "See what it says."
    if getattr(error, "code", None) == 403:
        fix = (
            "Enable the API (gcloud services enable dataflow.googleapis.com) and ask "
            "for the role roles/dataflow.developer."
        )
    return InputError(
        f"Expected Dataflow to take a job of the project. Received: project={project} "
        f"({error}). {fix}"
    )


def not_taken(error: Exception, project: str) -> Exception:
    """The user's error for a job that was not submitted; others as they are.

    Args:
        error: what Beam or the cloud's clients raised.
        project: the project's id.
    """
    from google.api_core.exceptions import GoogleAPICallError

    if isinstance(error, ZapError):
        return error
    if isinstance(error, GoogleAPICallError):
        return refused(error, project)
    if type(error).__name__ == "DataflowJobAlreadyExistsError":
        return InputError(
            f"Expected no active job for this output. Received: {error} Wait for it, "
            "or cancel it."
        )
    if isinstance(error, RuntimeError) and "pip" in str(error):
        said = str(error).strip().splitlines()[-1]
        return InputError(
            "Expected requirements that can be fetched for the workers. Received: "
            f"{said} Mend the requirements, or pass --requirements_cache=skip to let "
            "workers fetch them."
        )
    if isinstance(error, OSError):
        return InputError(
            "Expected a bucket that the job's packages can be written to. Received: "
            f"{error} Mend its permissions, or name another --temp_location."
        )
    return error
