"""``zap forget``: take one subject out of all that a registry keeps."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from zap.cli.command import Command


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "subject",
        metavar="SUBJECT",
        help="as in the column of the subject; - reads it from standard input, so that "
        "no history of commands keeps it",
    )
    parser.add_argument(
        "--registry", metavar="ROOT", help="where models lie (default: ZAP_REGISTRY)"
    )
    parser.add_argument(
        "--application", action="append", metavar="NAME", help="only this one; repeat"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Forget the subject, and say what was reached and what was not."""
    from zap.bundles.registry import default_root
    from zap.jobs.forget import forget

    subject = sys.stdin.readline().rstrip("\n") if args.subject == "-" else args.subject
    found = forget(subject, args.registry or default_root(), args.application)
    if not args.json:
        for place in found["reached"]:
            print(f"{place['removed']:>6,}  {place['kind']:<12}  {place['place']}")
        print(f"{found['removed']:>6,}  examples were forgotten")
        print("Not reached:")
        for text in found["not_reached"]:
            print(f"  - {text}")
    return found


COMMAND = Command(
    "forget",
    "take one subject out of all that a registry keeps",
    "Take a subject out of the archived examples and the verification sets of a "
    "registry,\nand say what could not be reached. May be run again at any time.",
    "zap forget visitor-17 --registry models",
    configure,
    run,
    stopped="places that were done stay done; run it again for the rest",
)
