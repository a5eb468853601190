"""What a search may choose: for each setting a range, or a list of values, as data.

The base of a search lies inside its space, so that its first trial can be the base
itself and the gain over it is always known.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from zap.bundles.kinds import GRU, TREES
from zap.errors import TrainingError
from zap.training.config import ModelConfig, kinds_with, settings_of

NOT_SEARCHED = {
    "kind": "a search is of one kind; compare two by the bundles they lead to",
    "seed": "the best of several seeds is luck, not a better setting",
    "epochs": "trials are compared epoch by epoch",
    "patience": "trials are compared epoch by epoch",
}
_SLACK = 1e-9


@dataclass(frozen=True)
class Range:
    """The numbers from ``low`` to ``high``, both included.

    Attributes:
        low: the least.
        high: the greatest.
        log: whether equal ratios are as far apart, not equal differences.
        step: the distance of neighbours, counted from ``low``; None allows all.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def holds(self, value: Any) -> bool:
        """Whether the value is one of the range."""
        if not self.low <= value <= self.high:
            return False
        steps = 0.0 if self.step is None else (value - self.low) / self.step
        return bool(abs(steps - round(steps)) < _SLACK)

    def to_dict(self) -> dict[str, Any]:
        """The range as a JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Choices:
    """Some values without an order.

    Attributes:
        choices: the values, all different.
    """

    choices: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Whether the value is one of them."""
        return value in self.choices

    def to_dict(self) -> dict[str, Any]:
        """The choices as a JSON object."""
        return {"choices": list(self.choices)}


Space = Mapping[str, Range | Choices]

DEFAULT_SPACE: Space = {
    "l2": Range(0.3, 300.0, log=True),
    "dropout": Range(0.0, 0.5),
    "units": Range(16, 128, step=16),
    "learning_rate": Range(5e-4, 2e-2, log=True),
    "positive_weight": Range(0.5, 8.0, log=True),
}
TREES_SPACE: Space = {
    "leaves": Range(4, 64, log=True),
    "leaf_rows": Range(10, 300, log=True),
    "leaf_l2": Range(0.1, 100.0, log=True),
    "shrinkage": Range(0.02, 0.2, log=True),
    "columns": Range(0.1, 1.0),
    "positive_weight": Range(0.5, 8.0, log=True),
}


def default_space(binary: bool, kind: str = GRU) -> Space:
    """The default of a kind of model.

    Positives have a weight only where labels are true or false.
    """
    space = TREES_SPACE if kind == TREES else DEFAULT_SPACE
    return {n: d for n, d in space.items() if binary or n != "positive_weight"}


def read_space(path: str | Path) -> Space:
    """The space in a JSON file.

    Raises:
        TrainingError: the file is missing, or is no JSON object of settings.
    """
    try:
        found = json.loads(Path(path).read_text("utf-8"))
        if not isinstance(found, dict) or not found:
            raise ValueError("it holds no object with a setting")
    except (OSError, ValueError) as error:
        raise TrainingError(
            "Expected a JSON file with an object of ranges, such as "
            f'{{"l2": {{"low": 1, "high": 100, "log": true}}}}. '
            f"Received: space={path}: {error}."
        ) from error
    return space_from_dict(found)


def space_to_dict(space: Space) -> dict[str, Any]:
    """The space as a JSON object; ``space_from_dict`` reads it."""
    return {name: domain.to_dict() for name, domain in space.items()}


def space_from_dict(data: Mapping[str, Any]) -> Space:
    """The space of a JSON object, in its order.

    Raises:
        TrainingError: a setting is unknown or not to be searched, or its range is none.
    """
    return {name: _domain(name, entry) for name, entry in data.items()}


def check_base(space: Space, base: ModelConfig) -> None:
    """Refuses a base that no trial of the search could be.

    Raises:
        TrainingError: a setting is not of the base's kind, or outside its range there.
    """
    for name, domain in space.items():
        if name not in settings_of(base.kind):
            raise TrainingError(
                f"Expected settings of the kind that the search starts from, which is "
                f"{base.kind!r}. Received: {name}={_shown(domain)}, a setting of "
                f"{', '.join(kinds_with(name))}. Leave it out of the space, or start "
                "from another kind with --config."
            )
        value = getattr(base, name)
        if not domain.holds(value):
            raise TrainingError(
                f"Expected the search of {name} to hold the setting that it starts "
                f"from, which is {value!r}. Received: {name}={_shown(domain)}. Widen "
                "it, or start from another setting with --config."
            )


def _domain(name: str, entry: Any) -> Range | Choices:
    known = [f.name for f in fields(ModelConfig) if f.name not in NOT_SEARCHED]
    if name not in known:
        why = f" ({NOT_SEARCHED[name]})" if name in NOT_SEARCHED else ""
        raise TrainingError(
            f"Expected a setting that can be searched: {', '.join(known)}. "
            f"Received: {name}={entry!r}{why}. Leave it out of the space."
        )
    domain = _choices(name, entry) if "choices" in _keys(entry) else _range(name, entry)
    for value in _ends(domain):
        # Says what a setting may be.
        ModelConfig.from_dict({"kind": kinds_with(name)[0], name: value})
    return domain


def _keys(entry: Any) -> set[str]:
    return set(entry) if isinstance(entry, Mapping) else set()


def _choices(name: str, entry: Mapping[str, Any]) -> Choices:
    values = entry["choices"]
    some = isinstance(values, list) and len(values) > 1
    plain = some and all(isinstance(value, str | int | float) for value in values)
    if set(entry) != {"choices"} or not plain or len(set(values)) < len(values):
        raise _wrong(name, "choices alone, a list of two or more values", entry)
    return Choices(tuple(values))


def _range(name: str, entry: Any) -> Range:
    if not _keys(entry) <= {"low", "high", "log", "step"} or (
        not _keys(entry) >= {"low", "high"}
    ):
        raise _wrong(name, "low and high, and log or step if wanted; or choices", entry)
    step = entry.get("step")
    numbers = (entry["low"], entry["high"], 1 if step is None else step)
    numeric = all(type(value) in (int, float) for value in numbers)
    if not numeric or not isinstance(entry.get("log", False), bool):
        raise _wrong(
            name, "numbers for low, high and step, true or false for log", entry
        )
    domain = Range(**entry)
    if not domain.low < domain.high:
        raise _wrong(name, "low below high", entry)
    if domain.log and (domain.low <= 0 or domain.step is not None):
        raise _wrong(name, "low above 0 and no step where log is true", entry)
    if domain.step is not None and not (
        domain.step > 0 and domain.holds(domain.high) and _same_kind(name, domain.step)
    ):
        raise _wrong(name, "a step that leads from low to high", entry)
    return domain


def _same_kind(name: str, step: float) -> bool:
    """Whether steps of a whole number are whole."""
    return isinstance(step, int) or not is_whole(name)


def is_whole(name: str) -> bool:
    """Whether a setting is a whole number."""
    return isinstance(ModelConfig.__dataclass_fields__[name].default, int)


def _ends(domain: Range | Choices) -> tuple[Any, ...]:
    if isinstance(domain, Choices):
        return domain.choices
    return (domain.low, domain.high)


def _wrong(name: str, wanted: str, entry: Any) -> TrainingError:
    return TrainingError(
        f"Expected of {name} in the space: {wanted}. Received: {name}={entry!r}. "
        "Change this entry."
    )


def _shown(domain: Range | Choices) -> str:
    return json.dumps(domain.to_dict())
