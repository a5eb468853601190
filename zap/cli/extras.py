"""Which extra of Zap brings a package that a command could not import."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires

from zap.errors import MissingExtraError

EXTRAS = ("beam", "train", "serve", "gcp")
"""Of several that bring a package the first is named."""

_OTHERWISE_NAMED = {
    "crawleruseragents": "crawler-user-agents",
    "sklearn": "scikit-learn",
}
_REQUIRED = re.compile(r"([\w.-]+).*\bextra == [\"'](\w+)[\"']")


def missing_extra(problem: ModuleNotFoundError) -> MissingExtraError | None:
    """The error that tells a user what to install; None if no extra brings it.

    Args:
        problem: what Python raised.
    """
    module = (problem.name or "").partition(".")[0]
    package = _OTHERWISE_NAMED.get(module, module.replace("_", "-"))
    found = {extra for name, extra in _brought() if name == package}
    for extra in EXTRAS:
        if extra in found:
            return MissingExtraError(package, extra)
    return None


def _brought() -> Iterator[tuple[str, str]]:
    """Packages and extras that bring them; none where Zap itself is not installed."""
    try:
        required = requires("zap-predictions") or []
    except PackageNotFoundError:
        return
    for text in required:
        if matched := _REQUIRED.match(text):
            yield matched[1].lower(), matched[2]
