"""``zap collect bad``: what was sent and is no event."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from zap.cli.command import Command

if TYPE_CHECKING:
    from pathlib import Path

    from zap.collect.app.config import CollectConfig
    from zap.collect.bad.listing import Wanted


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_wanted(parser)
    parser.add_argument(
        "--list",
        type=int,
        default=0,
        metavar="N",
        dest="most",
        help="show the latest N rows with what was sent, too",
    )


def add_wanted(parser: argparse.ArgumentParser) -> None:
    """Where bad rows lie, and which are meant."""
    parser.add_argument(
        "--config", metavar="FILE", required=True, help="the collector's TOML file"
    )
    parser.add_argument("--source", metavar="NAME", help="only of this source")
    parser.add_argument(
        "--reason",
        metavar="NAME",
        help="only of this reason; one that ends in '.' is all that begin so (schema.)",
    )
    parser.add_argument(
        "--from",
        dest="since",
        metavar="TIME",
        help="received at or after this day or time, UTC",
    )
    parser.add_argument(
        "--to", dest="until", metavar="TIME", help="received before this one"
    )


def wanted_of(args: argparse.Namespace) -> Wanted:
    """Which rows are meant.

    Raises:
        GeneratorError: a time is none.
    """
    from zap.collect.bad.listing import Wanted
    from zap.times import instant_us

    given = (args.since, args.until)
    since, until = (None if time is None else instant_us(time) for time in given)
    return Wanted(args.source, args.reason, since, until)


def folder_of(config: CollectConfig) -> Path:
    """Where the bad rows of a collector lie.

    Raises:
        CollectError: it keeps none.
    """
    from pathlib import Path

    from zap.errors import CollectError

    if not config.bad:
        raise CollectError(
            "Expected settings of a collector that keeps bad rows. Received: bad=''. "
            "Name their folder."
        )
    return Path(config.bad)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Count the rows, and show some."""
    from zap.collect.app.config import load_collect_config
    from zap.collect.bad.listing import counted, latest

    folder = folder_of(load_collect_config(args.config))
    wanted = wanted_of(args)
    found = counted(folder, wanted)
    if args.most > 0:
        found["list"] = [each.to_dict() for each in latest(folder, wanted, args.most)]
    if not args.json:
        _show(found)
    return found


def _show(found: dict[str, Any]) -> None:
    import json

    for each in found["rows"]:
        again = f", {each['replayed']:,} replayed" if each["replayed"] else ""
        where = f"{each['day']}  {each['source'] or '(no source)'}"
        print(f"{each['rows']:>10,}  {where}  {each['reason']}{again}")
    print(f"{found['total']:>10,}  in all, {found['replayed']:,} replayed")
    for why, number in sorted(found["unread"].items()):
        print(f"{number:>10,}  {why}")
    for row in found.get("list", []):
        print(f"\n{row['received_at']}  {row['source']}  {row['reason']}")
        print(f"  {row['detail']}")
        print(f"  {json.dumps(row['payload'], ensure_ascii=False)}")


COMMAND = Command(
    "bad",
    "what was sent and is no event",
    "Count bad rows by source, day and reason; with --list, show the latest and what "
    "was sent.",
    "zap collect bad --config collect.toml --reason schema. --list 3",
    configure,
    run,
    stopped="nothing was changed",
)
