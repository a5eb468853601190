"""The files that workers of a job install before its first step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

import zap
from zap.dataflow import slim
from zap.dataflow.fetching import fetch
from zap.dataflow.installed import (
    EXTRAS,
    LEFT_OUT,
    OWN,
    closure,
    found,
    pinned,
    required,
)
from zap.dataflow.user_code import user_code
from zap.dataflow.wheels import Wheel, files_below, write_wheel
from zap.errors import MissingExtraError

ALWAYS = ("gcsfs",)
"""What buckets are read with, where an extra does not say so already."""

_OWN_FILES = (".py", ".toml", ".html", ".md", ".json", ".typed")


@dataclass(frozen=True)
class Staged:
    """Files for workers, in a folder.

    Attributes:
        requirements: a file of pinned requirements; None where the image has them.
        wheels: packages of Zap's and the user's, in the order of their installation.
        fetched: the wheels of the requirements; empty where workers fetch them.
    """

    requirements: Path | None
    wheels: tuple[Path, ...]
    fetched: tuple[Path, ...] = ()


def stage(
    modules: Iterable[str], folder: Path, image: bool = False, fetched: bool = True
) -> Staged:
    """Write what workers need in order to run a job of Zap.

    Args:
        modules: those that hold the user's own classes.
        folder: where the files are to be.
        image: whether workers run an image of the user's own, which has all that Zap
            requires; then only Zap itself and the user's modules are staged.
        fetched: whether the wheels of the requirements are fetched here.

    Raises:
        GeneratorError: a module cannot be sent.
        InputError: a wheel cannot be fetched.
        MissingExtraError: a package is missing here that workers need.
    """
    code = user_code(modules)
    wheels = [own_wheel(), *([code.wheel()] if code.files else [])]
    if image:
        return Staged(None, _written(wheels, folder))
    versions = worker_versions(code.requires)
    bsl = found(slim.NAME)
    if bsl is None:
        raise MissingExtraError(slim.NAME, "beam")
    if slim.runs_on_workers():
        wheels.insert(0, slim.slim_wheel(bsl))
    else:
        versions |= closure([Requirement(slim.NAME)])
    file = folder / "requirements.txt"
    file.write_text(pinned(versions))
    apart = folder / "fetched"
    return Staged(
        file,
        _written(wheels, folder),
        tuple(fetch(file, apart)) if fetched else (),
    )


def _written(wheels: Iterable[Wheel], folder: Path) -> tuple[Path, ...]:
    return tuple(write_wheel(wheel, folder) for wheel in wheels)


def worker_versions(more: Iterable[str] = ()) -> dict[str, str]:
    """Versions of all that workers need besides Beam, Zap and tfx-bsl.

    Args:
        more: names of distributions that the user's own modules import from.

    Raises:
        MissingExtraError: a package is missing here.
    """
    roots = [*required(OWN, EXTRAS), *map(Requirement, (*ALWAYS, *more))]
    roots += [each for each in required(slim.NAME) if each.name in slim.NEEDED]
    for name in ALWAYS:
        if found(name) is None:
            raise MissingExtraError(name, "gcp")
    return closure(roots, {*LEFT_OUT, slim.NAME})


def own_wheel() -> Wheel:
    """Zap as it runs here, installed or checked out, with the generators it ships."""
    files = files_below(Path(zap.__file__).resolve().parent, _OWN_FILES)
    there = found(OWN)
    generators = _beside("generators")
    if generators is not None:
        files |= files_below(generators, (".py", ".toml"))
    requires = [str(each) for each in required(OWN)]
    version = there.version if there else zap.__version__
    summary = "Zap, as it was on the machine that submitted this job"
    return Wheel(OWN, version, files, tuple(requires), summary=summary)


def _beside(package: str) -> Path | None:
    folder = Path(zap.__file__).resolve().parent.parent / package
    return folder if (folder / "__init__.py").is_file() else None
