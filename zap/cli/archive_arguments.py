"""Arguments that the commands share which hold a log against the archive."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from zap.cli.registry_arguments import root_of as root_of

if TYPE_CHECKING:
    from zap.jobs.parity.job import Archive


def add_archive(parser: argparse.ArgumentParser) -> None:
    """Where the log, the models and the raw events lie."""
    parser.add_argument(
        "--log", required=True, metavar="DIR", help="folder of the prediction log"
    )
    parser.add_argument(
        "--registry",
        metavar="ROOT",
        help="folder or URL of the registry (default: ZAP_REGISTRY, or models)",
    )
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
