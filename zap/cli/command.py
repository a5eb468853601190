"""What a command of ``zap`` is made of."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """A result with an exit code of its own.

    Attributes:
        result: what ``--json`` prints.
        exit_code: 0 for yes, 1 for an answer that is no; 2 is a mistake of the user's.
    """

    result: Any
    exit_code: int = 0


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: as it is typed.
        summary: one line for the list of commands.
        description: what it does, for its own help.
        example: a line that can be pasted.
        configure: adds its arguments to a parser.
        run: does the work, prints for people unless ``args.json``, and returns what
            ``--json`` prints; as an `Outcome` where the answer may be no.
        takes_beam_options: whether options that it does not know go to Beam.
        stopped: what is true after Ctrl-C, whenever it came.
    """

    name: str
    summary: str
    description: str
    example: str
    configure: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Any]
    takes_beam_options: bool = False
    stopped: str = "nothing was published"


@dataclass(frozen=True)
class Group:
    """Several commands under one word, such as ``zap models``.

    Attributes:
        name: as it is typed.
        summary: one line for the list of commands.
        description: what they are for, for the group's help.
        example: a line that can be pasted.
        commands: in the order of the help.
        default: the command that is meant where none is named; empty asks for one.
    """

    name: str
    summary: str
    description: str
    example: str
    commands: tuple[Command, ...]
    default: str = ""

    def completed(self, argv: Sequence[str]) -> Sequence[str]:
        """Arguments after the group's word, with the command that is meant."""
        # A word that is none of the commands is a slip, and not the default's.
        named = argv and (argv[0] in ("-h", "--help") or not argv[0].startswith("-"))
        return argv if named or not self.default else [self.default, *argv]
