"""What a caller is told of an error: always JSON, and never a traceback.

A caller's mistake is 4xx; what mends itself is 503 with Retry-After, so that a client
knows that it may ask again. Whatever else is raised is a defect of Zap: the log has the
traceback, and the caller a 500 that says nothing of what was sent.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException

from zap.errors import (
    EncodingError,
    InputError,
    LogError,
    ServingError,
    StoreError,
    ZapError,
)
from zap.serving.api.refusals import Refused, retry_after
from zap.serving.service import UnknownApplicationError

RETRY_AFTER_S = 1.0


def refusal_of(error: BaseException) -> Refused | None:
    """The answer to an error that has one; None for a defect."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, HTTPException):
        return _of_router(error)
    if isinstance(error, StoreError):
        return _later("store", "The store of events does not answer now. Try again.")
    if isinstance(error, LogError):
        return _later("log", "The prediction can't be written down now. Try again.")
    if isinstance(error, UnknownApplicationError):
        return Refused(404, "unknown_application", str(error), "unknown_application")
    if isinstance(error, (ServingError, InputError, EncodingError)):
        return Refused(422, "invalid", str(error)[:1000], "invalid")
    if isinstance(error, ZapError):
        return _later("unavailable", "This can't be answered now. Try again.")
    return None


def _later(code: str, message: str) -> Refused:
    return Refused(503, code, message, code, [retry_after(RETRY_AFTER_S)])


def _of_router(error: HTTPException) -> Refused:
    code = {404: "not_found", 405: "method"}.get(error.status_code, "refused")
    headers = [
        (name.lower().encode(), value.encode())
        for name, value in (error.headers or {}).items()
    ]
    said = {
        "not_found": "There is nothing at this path. See /docs.",
        "method": "Expected another method at this path; the header Allow names it.",
    }
    message = said.get(code, error.detail)
    return Refused(error.status_code, code, message, None, headers)


DEFECT = Refused(
    500, "defect", "The server made a mistake, which is in its log. This is a defect."
)
