"""``zap snapshots``: what happened between the states of a table, as events."""

from __future__ import annotations

import argparse
from typing import Any

from zap.cli.command import Command


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add = parser.add_argument
    add(
        "input",
        nargs="+",
        metavar="INPUT",
        help="files, globs or directories of states: Parquet, CSV, JSON Lines",
    )
    add("--key", required=True, metavar="COLUMN", help="names a row in every state")
    add(
        "--columns",
        default="",
        metavar="A,B",
        help="what is compared and kept (default: all; needed for JSON Lines)",
    )
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument(
        "--day",
        metavar="FORM",
        help="a part of the paths that says when, such as users_%%Y-%%m-%%d.parquet",
    )
    when.add_argument(
        "--day-column", metavar="COLUMN", help="says in each row when it was so"
    )
    when.add_argument(
        "--at",
        action="append",
        default=[],
        metavar="TIME",
        help="when the state was taken; once for each INPUT. A day counts from its end",
    )
    add(
        "--name",
        default="row",
        help="of the table: types are NAME.created, .changed, .deleted, and .present "
        "in the first state (default row)",
    )
    add(
        "--timezone",
        default="UTC",
        metavar="ZONE",
        help="of days and of times without an offset (default UTC)",
    )
    add(
        "--max-deleted-share",
        type=float,
        default=0.5,
        metavar="SHARE",
        help="of rows that may be gone in the next state (default 0.5)",
    )
    add("--output", required=True, metavar="FILE", help="Parquet file to be made")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Make the events and print how many there are."""
    from zap.cli.progress import print_table
    from zap.events.snapshot_events import write_snapshot_events
    from zap.events.snapshot_states import SnapshotOptions
    from zap.times import iso

    options = SnapshotOptions(
        key=args.key,
        columns=tuple(name for name in args.columns.split(",") if name),
        name=args.name,
        day=args.day,
        column=args.day_column,
        times=tuple(args.at),
        timezone=args.timezone,
        max_deleted_share=args.max_deleted_share,
    )
    written = write_snapshot_events(args.input, args.output, options)
    states = [{"at": iso(at_us), "rows": rows} for at_us, rows in written.states]
    if not args.json:
        rows = [(f"state of {each['at']}", f"{each['rows']:,}") for each in states]
        rows += [(kind, f"{n:,}") for kind, n in sorted(written.counts.items())]
        print_table("What happened between the states", rows)
        print(f'Events: {args.output}, for a mapping with format = "snapshots"')
    return {"output": args.output, "states": states, "events": dict(written.counts)}


COMMAND = Command(
    "snapshots",
    "the states of a table, as events",
    "Compare the states of a table (customers, subscriptions) and write what "
    "happened\nbetween them: rows that are new, changed or gone, each known from the "
    "later state on.",
    "zap snapshots 'users_*.parquet' --day users_%Y-%m-%d.parquet --key id "
    "--output users.parquet",
    configure,
    run,
)
