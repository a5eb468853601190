"""``zap collect replay``: bad rows that are events once something was mended."""

from __future__ import annotations

import argparse
from typing import Any

from zap.cli.collect_bad import add_wanted, folder_of, wanted_of
from zap.cli.command import Command


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add_wanted(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be, and change nothing"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Replay the rows that are meant."""
    from pathlib import Path

    from zap.collect.app.config import load_collect_config
    from zap.collect.app.server import open_spool
    from zap.collect.bad.again import Again
    from zap.collect.bad.replaying import hand_over, replay
    from zap.collect.checks.checks import Checks

    config = load_collect_config(args.config)
    bad, spool = folder_of(config), Path(config.spool)
    again = Again(Checks(config.sources))
    found = replay(bad, spool, again, wanted_of(args), args.dry_run)
    if not args.dry_run:
        found.waiting = not hand_over(spool, lambda _: open_spool(config))
    result = found.to_dict()
    if not args.json:
        _show(result, args.dry_run)
    return result


def _show(found: dict[str, Any], dry_run: bool) -> None:
    became = "would be replayed" if dry_run else "replayed"
    for reason, number in sorted(found["replayed"].items()):
        print(f"{number:>10,}  {became}: {reason}")
    for reason, number in sorted(found["still"].items()):
        why = "nothing can read them" if reason == "cannot" else reason
        print(f"{number:>10,}  still bad: {why}")
    print(f"{found['events']:>10,}  events; {found['before']:,} replayed before")
    for why, number in sorted(found["unread"].items()):
        print(f"{number:>10,}  {why}")
    if found["waiting"]:
        print("The collector has not taken them up yet; they wait in its inbox.")


COMMAND = Command(
    "replay",
    "bad rows that are events once something was mended",
    "Read bad rows again, by the schemas and protocols of today. Those that are events "
    "now go\nto the spool, of a running collector too, with the time and the id that "
    "they came with;\neach once.",
    "zap collect replay --config collect.toml --reason schema. --from 2025-06-01",
    configure,
    run,
    stopped="what was replayed is marked; run it again for the rest",
)
