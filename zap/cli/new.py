"""``zap new``: a template for a question of one's own."""

from __future__ import annotations

import argparse
from typing import Any

from zap.cli.command import Command


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("name", metavar="NAME", help="in snake_case, such as signup")
    parser.add_argument(
        "--output", default=".", metavar="DIR", help="where the files go (default .)"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Write the files and say what to do next."""
    from zap.jobs.template import class_name, write_template

    paths = write_template(args.name, args.output)
    if not args.json:
        for path in paths:
            print(f"Wrote {path}")
        print(
            "Next: name your columns in the mapping, run the test with pytest, then\n"
            f"  zap run {args.name}:{class_name(args.name)} --input EVENTS "
            "--output work"
        )
    return {"files": [str(path) for path in paths]}


COMMAND = Command(
    "new",
    "a template for your own question",
    "Write a generator, its mapping and its test, to be filled in.",
    "zap new signup",
    configure,
    run,
)
