"""The one place where BigQuery's clients are made.

Who asks is found as Google's libraries find it (Application Default Credentials); Zap
takes, keeps and logs no secret. Where the service is asked is told by variables, so
that an emulator or a private endpoint needs no other code:

    GOOGLE_CLOUD_PROJECT             runs jobs and pays; the table's project if not set
    BIGQUERY_EMULATOR_HOST           an emulator's REST address; no credentials are used
    BIGQUERY_STORAGE_EMULATOR_HOST   host:port of its Storage API, without encryption
    ZAP_BIGQUERY_ENDPOINT            a private endpoint of the REST API
    ZAP_BIGQUERY_STORAGE_ENDPOINT    a private endpoint of the Storage API

The first of the emulator's is read by google-cloud-bigquery itself; the second has no
like in Google's libraries.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from zap import __version__
from zap.errors import BigQueryError, MissingExtraError

EMULATOR = "BIGQUERY_EMULATOR_HOST"
STORAGE_EMULATOR = "BIGQUERY_STORAGE_EMULATOR_HOST"
ENDPOINT = "ZAP_BIGQUERY_ENDPOINT"
STORAGE_ENDPOINT = "ZAP_BIGQUERY_STORAGE_ENDPOINT"
PROJECT = "GOOGLE_CLOUD_PROJECT"
_LONGEST_MESSAGE_BYTES = 256 * 2**20


@dataclass(frozen=True)
class Endpoints:
    """Where the service is asked.

    Attributes:
        rest: address of the REST API; empty for Google's own.
        storage: host and port of the Storage API; empty for Google's own.
        emulated: whether both are an emulator, which asks for no credentials.
    """

    rest: str = ""
    storage: str = ""
    emulated: bool = False

    @classmethod
    def of_environment(cls) -> Endpoints:
        """As the variables of this process say.

        Raises:
            BigQueryError: only one of the emulator's two is given.
        """
        rest = os.environ.get(EMULATOR, "")
        storage = os.environ.get(STORAGE_EMULATOR, "")
        if not rest and not storage:
            endpoints = os.environ.get(ENDPOINT, ""), os.environ.get(STORAGE_ENDPOINT)
            return cls(endpoints[0], endpoints[1] or "")
        if not rest:
            raise BigQueryError(
                f"Expected {EMULATOR} beside {STORAGE_EMULATOR}, or neither. Received: "
                f"{STORAGE_EMULATOR}={storage!r}. Name the emulator's REST address too."
            )
        return cls(rest if "://" in rest else f"http://{rest}", storage, True)


def billed_project(table_project: str) -> str:
    """The project that runs jobs on a table, and pays for them."""
    return os.environ.get(PROJECT) or table_project


def rest_client(project: str) -> Any:
    """A client of tables and jobs.

    Args:
        project: runs the jobs and pays for them; see ``billed_project``.

    Returns:
        A ``google.cloud.bigquery.Client``. It is not to be sent to other processes:
        each makes its own.

    Raises:
        BigQueryError: no credentials are found.
        MissingExtraError: the extra ``gcp`` is not installed.
    """
    try:
        from google.api_core.client_info import ClientInfo
        from google.cloud import bigquery
    except ImportError as error:
        raise MissingExtraError("google-cloud-bigquery", "gcp") from error
    info: Any = ClientInfo
    endpoints = Endpoints.of_environment()
    options = {"api_endpoint": endpoints.rest} if endpoints.rest else None
    with _credentials_found():
        return bigquery.Client(
            project=project,
            credentials=_credentials(endpoints),
            client_options=options,
            client_info=info(user_agent=f"zap/{__version__}"),
        )


def storage_client() -> Any:
    """A client that reads tables as streams of Arrow.

    Returns:
        A ``google.cloud.bigquery_storage.BigQueryReadClient``, for this process only.

    Raises:
        BigQueryError: no credentials are found, or an emulator has no Storage API.
        MissingExtraError: the extra ``gcp`` is not installed.
    """
    try:
        from google.cloud.bigquery_storage import BigQueryReadClient
    except ImportError as error:
        raise MissingExtraError("google-cloud-bigquery-storage", "gcp") from error
    make: Any = BigQueryReadClient
    endpoints = Endpoints.of_environment()
    if endpoints.emulated:
        return make(transport=_emulated_transport(endpoints))
    options = {"api_endpoint": endpoints.storage} if endpoints.storage else None
    with _credentials_found():
        return make(client_options=options)


def _emulated_transport(endpoints: Endpoints) -> Any:
    """A plain connection to an emulator's Storage API."""
    import grpc  # type: ignore[import-untyped]
    from google.cloud.bigquery_storage import BigQueryReadClient

    if not endpoints.storage:
        raise BigQueryError(
            f"Expected the emulator's Storage API, as host:port in {STORAGE_EMULATOR}. "
            f"Received: {EMULATOR}={endpoints.rest!r} alone. Name both."
        )
    longest = [("grpc.max_receive_message_length", _LONGEST_MESSAGE_BYTES)]
    channel = grpc.insecure_channel(endpoints.storage, options=longest)
    return BigQueryReadClient.get_transport_class("grpc")(channel=channel)


def _credentials(endpoints: Endpoints) -> Any:
    """None lets the library look for them; an emulator gets none."""
    if not endpoints.emulated:
        return None
    from google.auth.credentials import AnonymousCredentials

    return AnonymousCredentials()  # type: ignore[no-untyped-call]


@contextmanager
def _credentials_found() -> Iterator[None]:
    """Says what to do where no credentials are found."""
    from google.auth.exceptions import DefaultCredentialsError

    try:
        yield
    except DefaultCredentialsError as problem:
        # The library's text names the file that it looked at, and no content.
        first = str(problem).splitlines()[0]
        raise BigQueryError(
            "Expected credentials of Google Cloud. Received: none that can be used: "
            f"{first} Run gcloud auth application-default login, or name a key file in "
            "GOOGLE_APPLICATION_CREDENTIALS."
        ) from problem
