"""The OpenAPI 3.1 document of the API, made of the structs that decode its bodies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from zap import __version__
from zap.serving.answers import Answer
from zap.serving.api import bodies

_REF = "#/components/schemas/{name}"
ERRORS = {
    400: "The body is not JSON in UTF-8.",
    401: "A key is missing, unknown or revoked.",
    403: "The key is not for this.",
    404: "There is no such application or path.",
    405: "The path has other methods, which the header Allow names.",
    408: "The body did not come in time.",
    413: "The body is too large.",
    415: "The body is not said to be application/json.",
    422: "The body is JSON but not of the wanted form; the message says where.",
    429: "Too many requests with this key; Retry-After says how many seconds to wait.",
    500: "A defect of the server.",
    503: "The server is full, or its store or log does not answer; Retry-After says "
    "how many seconds to wait.",
    504: "The answer took too long.",
}
SCHEMES = {
    "key": {"type": "http", "scheme": "bearer"},
    "visitor": {
        "type": "apiKey",
        "in": "header",
        "name": "Zap-Visitor",
        "description": "The token of a page's visitor, beside a publishable key.",
    },
}
# Of subject and events one is given; the other is left out, or null.
EITHER = [
    {"required": ["subject"], "properties": {"subject": {"type": "string"}}},
    {"required": ["events"], "properties": {"events": {"type": "array"}}},
]
_COMMON = (401, 403, 429, 500, 503, 504)
_BODY = (400, 408, 413, 415, 422)


@dataclass(frozen=True)
class Operation:
    """One path and method, as callers see it.

    Attributes:
        method: of HTTP, lower case.
        path: its template.
        name: a word for generated clients.
        summary: one line.
        answer: the form of the body of a 200.
        body: the form of the request's body, if it has one.
        errors: statuses besides the common ones.
        open: whether no key is needed.
        pages: whether a publishable key and a visitor's token will do.
    """

    method: str
    path: str
    name: str
    summary: str
    answer: type[msgspec.Struct]
    body: type[msgspec.Struct] | None = None
    errors: tuple[int, ...] = ()
    open: bool = False
    pages: bool = False


OPERATIONS = (
    Operation(
        *("post", "/v1/predictions/{application}", "predict"),
        "A prediction for a subject, or for events that are sent along",
        *(Answer, bodies.PredictionRequest, (404,)),
        pages=True,
    ),
    Operation(
        *("post", "/v1/predictions/{application}/batch", "predict_batch"),
        "Predictions for many subjects",
        *(bodies.BatchAnswer, bodies.BatchRequest, (404,)),
    ),
    Operation(
        *("post", "/v1/events", "append_events"),
        "Keep events of subjects; those that are there already change nothing",
        *(bodies.EventsAnswer, bodies.EventsRequest),
    ),
    Operation(
        *("post", "/v1/visitors", "issue_visitor"),
        "A token by which a page asks for its visitor's predictions",
        bodies.VisitorAnswer,
        pages=True,
    ),
    Operation(
        *("get", "/v1/applications", "applications"),
        "What is served",
        bodies.ApplicationsAnswer,
    ),
    Operation(
        *("get", "/v1/applications/{application}", "application"),
        "The versions of an application, and which is live",
        *(bodies.ApplicationAnswer, None, (404,)),
    ),
    Operation(
        *("delete", "/v1/subjects/{field}/{subject}", "forget"),
        "Remove a subject's events from the store",
        bodies.Forgotten,
    ),
    Operation(
        *("get", "/health", "health", "The process runs"), bodies.Health, open=True
    ),
    Operation(
        *("get", "/ready", "ready", "Predictions are answered"),
        *(bodies.Readiness, None, (503,)),
        open=True,
    ),
)


def document() -> dict[str, Any]:
    """The whole document."""
    types: list[type[msgspec.Struct]] = [bodies.ErrorAnswer]
    for each in OPERATIONS:
        types += [each.answer, *([each.body] if each.body else [])]
    unique = list(dict.fromkeys(types))
    _, components = msgspec.json.schema_components(unique, ref_template=_REF)
    components["PredictionRequest"]["oneOf"] = EITHER
    paths: dict[str, Any] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method] = _described(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Zap",
            "version": __version__,
            "description": "Predictions from recent events. Every answer that is not "
            "2xx has a body of the form ErrorAnswer.",
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": SCHEMES,
        },
    }


def _described(operation: Operation) -> dict[str, Any]:
    errors = set(operation.errors)
    if not operation.open:
        errors |= {*_COMMON, 405}
    if operation.body is not None:
        errors |= {*_BODY}
    if "{" in operation.path:
        errors |= {404}
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": _parameters(operation.path),
        "responses": {
            "200": _content(operation.summary, operation.answer.__name__),
            **{str(status): _refused(operation, status) for status in sorted(errors)},
        },
    }
    if not operation.open:
        found["security"] = [{"key": []}, {}]
        if operation.pages:
            found["security"].insert(1, {"key": [], "visitor": []})
    if operation.body is not None:
        body = {"$ref": _REF.format(name=operation.body.__name__)}
        content = {"application/json": {"schema": body}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _parameters(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    schema = {"type": "string", "minLength": 1}
    return [
        {"name": name, "in": "path", "required": True, "schema": schema}
        for name in names
    ]


def _refused(operation: Operation, status: int) -> dict[str, Any]:
    if operation.answer is bodies.Readiness:
        return _content("Predictions are not answered", "Readiness")
    found = _content(ERRORS[status], "ErrorAnswer")
    if status in (429, 503, 504):
        schema = {"type": "integer", "minimum": 1}
        header = {"schema": schema, "description": "Seconds to wait"}
        found["headers"] = {"Retry-After": header}
    return found


def _content(description: str, name: str) -> dict[str, Any]:
    schema = {"$ref": _REF.format(name=name)}
    content = {"application/json": {"schema": schema}}
    return {"description": description, "content": content}
