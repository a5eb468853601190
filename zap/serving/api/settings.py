"""TOML settings for people: what is misspelt is refused with what was meant.

A limit whose name is misspelt would be a limit that is not there, so a name that is
unknown is an error that names the nearest one that is known.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from zap.errors import ZapError

T = TypeVar("T", bound=msgspec.Struct)


class Settings:
    """How the settings of one command are read.

    Args:
        tables: the struct or dataclass of each table by its path as msgspec has it:
            ``$`` for the file, ``$.limits``, ``$.sources[...]``.
        error: what is raised.
        who: whose settings they are: ``a server``.
        document: that explains them.
    """

    def __init__(
        self,
        tables: Mapping[str, type],
        error: type[ZapError],
        who: str,
        document: str,
    ):
        self._tables = tables
        self._error, self._who, self._document = error, who, document

    def load(
        self, kind: type[T], path: str | Path | None, given: Mapping[str, Any]
    ) -> T:
        """The settings of a file, and over them those of the command line.

        Args:
            kind: of the settings.
            path: a TOML file; None has none.
            given: settings by name; None values are not given.

        Raises:
            ZapError: the file can't be read, a name is unknown, or a value is wrong.
        """
        said = self._read(path) if path is not None else {}
        said |= {name: value for name, value in given.items() if value is not None}
        self._check_dataclasses(said, path)
        try:
            return msgspec.convert(said, kind)
        except msgspec.ValidationError as error:
            raise self._explained(str(error), path) from error

    def _read(self, path: str | Path) -> dict[str, Any]:
        try:
            with open(path, "rb") as file:
                return tomllib.load(file)
        except (OSError, ValueError) as error:
            raise self._error(
                f"Expected a TOML file of settings. Received: config={path} ({error}). "
                f"See {self._document} for an example."
            ) from error

    def _check_dataclasses(
        self, said: Mapping[str, Any], path: str | Path | None
    ) -> None:
        """Refuse unknown names in dataclasses, in which msgspec lets them pass."""
        for place, kind in self._tables.items():
            found: Any = said.get(place.removeprefix("$."))
            if not dataclasses.is_dataclass(kind) or not isinstance(found, dict):
                continue
            self._check_dataclass(place.removeprefix("$."), kind, found, path)

    def _check_dataclass(
        self, place: str, kind: type, found: Mapping[str, Any], path: Any
    ) -> None:
        known = _names(kind)
        for name, value in found.items():
            if name not in known:
                raise self._unknown(f"{place}.{name}", name, known, path)
            inner = self._tables.get(f"$.{place}.*")
            if inner is not None and isinstance(value, dict):
                self._check_dataclass(f"{place}.{name}", inner, value, path)

    def _explained(self, message: str, path: str | Path | None) -> ZapError:
        unknown = re.search(r"unknown field `(.*?)`(?: - at `(.*)`)?", message)
        if unknown is not None:
            place = unknown[2] or "$"
            known = _names(self._tables[place]) if place in self._tables else []
            shown = f"{place}.{unknown[1]}".removeprefix("$.")
            return self._unknown(shown, unknown[1], known, path)
        at = re.search(r"\$\.(\w+)", message)
        name = at[1] if at else "a setting"
        return self._error(
            f"Expected settings of {self._who} that are right. Received: {message}, "
            f"config={path}. Change {name}."
        )

    def _unknown(
        self, shown: str, name: str, known: Sequence[str], path: str | Path | None
    ) -> ZapError:
        near = difflib.get_close_matches(name, known, 1, 0.4)
        fix = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(known)}."
        return self._error(
            f"Expected settings that {self._who} has. Received: {shown!r}, "
            f"config={path}. {fix}"
        )


def _names(kind: type) -> Sequence[str]:
    if dataclasses.is_dataclass(kind):
        return [each.name for each in dataclasses.fields(kind)]
    fields: Sequence[str] = kind.__struct_fields__  # type: ignore[attr-defined]
    return fields
