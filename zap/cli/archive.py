"""``zap archive load``: collected events into a table of BigQuery."""

from __future__ import annotations

import argparse
from datetime import date
from typing import Any

from zap.cli.command import Command, Group
from zap.errors import InputError


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument(
        "archive",
        metavar="ARCHIVE",
        help="folder of the collector's archive, or a URL such as gs://BUCKET/archive",
    )
    parser.add_argument(
        "--to",
        required=True,
        metavar="TABLE",
        help="bigquery://PROJECT.DATASET.TABLE; made if it is missing",
    )
    parser.add_argument(
        "--days",
        metavar="FIRST..LAST",
        help="only these days of receipt, UTC, such as 2026-01-01..2026-01-07; an end "
        "may be left out (default: all)",
    )
    parser.add_argument(
        "--newest",
        type=int,
        metavar="N",
        help="only the newest N days, for a job that runs each day",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Load the days and print what they hold."""
    from zap.cli.progress import print_table, progress
    from zap.jobs.load_archive import load_archive

    first, last = _days_of(args.days)
    if args.newest is not None and args.newest < 1:
        raise InputError(
            f"Expected a number of days from 1. Received: --newest={args.newest}. "
            "Leave it out to load all days."
        )
    with progress() as line:
        found = load_archive(
            args.archive, args.to, first, last, args.newest, line.stage
        )
    if not args.json:
        rows = [
            (each["day"], f"{each['events']:,} events of {each['files']:,} files")
            for each in found["days"]
        ]
        print_table(found["table"], [*rows, ("in all", f"{found['events']:,} events")])
    return found


def _days_of(text: str | None) -> tuple[date | None, date | None]:
    """The first and the last day of a range; one day is both."""
    if text is None:
        return None, None
    first, dots, last = text.partition("..")
    try:
        begin = date.fromisoformat(first) if first else None
        end = date.fromisoformat(last) if last else None
    except ValueError:
        begin, end, dots, first = None, None, "", ""
    backwards = begin is not None and end is not None and begin > end
    if backwards or not (dots or first):
        raise InputError(
            "Expected days like 2026-01-01..2026-01-07. "
            f"Received: --days={text}. Write ISO dates, the first first, with "
            "two dots between them."
        )
    return begin, end if dots else begin


LOAD = Command(
    "load",
    "days of the archive into a table of BigQuery",
    "Load each day of an archive into its partition of a table, in place of what is "
    "there.\nMay be run as often as one likes, while the collector goes on.",
    "zap archive load archive --to bigquery://shop-data.web.events --newest 2",
    configure,
    run,
    stopped="days that were loaded stay loaded; run it again for the rest",
)
COMMAND = Group(
    "archive",
    "what to do with the archive of collected events",
    "Brings the collector's archive to where other tools are. Each command takes "
    "--json.",
    "zap archive load archive --to bigquery://shop-data.web.events",
    (LOAD,),
)
