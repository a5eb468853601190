"""Holds requests against the published description of BigQuery's REST API.

The description ("discovery document") comes with Google's own client of its APIs, in
the emulator's environment. A body that it does not allow would be refused by the
service, or a part of it overlooked; the emulator may be more lenient.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from bigquery_server import HOME

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool, str),  # the service takes texts too, and the clients send them
    "integer": (int, str),
    "number": (int, float, str),
}


@cache
def document() -> Any:
    folder = "googleapiclient/discovery_cache/documents/bigquery.v2.json"
    (path,) = HOME.glob(f"lib/python*/site-packages/{folder}")
    return json.loads(path.read_text())


def wrong_in(request: Mapping[str, Any]) -> list[str]:
    """What the description does not allow in a request; empty if all is well."""
    path = request["path"].removeprefix("/upload").removeprefix("/bigquery/v2/")
    for method in _methods(document()["resources"]):
        form = re.sub(r"\{[^}]+\}", "[^/]+", method.get("flatPath", method["path"]))
        form = form.removeprefix("bigquery/v2/")
        if method["httpMethod"] == request["method"] and re.fullmatch(form, path):
            if request["path"].startswith("/upload") and "mediaUpload" not in method:
                continue
            kind = method.get("request", {}).get("$ref")
            body = request["body"]
            return list(_wrong(body, kind, kind)) if kind and body else []
    return [f"no method {request['method']} {path}"]


def _methods(resources: Mapping[str, Any]) -> Iterator[Any]:
    for each in resources.values():
        yield from each.get("methods", {}).values()
        yield from _methods(each.get("resources", {}))


def _wrong(value: Any, kind: str, where: str) -> Iterator[str]:
    """What is wrong in an object of a named schema."""
    properties = document()["schemas"][kind]["properties"]
    for name, inner in value.items():
        if name not in properties:
            yield f"{where}.{name} is unknown"
        else:
            yield from _wrong_value(inner, properties[name], f"{where}.{name}")


def _wrong_value(value: Any, told: Mapping[str, Any], where: str) -> Iterator[str]:
    if "$ref" in told:
        yield from _wrong(value, told["$ref"], where)
    elif told["type"] == "array":
        for place, item in enumerate(value):
            yield from _wrong_value(item, told["items"], f"{where}[{place}]")
    elif told["type"] == "object":
        for name, item in value.items():
            yield from _wrong_value(
                item, told["additionalProperties"], f"{where}.{name}"
            )
    elif not isinstance(value, _TYPES[told["type"]]):
        yield f"{where} is {value!r}, no {told['type']}"
    elif told.get("readOnly"):
        yield f"{where} can't be set"
    elif "enum" in told and value not in told["enum"]:
        yield f"{where} is {value!r}, none of {told['enum']}"
