"""``zap``: one command for each stage, and one for all of them."""

from __future__ import annotations

import argparse
import atexit
import errno
import gc
import json
import os
import sys
from collections.abc import Sequence

from zap import __version__
from zap.cli import (
    analyse,
    archive,
    backfill,
    check,
    collect,
    evaluate,
    follow,
    forget,
    generate,
    keys,
    models,
    new,
    parity,
    replay,
    retrain,
    run,
    score,
    serve,
    simulate,
    snapshots,
    store,
    train,
    tune,
    verify,
    workers,
)
from zap.cli.command import Command, Group, Outcome
from zap.cli.extras import missing_extra
from zap.cli.options import Parser
from zap.errors import InputError, ZapError

COMMANDS: tuple[Command | Group, ...] = (
    run.COMMAND,
    generate.COMMAND,
    train.COMMAND,
    tune.COMMAND,
    evaluate.COMMAND,
    verify.COMMAND,
    serve.COMMAND,
    score.COMMAND,
    collect.COMMAND,
    follow.COMMAND,
    archive.COMMAND,
    backfill.COMMAND,
    analyse.COMMAND,
    parity.COMMAND,
    replay.COMMAND,
    retrain.COMMAND,
    models.COMMAND,
    keys.COMMAND,
    store.COMMAND,
    forget.COMMAND,
    check.COMMAND,
    new.COMMAND,
    simulate.COMMAND,
    snapshots.COMMAND,
    workers.COMMAND,
)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
DESCRIPTION = """\
Turn raw user events into calibrated predictions: will this visitor buy, sign up, come
back, churn?

  zap run cdnow_repurchase --output work      the whole job on bundled data
  zap new my_question                         a template for your own question
"""


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="zap",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"zap {__version__}")
    _add_commands(parser, COMMANDS)
    return parser


def _add_commands(
    parser: argparse.ArgumentParser,
    commands: Sequence[Command | Group],
    dest: str = "command",
) -> None:
    """Commands to choose from; the chosen one is ``chosen``, with its full name."""
    choices = parser.add_subparsers(
        dest=dest, metavar="COMMAND", required=True, parser_class=Parser
    )
    for command in commands:
        own = choices.add_parser(
            command.name,
            help=command.summary,
            description=command.description,
            epilog=f"example:\n  {command.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if isinstance(command, Group):
            _add_commands(own, command.commands, "subcommand")
            continue
        own.set_defaults(chosen=command, called=own.prog)
        command.configure(own)
        own.add_argument(
            "--json", action="store_true", help="print the result as JSON on stdout"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: the arguments; those of the process if None.

    Returns:
        The exit code: 0, 1 where a command's answer is no, or 2 for a mistake of the
        user's.
    """
    _collect_garbage_seldom()
    parser = build_parser()
    args, rest = parser.parse_known_args(_completed(argv))
    command: Command = args.chosen
    if rest and not command.takes_beam_options:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    args.beam_args = tuple(rest)
    if "" not in sys.path:
        # A generator of one's own is found in the folder one works in.
        sys.path.insert(0, "")
    try:
        code = _answer(args, command)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except BrokenPipeError:
        _leave_stdout()
        return 1
    except OSError as problem:
        if problem.filename is not None or problem.errno not in _NO_ROOM:
            raise
        _leave_stdout()
        print(f"{args.called}: {_not_written(problem)}", file=sys.stderr)
        return 2


def _collect_garbage_seldom() -> None:
    """Spend no fifth of a short job on looking for garbage among what was imported."""
    gc.set_threshold(50_000, 20, 100)
    atexit.register(gc.freeze)  # what is left, the system takes back in one step


def _answer(args: argparse.Namespace, command: Command) -> int:
    """Run the command and say what came of it."""
    try:
        found = command.run(args)
    except ZapError as problem:
        return _refused(args, problem)
    except ModuleNotFoundError as problem:
        missing = missing_extra(problem)
        if missing is None:
            raise
        return _refused(args, missing)
    except OSError as problem:
        if problem.filename is None:
            raise
        return _refused(args, _not_written(problem))
    except KeyboardInterrupt:
        print(f"{args.called}: stopped; {command.stopped}", file=sys.stderr)
        return 130
    outcome = found if isinstance(found, Outcome) else Outcome(found)
    if args.json:
        print(json.dumps(outcome.result, allow_nan=False))
    return outcome.exit_code


def _not_written(problem: OSError) -> InputError:
    path = problem.filename or "standard output, or a file that has no name"
    return InputError(
        "Expected a path that can be read or written. Received: "
        f"path={path} ({problem.strerror}). Choose another."
    )


def _leave_stdout() -> None:
    """Write no more: whoever read stdout has left, or there is no room behind it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _completed(argv: Sequence[str] | None) -> Sequence[str]:
    """The arguments, with a group's default command where they name none."""
    given = sys.argv[1:] if argv is None else argv
    for command in COMMANDS:
        if given and isinstance(command, Group) and given[0] == command.name:
            return [given[0], *command.completed(given[1:])]
    return given


def _refused(args: argparse.Namespace, problem: ZapError) -> int:
    """Say what a user has to mend."""
    print(f"{args.called}: {problem}", file=sys.stderr)
    if args.json:
        said = {"error": type(problem).__name__, "message": str(problem)}
        print(json.dumps(said))
    return 2


if __name__ == "__main__":
    sys.exit(main())
