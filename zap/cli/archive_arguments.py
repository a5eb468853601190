"""Arguments that the commands share which hold a log against the archive."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zap.cli.registry_arguments import add_root
from zap.cli.registry_arguments import root_of as root_of

if TYPE_CHECKING:
    from zap.jobs.parity.job import Archive


def add_log(parser: argparse.ArgumentParser) -> None:
    """Where the log and the models lie."""
    parser.add_argument(
        "--log", required=True, metavar="DIR", help="folder of the prediction log"
    )
    add_root(parser)


def add_period(parser: argparse.ArgumentParser) -> None:
    """Which predictions of the log, by when they were answered."""
    for end, what in (("since", "at this time or later"), ("until", "before")):
        parser.add_argument(
            f"--{end}", metavar="TIME", help=f"only predictions answered {what}, ISO"
        )


def period_of(args: argparse.Namespace) -> tuple[int | None, int | None]:
    """The two ends in microseconds, None where one is open."""
    from zap.times import instant_us

    since, until = (
        None if given is None else instant_us(given)
        for given in (args.since, args.until)
    )
    return since, until


def add_archive(parser: argparse.ArgumentParser) -> None:
    """Where the log, the models and the raw events lie."""
    add_log(parser)
    parser.add_argument(
        "--events",
        nargs="+",
        required=True,
        metavar="PATH",
        help="the archive: files, globs or directories of raw events",
    )
    parser.add_argument(
        "--mapping",
        required=True,
        metavar="FILE",
        help="TOML file that says how rows become events; event_id and received_at are "
        "what causes are told by",
    )


def archive_of(args: argparse.Namespace) -> Archive:
    """The raw events that the arguments name."""
    from zap.events.mapping import EventMapping
    from zap.jobs.parity.job import Archive

    return Archive(tuple(args.events), EventMapping.load(args.mapping))


def say_lacks(archive: Mapping[str, Any]) -> None:
    """Tell people what an archive can't tell of its events.

    Args:
        archive: as a job of ``zap.jobs.parity`` told of it.
    """
    for name, words in (
        (
            "has_subjects",
            "no event of these subjects. Check the files and the mapping, and that the "
            "registry's key is the one of the server.",
        ),
        (
            "has_ids",
            "no event_id: most causes can't be told. Map the column, if it is there.",
        ),
        (
            "has_receipts",
            "no received_at: what came in late can't be told. Map the column, if it is "
            "there.",
        ),
    ):
        if not archive.get(name, True):
            print(f"The archive has {words}")
