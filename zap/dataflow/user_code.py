"""The modules of a user's own that a generator needs, found and packed.

A worker imports the generator's class by its module's name. So the top-level module or
package that holds it goes along, and with it all that it imports from the same folder,
inside functions too. What it imports from installed packages is required in the version
that is here; an installed package that holds the generator itself goes along as files.
"""

from __future__ import annotations

import ast
import importlib.util
import logging
import sys
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import zap
from zap.dataflow.installed import OWN, canonical
from zap.dataflow.wheels import Wheel, content_digest, files_below
from zap.errors import GeneratorError

CODE = (".py", ".toml")
"""Endings of what is staged of a user's own folders."""

_LOG = logging.getLogger(__name__)
MOST_BYTES = 64 * 2**20
SHIPPED = {"zap", "generators", "pipelines"}
"""What Zap's own wheel holds."""


@dataclass(frozen=True)
class UserCode:
    """What goes along with a generator.

    Attributes:
        files: by their path in a wheel; empty for a generator that Zap ships.
        requires: names of the distributions that it imports from.
    """

    files: dict[str, Path]
    requires: frozenset[str]

    def wheel(self) -> Wheel:
        """A wheel of the files, whose version tells their content."""
        version = f"0+{content_digest(self.files)}"
        summary = "Modules of the user's own, which Zap staged for this job"
        return Wheel("zap-user-code", version, self.files, summary=summary)


def user_code(modules: Iterable[str]) -> UserCode:
    """What workers need in order to import some modules.

    Args:
        modules: full names, such as that of a generator's class.

    Raises:
        GeneratorError: a module lies nowhere that can be sent, or is too large.
    """
    files: dict[str, Path] = {}
    requires: set[str] = set()
    waiting = [name.partition(".")[0] for name in modules]
    asked, seen = set(waiting), set()
    while waiting:
        top = waiting.pop()
        if top in seen or _is_zaps(top) or top in sys.stdlib_module_names:
            continue
        seen.add(top)
        owners = {canonical(each) for each in _distributions().get(top, ())} - {OWN}
        if top not in asked:
            requires |= owners
        if owners and top not in asked:
            continue
        own = None if top == "__main__" else _files_of(top, bool(owners))
        if own is None:
            if top in asked:
                raise _nowhere(top)
            continue  # an import that may fail, or a module of Python's own
        files |= own
        waiting += sorted(_imported(own.values()))
    _check_size(files)
    return UserCode(files, frozenset(requires))


def _is_zaps(top: str) -> bool:
    """Whether a module is one that Zap's own wheel holds."""
    if top not in SHIPPED:
        return False
    spec = importlib.util.find_spec(top)
    beside = Path(zap.__file__).resolve().parents[1]
    return spec is None or Path(spec.origin or "").resolve().parents[1] == beside


@cache
def _distributions() -> dict[str, list[str]]:
    return dict(packages_distributions())


def _files_of(top: str, installed: bool) -> dict[str, Path] | None:
    """The files of a top-level module or package; None if it has none.

    Of an installed package these are what its author has released. A folder of the
    user's own may hold anything beside the code, keys of accounts too, and what is
    staged lies on a bucket: only code and mappings leave it, and the rest is named.
    """
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        found: dict[str, Path] = {}
        for folder in spec.submodule_search_locations:
            every = files_below(Path(folder).resolve())
            found |= {n: p for n, p in every.items() if installed or n.endswith(CODE)}
            _tell_of_others(top, every.keys() - found.keys())
        return found
    path = Path(spec.origin or "")
    if path.suffix != ".py" or not path.is_file():
        return None
    return {path.name: path.resolve()}


def _tell_of_others(top: str, others: Collection[str]) -> None:
    if others:
        _LOG.warning(
            "Not staged of %s, neither code nor a mapping: %s. What workers "
            "need of it goes into a package, with --extra_package.",
            top,
            ", ".join(sorted(others)[:5]) + (", ..." if len(others) > 5 else ""),
        )


def _imported(paths: Iterable[Path]) -> set[str]:
    """Top-level names that Python files import, anywhere in them."""
    return {
        name for path in paths if path.suffix == ".py" for name in _imports_in(path)
    }


def _imports_in(path: Path) -> Iterator[str]:
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError):
        return  # not imported so far, or it would have failed
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _nowhere(top: str) -> GeneratorError:
    if top == "__main__":
        return GeneratorError(
            "Expected a generator in a module of its own, which workers can import. "
            "Received: module=__main__. Move the class into a file, and name it as "
            "module:Class."
        )
    return GeneratorError(
        "Expected a generator whose module is a Python file or a package. "
        f"Received: module={top!r}, which is neither. Put it into a folder, run from "
        "there, or install it on the workers with --extra_package."
    )


def _check_size(files: dict[str, Path]) -> None:
    total = sum(path.stat().st_size for path in files.values())
    if total > MOST_BYTES:
        largest = max(files.values(), key=lambda path: path.stat().st_size)
        raise GeneratorError(
            f"Expected at most {MOST_BYTES >> 20} MB of a generator's own files. "
            f"Received: {total / 2**20:.0f} MB, the largest {largest}. Move data out "
            "of the package that holds the generator."
        )
