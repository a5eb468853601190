"""``zap models add | deploy | revert | archive | unarchive``."""

from __future__ import annotations

import argparse
from typing import Any

from zap.cli.command import Command
from zap.cli.registry_arguments import (
    add_registry,
    add_signature,
    add_version,
    registry_of,
    root_of,
)


def configure_add(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``zap models add``."""
    parser.add_argument("bundle", metavar="BUNDLE", help="a bundle of zap train")
    parser.add_argument(
        "--parent", metavar="VERSION", help="the version that it came from, if any"
    )
    parser.add_argument(
        "--deploy", action="store_true", help="make it live, once it is there"
    )
    add_signature(parser)
    add_registry(parser)


def run_add(args: argparse.Namespace) -> dict[str, Any]:
    """Copy a bundle into the registry."""
    from zap.bundles.bundle import Bundle
    from zap.bundles.registry import Registry

    bundle = Bundle.load(args.bundle)
    application = args.application or str(bundle.info.get("application", ""))
    registry = Registry(root_of(args), application)
    new = bundle.version not in registry.versions()
    version = registry.add(bundle, parent=args.parent, who=args.by, why=args.reason)
    if not args.json:
        what = "Added" if new else "Was there already:"
        print(f"{what} {application} {version} in {registry.path}")
    added = {"application": application, "version": version, "new": new}
    if not args.deploy:
        return added
    done = registry.deploy(version, who=args.by, why=args.reason)
    return added | {"deployment": _said(args, done, "live")}


def configure_change(parser: argparse.ArgumentParser) -> None:
    """The arguments of a command that changes one version's standing."""
    add_version(parser)
    add_signature(parser)
    add_registry(parser)


def run_deploy(args: argparse.Namespace) -> dict[str, Any]:
    """Make a version live."""
    registry = registry_of(args)
    return _said(
        args, registry.deploy(args.version, who=args.by, why=args.reason), "live"
    )


def configure_revert(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``zap models revert``."""
    parser.add_argument(
        "--from",
        dest="away_from",
        metavar="VERSION",
        help="revert only if this one is live, so that a second call does nothing",
    )
    add_signature(parser)
    add_registry(parser)


def run_revert(args: argparse.Namespace) -> dict[str, Any]:
    """Make the version live that was so before."""
    registry = registry_of(args)
    done = registry.revert(away_from=args.away_from, who=args.by, why=args.reason)
    return _said(args, done, "live")


def run_archive(args: argparse.Namespace) -> dict[str, Any]:
    """Put a version away."""
    registry = registry_of(args)
    done = registry.archive(args.version, who=args.by, why=args.reason)
    return _said(args, done, "archived")


def run_unarchive(args: argparse.Namespace) -> dict[str, Any]:
    """Bring a version back."""
    registry = registry_of(args)
    done = registry.unarchive(args.version, who=args.by, why=args.reason)
    return _said(args, done, "back from the archive")


def _said(args: argparse.Namespace, done: Any, what: str) -> dict[str, Any]:
    """Print what became of it; ``done`` is an entry of the log, and if it is new."""
    entry, new = done
    if not args.json:
        version = entry.version if new else entry.live if what == "live" else ""
        already = "" if new else " already; nothing was done"
        before = (
            f"; before it {entry.previous or 'none'}" if new and what == "live" else ""
        )
        print(f"{version or args.version} is {what}{already}{before}")
    return {"entry": entry.to_dict(), "new": new, "live": entry.live}


STOPPED = "it was done whole or not at all: zap models history says which"
COMMANDS = (
    Command(
        "add",
        "copy a bundle into the registry",
        "Copy a bundle into the registry, under a version that follows from its files. "
        "It is\nnot deployed without --deploy. To add it twice is to add it once.",
        "zap models add work/bundle --registry models",
        configure_add,
        run_add,
        stopped="the version is there whole or not at all; adding again is safe",
    ),
    Command(
        "deploy",
        "make a version live",
        "Make a version live in one step, once all of its files were verified.",
        "zap models deploy 3f2a --reason 'passed all gates'",
        configure_change,
        run_deploy,
        stopped=STOPPED,
    ),
    Command(
        "revert",
        "make the version before live again",
        "Make the version live again that was so before the live one, in one step.",
        "zap models revert --reason 'AUC fell'",
        configure_revert,
        run_revert,
        stopped=STOPPED,
    ),
    Command(
        "archive",
        "put a version away, so that it can't be deployed",
        "Put a version away: it can't be deployed until it is brought back. Its files "
        "stay.",
        "zap models archive 3f2a --reason 'too old'",
        configure_change,
        run_archive,
        stopped=STOPPED,
    ),
    Command(
        "unarchive",
        "bring a version back",
        "Bring a version back from the archive, so that it can be deployed.",
        "zap models unarchive 3f2a",
        configure_change,
        run_unarchive,
        stopped=STOPPED,
    ),
)
