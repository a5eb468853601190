"""An application's file: what is retrained every week, and what the gates demand.

It lies at ``ROOT/APPLICATION/application.json``, is written by the first run from its
options, once they were found to be of use, and is the user's to edit afterwards.
"""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from zap.errors import InputError, RegistryError
from zap.evaluation.candidate import ModelThresholds
from zap.evaluation.data_gate import DataThresholds
from zap.jobs.retrain.runs import write_json
from zap.times import DAY_US

FILE = "application.json"
_KINDS: Mapping[str, tuple[Any, str]] = {
    "generator": (str, "a text"),
    "input": (tuple, "a list of paths"),
    "mapping": ((str, type(None)), "a path, or null"),
    "window_days": (int, "a whole number"),
    "holdout_days": (int, "a whole number"),
    "validation": ((int, float), "a number"),
    "model": (Mapping, "an object of settings"),
    "warm_start": (bool, "true or false"),
    "require_approval": (bool, "true or false"),
    "references": (int, "a whole number"),
}


@dataclass(frozen=True)
class Application:
    """What is retrained, and how.

    Attributes:
        generator: a registered name or ``package.module:Class``.
        input: files, globs or directories; with ``%Y``, ``%m`` and ``%d`` in them one
            for each day of the window. Empty for the generator's own data.
        mapping: a mapping file; None for the generator's own.
        window_days: how far back events are read, 7 to 60.
        holdout_days: the newest days, on which models are judged.
        validation: share of the subjects before them that stop and calibrate.
        model: settings of the model, as ``zap train --config`` takes them.
        warm_start: whether training begins with the live version's weights, if it can.
        require_approval: whether a person deploys.
        references: among how many versions, the newest, the best is a reference.
        data: what the data gate lets pass (`DataThresholds`).
        quality: what a new version must reach (`ModelThresholds`).
    """

    generator: str
    input: tuple[str, ...] = ()
    mapping: str | None = None
    window_days: int = 28
    holdout_days: int = 7
    validation: float = 0.2
    model: Mapping[str, Any] = field(default_factory=dict)
    warm_start: bool = False
    require_approval: bool = False
    references: int = 8
    data: DataThresholds = field(default_factory=DataThresholds)
    quality: ModelThresholds = field(default_factory=ModelThresholds)

    def __post_init__(self) -> None:
        for name, (kinds, words) in _KINDS.items():
            value = getattr(self, name)
            # To Python true is a number; to people it is none.
            is_bool, wants_bool = isinstance(value, bool), kinds is bool
            if not isinstance(value, kinds) or is_bool != wants_bool:
                raise InputError(
                    f"Expected {words}. Received: {name}={value!r}. Change it in "
                    f"{FILE}."
                )
        days = self.window_days
        if not 7 <= days <= 60:
            raise InputError(
                f"Expected a window of 7 to 60 days. Received: window_days={days!r}. "
                "Change --window-days."
            )
        if not 1 <= self.holdout_days < self.window_days:
            raise InputError(
                "Expected the newest days to be fewer than the window's. Received: "
                f"holdout_days={self.holdout_days!r}, window_days={days}. Change one."
            )
        if not 0 < self.validation < 1 or not self.references >= 1:
            raise InputError(
                "Expected a share of subjects between 0 and 1 that validate, and at "
                f"least 1 reference. Received: validation={self.validation!r}, "
                f"references={self.references!r}. Change them in {FILE}."
            )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Application:
        """The application that a JSON object describes; defaults for what it lacks.

        Raises:
            InputError: a key is unknown, or a value can't be used.
        """
        parts = dict(_known(cls, data, ""))
        if "generator" not in parts:
            raise InputError(
                "Expected the application's generator. Received: generator=None. Give "
                "--generator NAME at the first run, or write it into the file."
            )
        for name, kind in (("data", DataThresholds), ("quality", ModelThresholds)):
            if name in parts:
                parts[name] = kind(**_known(kind, parts[name], f"{name}."))
        if isinstance(parts.get("input"), list):
            parts["input"] = tuple(parts["input"])
        return cls(**parts)

    def to_dict(self) -> dict[str, Any]:
        """The application as a JSON object."""
        return asdict(self) | {"input": list(self.input)}

    def with_options(self, options: Mapping[str, Any]) -> Application:
        """The application with some of its settings replaced."""
        return self.from_dict({**self.to_dict(), **options})

    def paths(self, from_us: int, until_us: int) -> tuple[str, ...]:
        """The inputs of a window: a form of days is filled in for each day.

        Days of which there is no file are left out; the data gate sees them.
        """
        found: list[str] = []
        for path in self.input:
            if "%Y" not in path:
                found.append(path)
                continue
            days = (
                datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
                for us in range(from_us // DAY_US * DAY_US, until_us, DAY_US)
            )
            named = [day.strftime(path) for day in days]
            found += [each for each in named if "://" in each or glob.glob(each)]
        return tuple(found)


def digest_of(what: Any) -> str:
    """A digest of a JSON value; hexadecimal."""
    text = json.dumps(what, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def settled(folder: Path, options: Mapping[str, Any]) -> Application:
    """The application of a folder, or of the options if this is the first run.

    Args:
        folder: of the application in the registry.
        options: settings given with the command; where there is a file they hold for
            this run alone.

    Raises:
        InputError: there is no file yet and no generator is given, or the file can't
            be used.
    """
    path = folder / FILE
    if path.is_file():
        return load(path).with_options(options)
    return Application.from_dict(options)


def keep(folder: Path, application: Application) -> None:
    """Make the application's file, if there is none yet."""
    if not (folder / FILE).is_file():
        write_json(folder / FILE, application.to_dict())


def load(path: Path) -> Application:
    """The application of a file.

    Raises:
        InputError: it is no JSON object, or says something unknown.
    """
    try:
        said = json.loads(path.read_text("utf-8"))
        if not isinstance(said, dict):
            raise ValueError(f"it holds a {type(said).__name__}, not an object")
        return Application.from_dict(said)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"Expected a JSON file that describes an application. Received: "
            f"path={path}, {error}. Mend it, or remove it and give the options again."
        ) from error


def local_folder(root: str, application: str) -> Path:
    """The application's folder in a registry.

    Raises:
        RegistryError: the registry is not a local folder.
    """
    if "://" in root:
        raise RegistryError(
            "Expected a registry in a folder, since runs and examples are kept beside "
            f"the versions. Received: registry={root}. Mount the store, or copy the "
            "versions with zap models add."
        )
    return Path(root) / application


def _known(kind: Any, data: Mapping[str, Any], prefix: str) -> Mapping[str, Any]:
    names = [each.name for each in fields(kind)]
    for name in data:
        if name not in names:
            raise InputError(
                f"Expected a setting of the application. Received: {prefix}{name}="
                f"{data[name]!r}. There are: {', '.join(names)}."
            )
    return data
