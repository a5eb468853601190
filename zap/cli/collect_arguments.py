"""Where a collector's settings lie, and what the command line says instead."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zap.collect.app.config import CollectConfig

PLACES = ("spool", "archive", "store")


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The file of settings."""
    parser.add_argument(
        "--config",
        metavar="FILE",
        required=True,
        help="TOML file with the sources and all other settings",
    )


def add_places(parser: argparse.ArgumentParser) -> None:
    """The file of settings, and places that go before its own."""
    add_settings(parser)
    parser.add_argument("--spool", metavar="DIR", help="of the spool")
    parser.add_argument("--archive", metavar="DIR", help="of the archive")
    parser.add_argument("--store", metavar="URL", help="of recent events")


def settings_of(args: argparse.Namespace) -> CollectConfig:
    """The settings that are meant.

    Raises:
        CollectError: they can't be read, or one is wrong.
    """
    from zap.collect.app.config import load_collect_config

    given = {name: getattr(args, name, None) for name in PLACES}
    return load_collect_config(args.config, given)
