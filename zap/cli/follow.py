"""``zap follow``: scores that follow a collector's archive."""

from __future__ import annotations

import argparse
from typing import Any

from zap.cli.command import Command
from zap.cli.registry_arguments import add_root, root_of

EVENT = "event"
LONGEST_S = 100 * 366 * 86_400


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("application", metavar="APPLICATION", help="its live model")
    parser.add_argument(
        "--input", required=True, metavar="ARCHIVE", help="the collector's archive"
    )
    parser.add_argument(
        "--mapping", required=True, metavar="FILE", help="what its rows mean, TOML"
    )
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="folder of the scores"
    )
    add_root(parser)
    _add_times(parser)
    parser.add_argument(
        "--shards",
        type=int,
        default=8,
        metavar="N",
        help="parts of the subjects, each at one worker (default: %(default)s)",
    )


def _add_times(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--every",
        default="5",
        metavar="MINUTES",
        help=f"length of windows; {EVENT!r}: after each event (default: %(default)s)",
    )
    parser.add_argument(
        "--ignore-receipts",
        action="store_true",
        help="an event counts from its timestamp on; late ones correct scores",
    )
    parser.add_argument(
        "--lateness",
        type=float,
        default=60,
        metavar="MINUTES",
        help="how long a score may be corrected (default: %(default)s)",
    )
    parser.add_argument(
        "--behind",
        type=float,
        default=10,
        metavar="SECONDS",
        help="how long to wait for events that come in disorder (default: %(default)s)",
    )
    parser.add_argument(
        "--idle",
        type=float,
        default=300,
        metavar="SECONDS",
        help="after such a silence go by the clock; 0: never (default: %(default)s)",
    )
    for end, what in (
        ("since", "after this time"),
        ("until", "to this time, then end"),
    ):
        parser.add_argument(f"--{end}", metavar="TIME", help=f"score {what}, ISO")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Follow, and say what came of it."""
    from zap.cli.progress import print_table, progress
    from zap.events.mapping import EventMapping
    from zap.jobs.follow import Pace, follow
    from zap.scoring.following.options import Following

    mapping = EventMapping.load(args.mapping)
    with progress() as line:
        line.stage("Following")
        found = follow(
            args.application,
            root_of(args),
            args.input,
            mapping,
            args.output,
            Following(**_following(args)),
            shards=args.shards,
            pace=Pace(_us("behind", args.behind), idle_s=_us("idle", args.idle) / 1e6),
            beam_args=args.beam_args,
            watch=lambda told: line.stage(f"Following: {_said(told)}"),
        )
    if not args.json:
        print_table(f"Scores of {args.application}: {args.output}", _rows(found))
    return found


def _following(args: argparse.Namespace) -> dict[str, Any]:
    from zap.times import instant_us

    found: dict[str, Any] = {
        "every_us": _every_us(args.every),
        "receipts": not args.ignore_receipts,
        "lateness_us": _us("lateness", args.lateness * 60),
    }
    for end in ("since", "until"):
        if getattr(args, end):
            found[f"{end}_us"] = instant_us(getattr(args, end))
    return found


def _us(name: str, seconds: float) -> int:
    """Seconds in microseconds."""
    from zap.errors import InputError

    if not abs(seconds) < LONGEST_S:
        raise InputError(
            "Expected a time of less than a hundred years. "
            f"Received: {name}={seconds} s. Correct it."
        )
    return round(seconds * 1e6)


def _every_us(text: str) -> int:
    from zap.errors import InputError

    if text == EVENT:
        return 0
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0
    if not 0 < minutes <= 1_440:
        raise InputError(
            f"Expected minutes above 0 and up to a day, or {EVENT!r}. "
            f"Received: every={text!r}."
        )
    return round(minutes * 60e6)


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [("version", found["version"]), ("run", str(found["run"]))]
    rows += [("scored until", _until(found)), ("subjects", f"{found['subjects']:,}")]
    return [*rows, *((name, f"{n:,}") for name, n in found["counts"].items())]


def _until(found: dict[str, Any]) -> str:
    from zap.times import iso

    until = found["scored_until_us"]
    return "nothing yet" if until is None else iso(until)


def _said(found: dict[str, Any]) -> str:
    scores = found["counts"].get("scores.first", 0)
    return f"{scores:,} scores, until {_until(found)}"


COMMAND = Command(
    "follow",
    "scores that follow the archive of a collector",
    "Read what a collector archives as it comes, and score each subject at the end of\n"
    "each window in which something came of it, as a batch at that time would.\n"
    "Options that are not listed go to Beam (--runner=..., else Prism).",
    "zap follow shop --input archive --mapping archive.toml --output scores",
    configure,
    run,
    takes_beam_options=True,
    stopped="what was scored is there; the next run goes on from it",
)
