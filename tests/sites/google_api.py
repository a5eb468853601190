"""Requests held against the published description of a Google API.

The description is what the vendor's own clients are made of: paths, parameters, and the
shape of each body. What does not fit it, the real service would refuse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "build" / "servers" / "google"
_SYSTEM = {"$alt", "alt", "fields", "prettyPrint", "key", "uploadType", "upload_id"}
_TYPES = {"string": str, "boolean": bool, "object": dict, "array": list}


@cache
def described(name: str) -> Api:
    """An API's description, or a skip."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        pytest.skip("needs server: Google's APIs; tests/servers/google/install")
    return Api(json.loads(path.read_text()))


class Api:
    """An API.

    Args:
        document: its published description.
    """

    def __init__(self, document: Mapping[str, Any]):
        self._schemas = document["schemas"]
        self._methods = [
            (re.compile(_pattern(method["path"])), method)
            for method in _methods(document)
        ]

    def problems(
        self, verb: str, path: str, query: Mapping[str, str], body: Any
    ) -> list[str]:
        """What is wrong with a request; nothing if all is well.

        Args:
            verb: of HTTP.
            path: behind the service's own, percent-encoded.
            query: its parameters.
            body: what the JSON of its body holds; None for none.
        """
        for pattern, method in self._methods:
            if method["httpMethod"] == verb and pattern.fullmatch(path):
                return [*self._wrong(method, query, body)]
        return [f"{verb} {path}: no such method"]

    def _wrong(
        self, method: Mapping[str, Any], query: Mapping[str, str], body: Any
    ) -> Iterator[str]:
        known = method.get("parameters", {})
        for name, value in query.items():
            if name in _SYSTEM:
                continue
            if name not in known:
                yield f"{method['id']}: unknown parameter {name}"
            elif "enum" in known[name] and value not in known[name]["enum"]:
                yield f"{method['id']}: {name}={value}"
        for name, told in known.items():
            if (
                told.get("required")
                and told["location"] == "query"
                and name not in query
            ):
                yield f"{method['id']}: no {name}"
        if body is not None:
            wanted = method.get("request", {}).get("$ref")
            if wanted is None:
                yield f"{method['id']}: takes no body"
            else:
                yield from self.misfits(wanted, body)

    def misfits(self, schema: str, value: Any) -> Iterator[str]:
        """Where a value does not have the shape of a schema."""
        yield from self._misfits({"$ref": schema}, value, schema)

    def _misfits(
        self, schema: Mapping[str, Any], value: Any, where: str
    ) -> Iterator[str]:
        if "$ref" in schema:
            schema = self._schemas[schema["$ref"]]
        kind = schema.get("type", "any")
        if not _is_of(kind, schema.get("format", ""), value):
            yield f"{where}: {value!r} is no {kind}"
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is none of the values"
        elif kind == "array":
            for each in value:
                yield from self._misfits(schema["items"], each, f"{where}[]")
        elif kind == "object":
            own, more = schema.get("properties", {}), schema.get("additionalProperties")
            for name, each in value.items():
                inner = own.get(name, more)
                if inner is None:
                    yield f"{where}.{name}: unknown"
                else:
                    yield from self._misfits(inner, each, f"{where}.{name}")


def _methods(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _methods(inner)


def _pattern(path: str) -> str:
    return re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))


def _is_of(kind: str, form: str, value: Any) -> bool:
    if kind == "any":
        return True
    if kind == "string" and form in ("int64", "uint64"):
        return str(value).lstrip("-").isdigit()
    if kind in ("integer", "number"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, _TYPES[kind])
