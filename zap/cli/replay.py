"""``zap replay``: one logged prediction made again."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from zap.cli.archive_arguments import add_archive, archive_of, root_of, say_lacks
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
    print(
        f"Prediction {found['prediction']} of {found['application']}, version "
        f"{found['version']}, answered {found['time']}"
    )
    if found["events"]:
        print("Events that serving or the archive's view looked at:")
    for each in found["events"]:
        name = each["event_id"] or f"hash {each['hash']}"
        when = each["time"] or "not archived"
        print(f"  {when:<28} {each['type'] or '':<14} {name:<24} {each['mark']}")
    for name in ("encoded", "score"):
        pair = found[name]
        again = "not made" if pair["found"] is None else pair["found"]
        print(f"{name:<8} logged {pair['logged']}, made again {again}")
    print(_verdict(found))
    say_lacks(found["archive"])


def _verdict(found: Mapping[str, Any]) -> str:
    """What came of it; of a score that is the same also what did not matter."""
    from zap.jobs.parity.result import CAUSES, USED

    if found["exact"]:
        marks = {each["mark"] for each in found["events"]} - {USED}
        beside = f" Marks other than {USED!r} made no difference." if marks else ""
        return f"The score is the same, to the bit.{beside}"
    again = found["score"]["found"] is not None
    what = "differs" if again else "could not be made again"
    words = CAUSES[found["cause"]]
    return (
        f"The score {what}: {found['cause']}. {words[0].upper()}{words[1:]}.\n"
        f"Evidence: {found['detail']}"
    )


COMMAND = Command(
    "replay",
    "make one logged prediction again, event by event",
    "Make one logged prediction again from the archive of raw events, by the version "
    "that\nmade it: each event with whether it was used and if not why, the encoded "
    "digest and\nthe score as logged and found. Exit code 1 if the score is another.",
    "zap replay 01KF1Z6V7Q5CFQ7G5XK7PSMX44 --log predictions --events archive "
    "--mapping shop.toml",
    configure,
    run,
    stopped="nothing was changed",
)
