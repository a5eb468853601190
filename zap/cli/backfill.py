"""``zap backfill``: a store, or a day of the archive, made again."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zap.cli.collect_arguments import add_settings, settings_of
from zap.cli.command import Command

if TYPE_CHECKING:
    from zap.collect.app.config import CollectConfig


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_settings(parser)
    parser.add_argument(
        "--from",
        dest="since",
        metavar="TIME",
        help="only events received from then on: 2026-11-30 or 2026-11-30T08:15, UTC",
    )
    parser.add_argument(
        "--to", dest="until", metavar="TIME", help="only events received before"
    )
    parser.add_argument(
        "--store", metavar="URL", help="to be filled (default: that of the settings)"
    )
    parser.add_argument(
        "--keep-days",
        type=float,
        default=400,
        metavar="DAYS",
        help="subjects that are silent for so long are left out (default: %(default)s)",
    )
    parser.add_argument(
        "--archive-day",
        metavar="DAY",
        help="make this day of the archive again from the spool, and no store",
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Make it again, and say what came of it."""
    from zap.errors import CollectError

    config = settings_of(args)
    if args.archive_day:
        if args.since or args.until or args.store:
            raise CollectError(
                "Expected a day of the archive, or a time of the store. Received: "
                "--archive-day with --from, --to or --store. Run one after the other."
            )
        return _archive_day(args, config)
    if not (args.since and args.until):
        raise CollectError(
            "Expected --from and --to, or --archive-day. Received: "
            f"from={args.since}, to={args.until}. Give both times."
        )
    return _store(args, config)


def _store(args: argparse.Namespace, config: CollectConfig) -> dict[str, Any]:
    from zap.collect.sinks.opening import STORE_TIMEOUT_MS, checked_store
    from zap.collect.sinks.store import archive_mapping
    from zap.jobs.backfill import backfill_store
    from zap.serving.stores import open_store
    from zap.serving.stores.wanted import needs_of
    from zap.times import instant_us

    received = instant_us(args.since), instant_us(args.until)
    url = checked_store(config)
    places = Path(config.archive) if config.archive else None, Path(config.spool)
    mapping, needs = archive_mapping(config.mapping), needs_of(config.registry)
    store = open_store(url, STORE_TIMEOUT_MS, keep_days=args.keep_days)
    try:
        done = backfill_store(store, needs, mapping, places, received, _tell)
    finally:
        store.close()
    found = done.to_dict()
    if not args.json:
        print(f"{found['store']}, for {', '.join(found['applications'])}")
        _show({"events are new": found["new"], "were there": found["repeated"]})
        _show(found["by_reason"])
        _show(found["read"])
    return found


def _archive_day(args: argparse.Namespace, config: CollectConfig) -> dict[str, Any]:
    from datetime import date

    from zap.collect.archive.mending import mend_day
    from zap.errors import CollectError

    try:
        day = date.fromisoformat(args.archive_day)
    except ValueError as error:
        raise CollectError(
            "Expected a day as 2026-11-30. "
            f"Received: archive_day={args.archive_day!r}. Write it so."
        ) from error
    done = mend_day(config.archive, config.spool, day, _tell)
    if not args.json:
        print(f"{config.archive}, {done.day}")
        _show({"files are whole": done.whole, "events were missing": done.added})
        for path in done.set_aside:
            print(f"set aside: {path}")
    return asdict(done)


def _tell(what: str) -> None:
    if sys.stderr.isatty():
        print(f"Reading {what} ...", file=sys.stderr)


def _show(counts: Mapping[str, int]) -> None:
    for what, number in counts.items():
        print(f"{number:>10,}  {what}")


COMMAND = Command(
    "backfill",
    "fill the store, or a day of the archive, again",
    "Fill the event store again with what was received in some time, from the archive "
    "and what\nthe spool has besides; or make a day of the archive again from the "
    "spool. May be run again,\nand while events come in: nothing is added twice.",
    "zap backfill --config collect.toml --from 2026-11-29 --to 2026-12-01",
    configure,
    run,
    stopped="what was added stays; run it again for the rest",
)
