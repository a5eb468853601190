"""``zap replay``: one logged prediction made again."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from zap.cli.archive_arguments import add_archive, archive_of, root_of
from zap.cli.command import Command, Outcome


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("prediction", metavar="PREDICTION_ID", help="as answered")
    add_archive(parser)


def run(args: argparse.Namespace) -> Outcome:
    """Make it again, and tell of each event."""
    from zap.jobs.parity.job import replay

    found = replay(args.prediction, args.log, root_of(args), archive_of(args))
    if not args.json:
        _show(found)
    return Outcome(found, 0 if found["exact"] else 1)


def _show(found: Mapping[str, Any]) -> None:
    print(f"{found['application']}, version {found['version']}, {found['time']}")
    for each in found["events"]:
        name = each["event_id"] or f"hash {each['hash']}"
        when = each["time"] or "not archived"
        print(f"  {when:<28} {each['type'] or '':<14} {name:<24} {each['mark']}")
    for name in ("encoded", "score"):
        pair = found[name]
        print(f"{name:<8} logged {pair['logged']}, found {pair['found']}")
    print(f"{found['cause'] or 'exact'}: {found['detail']}")


COMMAND = Command(
    "replay",
    "make one logged prediction again, event by event",
    "Make one logged prediction again from the archive of raw events, by the version "
    "that\nmade it: each event with whether it was used and if not why, the encoded "
    "digest and\nthe score as logged and found. Exit code 1 if the score is another.",
    "zap replay 0197a1c2 --log predictions --events archive --mapping shop.toml",
    configure,
    run,
    stopped="nothing was changed",
)
