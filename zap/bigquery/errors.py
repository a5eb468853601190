"""What the service refuses, as errors that say what to do about it.

Google's clients raise a dozen types of three packages. They are told apart here by what
they mean to a user, and by whether it helps to try again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from zap.errors import BigQueryError

RETRIED = frozenset(
    {
        "backendError",
        "internalError",
        "badGateway",
        "rateLimitExceeded",
        "jobBackendError",
        "jobInternalError",
        "jobRateLimitExceeded",
        "tableUnavailable",
    }
)
"""Reasons of a failed job that pass by themselves. A quota for a day does not, and what
is wrong with the data or the request stays wrong."""

_FIXES = (
    (
        ("accessDenied", "Forbidden", "PermissionDenied"),
        "Ask for the roles that docs/bigquery.md lists, or name another account in "
        "GOOGLE_APPLICATION_CREDENTIALS.",
    ),
    (
        ("authError", "Unauthorized", "Unauthenticated", "RefreshError"),
        "Log in again: gcloud auth application-default login.",
    ),
    (
        ("notFound", "NotFound"),
        "Check the name; a dataset must exist, a table that is written is made in it.",
    ),
    (
        ("quotaExceeded",),
        "Wait until the quota is renewed, or ask for a larger one.",
    ),
    (
        ("rateLimitExceeded", "TooManyRequests", "ResourceExhausted"),
        "Try again with fewer at once.",
    ),
    (
        ("billingNotEnabled",),
        "Link the project to a billing account, or name another project in "
        "GOOGLE_CLOUD_PROJECT.",
    ),
)
_REQUEST_S = 60.0
_PATIENCE_S = 120.0
_UNREACHED = (
    "Check the network, and BIGQUERY_EMULATOR_HOST or ZAP_BIGQUERY_ENDPOINT if they "
    "are set."
)


def patience() -> dict[str, Any]:
    """How long a client tries a short request, as its arguments.

    By itself it would try for ten minutes, in silence, what fails at once.
    """
    from google.cloud.bigquery import DEFAULT_RETRY

    return {"retry": DEFAULT_RETRY.with_timeout(_PATIENCE_S), "timeout": _REQUEST_S}


def storage_patience() -> dict[str, Any]:
    """The same for a short call of the Storage API."""
    from google.api_core import exceptions, retry

    passing = retry.if_exception_type(
        exceptions.DeadlineExceeded, exceptions.ServiceUnavailable
    )
    return {"retry": retry.Retry(passing, timeout=_PATIENCE_S), "timeout": _REQUEST_S}


@contextmanager
def service_errors(
    what: str, names: Sequence[str] = (), error: type[Exception] = BigQueryError
) -> Iterator[None]:
    """What Google's clients raise within, as an error for the user.

    Args:
        what: what was tried, as in "to load a file".
        names: of tables, for the message.
        error: the type to raise.

    Raises:
        BigQueryError: or the type that was asked for.
    """
    try:
        yield
    except Exception as problem:
        if not is_service_error(problem):
            raise
        raise error(describe(problem, what, names)) from problem


def is_service_error(problem: BaseException) -> bool:
    """Whether Google's clients raised it, or the connections below them."""
    for kind in type(problem).__mro__:
        name = f"{kind.__module__}.{kind.__name__}"
        if name.startswith(("google.api_core.exceptions.", "google.auth.exceptions.")):
            return True
        if name in ("requests.exceptions.RequestException", "grpc.RpcError"):
            return True
    return False


def reason_of(problem: BaseException) -> str:
    """The service's own word for it, or else the name of the exception's type."""
    cause = getattr(problem, "cause", None)  # of retries that were given up
    problem = cause if isinstance(cause, BaseException) else problem
    errors: Any = getattr(problem, "errors", None) or ()
    for each in errors:
        if isinstance(each, dict) and each.get("reason"):
            return str(each["reason"])
    return type(problem).__name__


def describe(problem: BaseException, what: str, names: Sequence[str] = ()) -> str:
    """The message for a user: what was tried, what came back, what to do."""
    reason = reason_of(problem)
    message = getattr(problem, "message", None) or str(problem)
    return words(reason, str(message), what, names)


def words(reason: str, message: str, what: str, names: Sequence[str] = ()) -> str:
    """A message of a reason and the service's own words.

    Args:
        reason: the service's word, or an exception's name.
        message: what the service says.
        what: what was tried.
        names: of tables.
    """
    named = "".join(f" table={name!r}," for name in names)
    fixes = [fix for reasons, fix in _FIXES if reason in reasons]
    unreached = reason.endswith(("ConnectionError", "Timeout", "ServiceUnavailable"))
    fix = fixes[0] if fixes else _UNREACHED if unreached else "See what BigQuery says."
    first = message.strip().splitlines()[0][:500] if message.strip() else reason
    return (
        f"Expected BigQuery {what}. Received:{named} reason={reason!r}: "
        f"{first.rstrip('.')}. {fix}"
    )
