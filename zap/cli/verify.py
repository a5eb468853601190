"""``zap verify``: whether a bundle still says what it said when it was made."""

from __future__ import annotations

import argparse

from zap.cli.command import Command, Outcome


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("bundle", metavar="BUNDLE", help="a bundle's directory")


def run(args: argparse.Namespace) -> Outcome:
    """Score the verification set through the path of serving, and compare."""
    from zap.bundles.bundle import Bundle
    from zap.serving.verification import verify

    verdict = verify(Bundle.load(args.bundle))
    if not args.json:
        print(f"{'passed' if verdict.passed else 'failed'}: {verdict.said}")
    return Outcome(verdict.to_dict(), 0 if verdict.passed else 1)


COMMAND = Command(
    "verify",
    "whether a bundle still says what it said when it was made",
    "Score a bundle's verification set, examples as events, through the path of "
    "serving,\nand compare with the scores stored at training time: equal to the bit, "
    "or within 1e-6\non a processor of another kind. Exit code 1 if they are not.",
    "zap verify work/bundle",
    configure,
    run,
)
