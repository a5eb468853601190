"""Arguments of the commands that take models from a registry."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zap.bundles.registry import Registry


def add_root(parser: argparse.ArgumentParser) -> None:
    """Where the versions of all applications lie."""
    parser.add_argument(
        "--registry",
        metavar="ROOT",
        help="folder or URL of the registry (default: ZAP_REGISTRY, or models)",
    )


def add_registry(parser: argparse.ArgumentParser) -> None:
    """Where the versions of one application lie."""
    add_root(parser)
    parser.add_argument(
        "--application",
        metavar="NAME",
        help="one site and one question (default: the only one in the registry)",
    )


def add_version(parser: argparse.ArgumentParser, name: str = "version") -> None:
    """Which version."""
    parser.add_argument(
        name,
        metavar=name.upper(),
        help="4 or more of its first digits, or live or previous",
    )


def add_signature(parser: argparse.ArgumentParser) -> None:
    """Who does it, and why; both are kept."""
    parser.add_argument(
        "--by", metavar="NAME", help="who does it (default: your user name)"
    )
    parser.add_argument(
        "--reason", metavar="TEXT", default="", help="why, for those who read the log"
    )


def add_plot(parser: argparse.ArgumentParser) -> None:
    """Where the picture goes."""
    parser.add_argument("--plot", metavar="FILE", help="draw it, .png or .svg")


def root_of(args: argparse.Namespace) -> str:
    """The registry that the arguments name."""
    from zap.bundles.registry import default_root

    return args.registry or default_root()


def registry_of(args: argparse.Namespace) -> Registry:
    """The versions of the application that the arguments name."""
    from zap.jobs.models import opened

    return opened(root_of(args), args.application)
