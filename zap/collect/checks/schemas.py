"""JSON Schemas of a source's events: a folder with a file or two for each type.

``TYPE.json`` is of the whole event as it is kept, ``TYPE.properties.json`` and
``TYPE.traits.json`` of that part alone. What can't be in a file's name is written as in
URLs (``Cart%2FViewed.json``). A file that begins with ``_`` is no type's, but may be
referred to by the others (``{"$ref": "_address.json"}``). Nothing is ever fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import jsonschema_rs
import orjson

from zap.collect.event import Event
from zap.errors import CollectError

PARTS = ("properties", "traits")
MOST_ERRORS = 3
MOST_TEXT = 300
_BASE = "zap:///"

Validators = Sequence[tuple[str, jsonschema_rs.Validator]]


class Schemas:
    """The schemas of a source, compiled.

    Args:
        folder: with the files.

    Raises:
        CollectError: the folder or a file can't be read, two files are of the same,
            or a file is no JSON Schema; one with an unknown format is none.
    """

    def __init__(self, folder: Path):
        found = {path.name: _read(path) for path in _files(folder)}
        shared = [
            (_BASE + quote(name), schema)
            for name, schema in found.items()
            if name.startswith("_")
        ]
        registry = _registry(shared, folder)
        by_type: dict[str, dict[str, jsonschema_rs.Validator]] = {}
        for name, schema in found.items():
            if name.startswith("_"):
                continue
            type_, part = _meant(name)
            parts = by_type.setdefault(type_, {})
            if part in parts:
                raise CollectError(
                    "Expected one schema for each type and part. Received: "
                    f"{folder / name}, and another of type {type_!r}. Remove one."
                )
            parts[part] = _compiled(schema, folder / name, registry)
        if not by_type:
            raise CollectError(
                f"Expected files TYPE.json. Received: schemas={folder} without any. "
                "Write one, or take the setting out."
            )
        self._by_type: Mapping[str, Validators] = {
            type_: tuple(parts.items()) for type_, parts in by_type.items()
        }

    @property
    def types(self) -> list[str]:
        """The types that have a schema, sorted."""
        return sorted(self._by_type)

    def has(self, type_: str) -> bool:
        """Whether a type has a schema."""
        return type_ in self._by_type

    def problem(self, event: Event) -> str | None:
        """What does not fit of an event whose type has a schema; None: nothing."""
        for part, validator in self._by_type[event["type"]]:
            value = event.get(part, {}) if part else event
            if not validator.is_valid(value):
                return _told(part, validator, value)
        return None


def _files(folder: Path) -> list[Path]:
    try:
        paths = [path for path in folder.iterdir() if path.suffix == ".json"]
        return sorted(path for path in paths if not path.name.startswith("."))
    except OSError as error:
        raise CollectError(
            f"Expected a folder of JSON Schemas. Received: schemas={folder} "
            f"({error.strerror}). Make it, or take the setting out."
        ) from error


def _read(path: Path) -> Any:
    try:
        schema = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CollectError(
            f"Expected a JSON Schema. Received: {path} ({error}). Mend the file."
        ) from error
    if not isinstance(schema, dict | bool):
        raise CollectError(
            f"Expected a JSON Schema, an object. Received: {path} with a "
            f"{type(schema).__name__}. Mend the file."
        )
    return schema


def _meant(name: str) -> tuple[str, str]:
    """The type that a file's name says, and the part; empty for the whole event."""
    stem, _, part = name.removesuffix(".json").rpartition(".")
    if part not in PARTS or not stem:
        stem, part = name.removesuffix(".json"), ""
    return unquote(stem), part


def _registry(shared: list[Any], folder: Path) -> jsonschema_rs.Registry | None:
    if not shared:
        return None
    try:
        return jsonschema_rs.Registry(shared, retriever=_not_fetched)
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise CollectError(
            f"Expected JSON Schemas. Received: {folder}/_*.json ({error}). Mend them."
        ) from error


def _not_fetched(uri: str) -> Any:
    raise ValueError(f"{uri} is not a file of the folder")


def _compiled(
    schema: Any, path: Path, registry: jsonschema_rs.Registry | None
) -> jsonschema_rs.Validator:
    try:
        return jsonschema_rs.validator_for(
            schema,
            validate_formats=True,
            ignore_unknown_formats=False,
            registry=registry,
            base_uri=_BASE + quote(path.name),
            offline=True,
        )
    except (ValueError, jsonschema_rs.ReferencingError) as error:
        raise CollectError(
            f"Expected a JSON Schema. Received: {path} ({_short(error)}). Mend the "
            "file; references are to files of the same folder that begin with '_'."
        ) from error


def _told(part: str, validator: jsonschema_rs.Validator, value: Any) -> str:
    """The first of what does not fit, each with its place."""
    texts: list[str] = []
    for error in validator.iter_errors(value):
        if len(texts) == MOST_ERRORS:
            texts.append("and more")
            break
        place = [part] if part else []
        place += [str(step) for step in error.instance_path]
        texts.append(f"{'.'.join(place) or 'the event'}: {_short(error.message)}")
    return "; ".join(texts)


def _short(said: object) -> str:
    text = str(said).partition("\n")[0]
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + "..."
