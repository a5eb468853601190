"""What ``zap analyse`` found out last, as far as the console shows it.

The file is written by another process and read here, where it may be absent, half a
version older or damaged. So it is checked before it is passed on, read again only when
it has changed, and never makes the console fail: the page says what is wrong with it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FILE = "analysis.json"
LARGEST_BYTES = 8_000_000
# As the console names them, and as the analysis does: of any kind of label.
_MATURED = {
    "n": ("n",),
    "base_rate": ("base_rate", "mean_observed"),
    "auc": ("auc", "auc_mean"),
    "ece": ("ece",),
}
_IMMATURE = ("n", "expected", "expected_low", "expected_high")
_ALARMS = 20


class Analyses:
    """The last analyses of a log's applications, read when they change.

    Args:
        folder: of the prediction log; None if there is no log.
    """

    def __init__(self, folder: Path | None):
        self._folder = folder
        self._read: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {}

    def of(self, application: str) -> dict[str, Any]:
        """The analysis of an application.

        Returns:
            ``state``: "none", "unreadable" (with ``said``) or "there" with made_at,
            matured (n, base_rate, auc, ece, curve), immature (n, expected, its range)
            and alarms. What is not known, or not of one number, is None.
        """
        if self._folder is None:
            return {"state": "none"}
        path = self._folder / application / FILE
        try:
            found = path.stat()
        except OSError:
            return {"state": "none"}
        mark = (found.st_mtime_ns, found.st_size)
        known = self._read.get(application)
        if known is None or known[0] != mark:
            known = self._read[application] = (mark, read(path, found.st_size))
        return known[1]


def read(path: Path, size_bytes: int) -> dict[str, Any]:
    """A file's analysis, as `Analyses.of` gives it."""
    if size_bytes > LARGEST_BYTES:
        return _unreadable(f"it has {size_bytes:,} bytes; {LARGEST_BYTES:,} are read")
    try:
        return _checked(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return _unreadable(f"{type(error).__name__}: {error}")


def _unreadable(said: str) -> dict[str, Any]:
    return {"state": "unreadable", "said": said[:300]}


def _checked(content: Any) -> dict[str, Any]:
    said = _mapping(content)
    matured = _mapping(said["matured"])
    immature = _mapping(said.get("immature") or {})
    alarms = said.get("alarms") or ()
    return {
        "state": "there",
        "made_at": said["made_at"] if _is_time(said["made_at"]) else None,
        "matured": {
            **{name: _first(matured, names) for name, names in _MATURED.items()},
            "curve": [_point(each) for each in matured.get("curve") or ()],
        },
        "immature": {name: _number(immature.get(name)) for name in _IMMATURE},
        "alarms": [_alarm(each) for each in alarms if _rings(each)][:_ALARMS],
    }


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"no object of JSON: {value!r:.100}")
    return value


def _is_time(value: object) -> bool:
    return isinstance(value, str) or _number(value) is not None


def _number(value: object) -> float | int | None:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return value if known and math.isfinite(value) else None  # type: ignore[arg-type, return-value]


def _first(said: Mapping[str, Any], names: Sequence[str]) -> float | int | None:
    """The first of some numbers that is there."""
    found = (_number(said.get(name)) for name in names)
    return next((value for value in found if value is not None), None)


def _point(point: Any) -> list[float]:
    """A bucket of the curve: mean prediction, observed rate, how many."""
    predicted, observed, n = (_number(each) for each in list(point)[:3])
    if predicted is None or observed is None or n is None:
        raise ValueError(f"no bucket of a curve: {point!r}")
    return [predicted, observed, n]


def _rings(alarm: Any) -> bool:
    """Whether it is an alarm, and not a number that was judged to be right."""
    return not isinstance(alarm, Mapping) or bool(alarm.get("rings", True))


def _alarm(alarm: Any) -> str:
    """An alarm in words."""
    if isinstance(alarm, Mapping):
        told = alarm.get("said") or alarm.get("message") or alarm.get("name")
        alarm = told or json.dumps(alarm, default=str)
    return str(alarm)[:300]
