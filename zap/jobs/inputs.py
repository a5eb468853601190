"""What a job is about: a generator with its mapping and its raw events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zap.errors import InputError, MappingError
from zap.events.mapping import EventMapping
from zap.examples.generator import Generator
from zap.examples.registry import load_generator


@dataclass(frozen=True)
class RawInput:
    """A question and the raw events that it is asked of.

    Attributes:
        generator: the question.
        mapping: how rows become events.
        paths: files, globs or directories.
    """

    generator: Generator
    mapping: EventMapping
    paths: tuple[str, ...]


def raw_input(
    generator: str, inputs: Sequence[str] = (), mapping: str | None = None
) -> RawInput:
    """Finds a generator, and its own mapping and data where none are given.

    Args:
        generator: a registered name or ``package.module:Class``.
        inputs: files, globs or directories; empty for the data that ship with it.
        mapping: a mapping file; None for the generator's own.

    Raises:
        GeneratorError: there is no such generator.
        MappingError: no mapping is given and the generator has none.
        InputError: no input is given and the generator ships none.
    """
    found = load_generator(generator)
    return RawInput(found, _mapping(found, mapping), _paths(found, inputs))


def _mapping(generator: Generator, given: str | None) -> EventMapping:
    if given is not None:
        return EventMapping.load(given)
    if generator.mapping is None:
        raise MappingError(
            f"{generator.name} has no mapping of its own. Received: mapping=None. "
            "Give one with --mapping FILE, or set the generator's mapping attribute."
        )
    return EventMapping.load(generator.folder() / generator.mapping)


def _paths(generator: Generator, given: Sequence[str]) -> tuple[str, ...]:
    if given:
        return tuple(given)
    own = generator.data and Path(generator.folder() / generator.data)
    if not own:
        raise InputError(
            f"{generator.name} ships no data of its own. Received: no input. "
            "Give files, globs or directories with --input."
        )
    return (str(own),)
