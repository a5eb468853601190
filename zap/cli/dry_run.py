"""``zap generate --dry-run``: what would be read, and what it would cost."""

from __future__ import annotations

import argparse
from typing import Any

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")


def add_dry_run(parser: argparse.ArgumentParser) -> None:
    """The arguments of a dry run."""
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be read, into how many shards, and do nothing",
    )
    for name, what in (("read", "read of tables"), ("query", "that queries read")):
        parser.add_argument(
            f"--{name}-price",
            type=float,
            metavar="DOLLARS",
            help=f"list price of a TiB {what}, for the costs that --dry-run tells",
        )


def dry_run(args: argparse.Namespace) -> dict[str, Any]:
    """Print the plan of a job."""
    from zap.cli.arguments import raw_input_of
    from zap.cli.progress import print_table
    from zap.jobs.plan import plan

    raw = raw_input_of(args)
    planned = plan(raw, args.beam_args, args.shards)
    result = {"dry_run": True, **planned.to_dict()}
    rows = [row for each in planned.inputs for row in _rows(each)]
    rows.append(("read in all", size(planned.read_bytes)))
    if args.read_price is not None or args.query_price is not None:
        prices = args.read_price or 0.0, args.query_price or 0.0
        result["dollars"] = planned.dollars(*prices)
        rows.append(("BigQuery's list price", f"${result['dollars']:,.2f}"))
    rows.append(("shards", f"{planned.shards:,}"))
    rows.append(("local workers", f"{planned.workers:,}"))
    events = sum(each.events for each in planned.inputs)
    if events:
        likely = f"about {planned.likely.cpu_seconds / 60:,.1f} minutes of a core"
        rows.append((f"work on {events:,} events", likely))
    if not args.json:
        print_table(raw.generator.question, rows)
        print("Nothing was read, run or written.")
    return result


def _rows(each: Any) -> list[tuple[str, str]]:
    if each.kind == "files":
        files = "a file" if each.number == 1 else f"{each.number:,} files"
        return [(each.input, f"{files}, {size(each.stored_bytes)}")]
    if each.kind == "query":
        return [(each.input, f"a query that reads {size(each.read_bytes)}")]
    tables = f"{each.number:,} tables" if each.number > 1 else "a table"
    read = f"about {size(each.read_bytes)} of {size(each.stored_bytes)}"
    rows = [(each.input, f"{tables}, {read}")]
    if each.number > 1:
        rows.append(("  from and to", f"{each.first} {each.last}"))
    return [*rows, ("  columns", ", ".join(each.columns))]


def size(number: int) -> str:
    """A number of bytes for people."""
    value, unit = float(number), 0
    while value >= 1024 and unit < len(UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{value:,.0f} bytes" if unit == 0 else f"{value:,.1f} {UNITS[unit]}"
