"""Options that a command does not know, told of before anything else.

A slip in the name of an option that is needed would else be answered with "required",
of an option that stands there; and a slip in any other, where options may be meant for
Beam, would come to light after seconds, when Beam was loaded and asked.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Any

_NEAR = 0.8


class Parser(argparse.ArgumentParser):
    """Parses what a command is given."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """See argparse; an option that must be a slip is refused."""
        command = self.get_default("chosen")
        if command is not None and args is not None:
            own = [*self._option_string_actions]
            slips = unknown(args, own)
            if command.takes_beam_options:
                slips = [each for each in slips if meant(each, own) is not None]
            if slips:
                told = " ".join(_told(each, own) for each in slips)
                self.error(f"unrecognized arguments: {told}")
        return super().parse_known_args(args, namespace)


def unknown(args: Sequence[str], own: Collection[str]) -> list[str]:
    """The names of long options among some arguments that a command does not have.

    As argparse sees it: behind ``--`` all are values, as is what has a space in it.
    """
    found = []
    for each in args:
        if each == "--":
            break
        name = each.partition("=")[0]
        if name.startswith("--") and " " not in each and name not in own:
            found.append(name)
    return found


def meant(name: str, own: Sequence[str]) -> str | None:
    """The option that was meant by one that is not there; None if it is like none.

    Beam's options have underscores, ours have none: with one it is a slip only if it is
    the same but for them.

    Example:
        >>> meant("--inptu", ["--input", "--output"])
        '--input'
        >>> meant("--max_bad_share", ["--max-bad-share"])
        '--max-bad-share'
        >>> meant("--num_workers", ["--workers"])
    """
    dashed = name.replace("_", "-")
    if dashed in own:
        return dashed
    near = [] if "_" in name else get_close_matches(name, own, 1, _NEAR)
    return near[0] if near else None


def _told(name: str, own: Sequence[str]) -> str:
    wanted = meant(name, own)
    return name if wanted is None else f"{name} (did you mean {wanted}?)"
