"""``zap simulate``: the events of a made-up shop, with their truth."""

from __future__ import annotations

import argparse
import os
from shlex import quote
from typing import Any

from zap.cli.command import Command


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add = parser.add_argument
    add("--output", required=True, metavar="DIR", help="directory to be made")
    add(
        "--events",
        type=int,
        default=1_000_000,
        metavar="N",
        help="about how many rows (default 1000000)",
    )
    add("--days", type=int, default=56, metavar="N", help="of the shop (default 56)")
    add(
        "--from",
        dest="start",
        default="2025-01-06",
        metavar="DATE",
        help="the first day, UTC (default 2025-01-06)",
    )
    add("--seed", type=int, default=0, metavar="N", help="of everything (default 0)")
    for name, share, what in (
        ("bots", 0.05, "that bots make, half of them disguised"),
        ("duplicates", 0.01, "that are sent again, with their id"),
        ("late", 0.01, "that come in minutes to days late"),
        ("broken", 0.001, "without a time or a type, or with an absurd time"),
    ):
        add(
            f"--{name}",
            type=float,
            default=share,
            metavar="SHARE",
            help=f"share of the rows {what} (default {share})",
        )
    add(
        "--drift",
        type=float,
        default=0.0,
        metavar="STRENGTH",
        help="how far the shop changes, from 0 to 1 (default 0)",
    )
    add(
        "--drift-day",
        type=int,
        default=28,
        metavar="N",
        help="the day from which it is changed, counted from 0 (default 28)",
    )
    add(
        "--workers",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes; the files do not depend on it (default: one for each core)",
    )
    add("--replace", action="store_true", help="replace a simulation that is there")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Make the simulation and print what it holds."""
    from zap.cli.progress import print_table, progress
    from zap.simulation.settings import Settings
    from zap.simulation.simulate import simulate

    names = Settings.__dataclass_fields__
    settings = Settings(**{name: getattr(args, name) for name in names})
    with progress() as line:

        def watch(done: int, parts: int, rows: int) -> None:
            line.stage(f"Simulating: part {done} of {parts}, {rows / 1e6:.1f} M rows")

        folder = simulate(settings, args.output, args.workers, args.replace, watch)
    info = folder.info()
    if not args.json:
        rows = [(name, f"{number:,}") for name, number in info["counts"].items()]
        print_table("A simulated shop: no real shop, and no real people", rows)
        print(
            f"Events: {folder.events}\nMapping: {folder.mapping}\nNext:\n"
            f"  zap run simulated_shop --input {quote(str(folder.events))} --mapping "
            f"{quote(str(folder.mapping))} --output work"
        )
    return {
        "output": str(folder.path),
        "events": str(folder.events),
        "mapping": str(folder.mapping),
        "simulation": info,
    }


COMMAND = Command(
    "simulate",
    "events of a made-up shop, with the truth",
    "Make up the events of a shop, clearly marked as simulated: visitors with hidden "
    "intent,\nseveral devices, bots, duplicates, late and broken rows; and beside them "
    "the true\nprobability of a purchase at each event.",
    "zap simulate --events 1000000 --output simulated",
    configure,
    run,
)
