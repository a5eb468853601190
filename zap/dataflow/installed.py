"""The versions that workers get: those of the packages which are installed here.

A worker that unpickles a step of the job must have the libraries that made it. So what
goes into the requirements is what this process imports, to the last digit, with all
that it requires in turn. Beam itself is left out: the container image has it, in the
version that the submitting machine has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import InvalidRequirement, Requirement

OWN = "zap-predictions"
EXTRAS = ("beam", "gcp")
LEFT_OUT = {"apache-beam", "rich", OWN}
"""In the image (Beam), for a terminal only (rich), staged as a wheel (Zap itself)."""


def canonical(name: str) -> str:
    """A distribution's name as indices compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def found(name: str) -> Distribution | None:
    """An installed distribution, or None."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def required(name: str, extras: Collection[str] = ("",)) -> list[Requirement]:
    """What an installed distribution requires here, with some of its extras."""
    there = found(name)
    wanted = []
    for text in (there and there.requires) or ():
        try:
            each = Requirement(text)
        except InvalidRequirement:
            continue  # others' metadata are not ours to mend
        if each.marker is None or any(
            each.marker.evaluate({"extra": extra}) for extra in ("", *extras)
        ):
            wanted.append(each)
    return wanted


def closure(
    roots: Iterable[Requirement], without: Collection[str] = LEFT_OUT
) -> dict[str, str]:
    """Versions of what is required, directly or not, and installed.

    Args:
        roots: what is asked for.
        without: names that are left out, with what only they require.

    Returns:
        Versions by canonical name.
    """
    versions: dict[str, str] = {}
    waiting = [(canonical(each.name), frozenset(each.extras)) for each in roots]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if name in without or (name, extras) in seen:
            continue
        seen.add((name, extras))
        there = found(name)
        if there is None:
            continue  # an extra that is not installed here is not used here either
        versions[name] = there.version
        more = required(name, extras)
        waiting += [(canonical(each.name), frozenset(each.extras)) for each in more]
    return versions


def pinned(versions: dict[str, str]) -> str:
    """The text of a requirements file."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(versions.items()))
