"""Finds example generators by name.

A name is that of a shipped generator (``cdnow_repurchase``), of one that an installed
package offers under the entry point group ``zap.generators``, or
``package.module:Class`` for any other that can be imported.
"""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
import traceback
from collections.abc import Iterable, Iterator
from importlib.metadata import entry_points
from types import ModuleType

import zap
from zap.errors import GeneratorError, ZapError
from zap.examples.generator import Generator

PACKAGE = "generators"
ENTRY_POINTS = "zap.generators"


def load_generator(name: str) -> Generator:
    """The generator with this name.

    Args:
        name: a registered name, or ``package.module:Class``.

    Raises:
        GeneratorError: there is none; the message lists those there are.
    """
    if ":" in name:
        return _from_path(name)
    found = registered()
    if name in found:
        return found[name]()
    close = difflib.get_close_matches(name, found, 1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise GeneratorError(
        "Expected the name of a generator, or package.module:Class. "
        f"Received: generator={name!r}.{hint} There are: {', '.join(sorted(found))}."
    )


def registered() -> dict[str, type[Generator]]:
    """All registered generators by name.

    Raises:
        GeneratorError: two generators have one name.
    """
    return by_name([*_shipped(), *_offered()])


def by_name(classes: Iterable[type[Generator]]) -> dict[str, type[Generator]]:
    """The classes by their generators' names.

    Raises:
        GeneratorError: two of them have one name.
    """
    found: dict[str, type[Generator]] = {}
    for cls in classes:
        other = found.setdefault(cls().name, cls)
        if other is not cls:
            raise GeneratorError(
                f"Expected one generator named {cls().name!r}. Received: "
                f"{reference(other)} and {reference(cls)}. Rename one of the classes."
            )
    return found


def reference(cls: type[Generator]) -> str:
    """``package.module:Class``, by which a worker finds the class again."""
    return f"{cls.__module__}:{cls.__qualname__}"


def generators_in(module: ModuleType) -> Iterator[type[Generator]]:
    """The generators that a module itself defines."""
    for value in vars(module).values():
        if (
            isinstance(value, type)
            and issubclass(value, Generator)
            and value.__module__ == module.__name__
        ):
            yield value


def _shipped() -> Iterator[type[Generator]]:
    try:
        package = importlib.import_module(PACKAGE)
    except ModuleNotFoundError:
        return
    for module in pkgutil.iter_modules(package.__path__, f"{PACKAGE}."):
        yield from generators_in(importlib.import_module(module.name))


def _offered() -> Iterator[type[Generator]]:
    for point in entry_points(group=ENTRY_POINTS):
        yield point.load()


def _from_path(name: str) -> Generator:
    module_name, _, class_name = name.partition(":")
    module = _imported(module_name, name)
    cls = getattr(module, class_name, None)
    if isinstance(cls, type) and issubclass(cls, Generator) and cls is not Generator:
        return cls()
    there = ", ".join(each.__name__ for each in generators_in(module)) or "none"
    raise GeneratorError(
        f"Expected a Generator in {module_name}. Received: generator={name!r}. "
        f"It defines: {there}."
    )


def _imported(module_name: str, name: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ZapError:
        raise
    except Exception as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name
        if missing and f"{module_name}.".startswith(f"{missing}."):
            raise GeneratorError(
                "Expected package.module:Class of a module that can be imported. "
                f"Received: generator={name!r}. Install its package, or run "
                "from the folder that holds it."
            ) from error
        where = _place_of(error)
        if where is None:
            raise
        raise GeneratorError(
            f"Expected a module that can be imported. Received: generator={name!r}, "
            f"{type(error).__name__} in {where}: {error}. Mend it there."
        ) from error


def _place_of(error: Exception) -> str | None:
    """File and line of an error in a user's module; None of one in Zap's own."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, ModuleNotFoundError) and _is_own(frames[-1].filename):
        return None  # an extra of Zap is missing
    last = [each for each in frames if not _is_own(each.filename)][-1]
    return f"{last.filename}, line {last.lineno}"


def _is_own(path: str) -> bool:
    return path.startswith(
        (os.path.dirname(zap.__file__) + os.sep, "<frozen importlib")
    )
