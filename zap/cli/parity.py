"""``zap parity``: whether logged predictions come out again of the archive."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from zap.cli.archive_arguments import (
    add_archive,
    add_period,
    archive_of,
    period_of,
    root_of,
    say_lacks,
)
from zap.cli.command import Command, Outcome
from zap.errors import InputError


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("application", metavar="APPLICATION", help="whose predictions")
    add_archive(parser)
    add_period(parser)
    parser.add_argument(
        "--most",
        type=int,
        default=10_000,
        metavar="N",
        help="how many to replay at most, chosen by a hash (default 10000)",
    )
    parser.add_argument(
        "--min-share",
        type=float,
        metavar="SHARE",
        help="exit code 1 where fewer match exactly (default: never)",
    )


def run(args: argparse.Namespace) -> Outcome:
    """Replay, and say how many match and why the others do not."""
    from zap.jobs.parity.job import parity

    least = args.min_share
    if args.most < 1 or not 0 <= (least or 0) <= 1:
        raise InputError(
            "Expected --most to be at least 1 and --min-share from 0 to 1. "
            f"Received: most={args.most}, min-share={least}. Correct them."
        )
    since, until = period_of(args)
    found = parity(
        args.application,
        args.log,
        root_of(args),
        archive_of(args),
        since_us=since,
        until_us=until,
        most=args.most,
    )
    if not args.json:
        _show(found)
    alarm = least is not None and found["share"] < least
    return Outcome({**found, "alarm": alarm}, 1 if alarm else 0)


def _show(found: Mapping[str, Any]) -> None:
    print(
        f"{found['exact']:,} of {found['compared']:,} predictions "
        f"({found['share']:.2%}) come out again to the bit; {found['logged']:,} logged"
    )
    for why, number in found["not_compared"].items():
        if number:
            print(f"{number:>8,}  not compared: {why}")
    for cause, number in found["causes"].items():
        print(f"{number:>8,}  {cause}")
    for each in found["mismatches"]:
        print(f"  {each['prediction']}  {each['cause']} ({each['detail']})")
    say_lacks(found["archive"])
    for name, number in found["lines"].items():
        print(f"{number:>8,}  {name} of the log were skipped")


COMMAND = Command(
    "parity",
    "whether logged predictions come out again of the archive",
    "Replay logged predictions from the archive of raw events, each by the version "
    "that\nmade it, and say how many scores are equal to the bit and why others are "
    "not. Exit\ncode 1 if their share is below --min-share.",
    "zap parity shop --log predictions --events archive --mapping shop.toml",
    configure,
    run,
    stopped="nothing was changed",
)
