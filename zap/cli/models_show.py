"""``zap models list | show | compare | history``: nothing is changed."""

from __future__ import annotations

import argparse
from typing import Any

from zap.cli.command import Command
from zap.cli.registry_arguments import (
    add_plot,
    add_registry,
    add_version,
    registry_of,
    root_of,
)
from zap.cli.tables import (
    SHORT,
    comparison_text,
    history_table,
    print_columns,
    version_rows,
    versions_table,
)


def run_list(args: argparse.Namespace) -> dict[str, Any]:
    """Print the versions of each application."""
    from zap.bundles.registry import applications
    from zap.jobs.models import opened, overview

    root = root_of(args)
    names = [args.application] if args.application else applications(root)
    found = {name: overview(opened(root, name)) for name in names}
    if not args.json:
        for name, versions in found.items():
            print_columns(name, *versions_table(versions))
        if not found:
            print(f"No versions in {root}. Add one with: zap models add BUNDLE")
    return {"registry": root, "applications": found}


def configure_show(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``zap models show``."""
    add_version(parser)
    add_registry(parser)


def run_show(args: argparse.Namespace) -> dict[str, Any]:
    """Print all that is known of a version."""
    from zap.cli.progress import print_table
    from zap.jobs.models import described

    found = described(registry_of(args), args.version)
    if not args.json:
        print_table(f"{found['application']} {found['version']}", version_rows(found))
    return found


def configure_compare(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``zap models compare``."""
    for name in ("a", "b"):
        add_version(parser, name)
    add_plot(parser)
    add_registry(parser)


def run_compare(args: argparse.Namespace) -> dict[str, Any]:
    """Print two versions side by side."""
    from zap.jobs.compare import compare
    from zap.jobs.draw import draw_pair

    registry = registry_of(args)
    one, other = (registry.open(reference) for reference in (args.a, args.b))
    found = compare(one, other)
    if args.plot:
        draw_pair(one, other, args.plot)
    if not args.json:
        print_columns(registry.application, *comparison_text(found))
        print(found["says"])
        _say_plot(args)
    return found


def configure_history(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``zap models history``."""
    add_plot(parser)
    add_registry(parser)


def run_history(args: argparse.Namespace) -> dict[str, Any]:
    """Print the log of deployments."""
    from zap.jobs.draw import draw_history

    registry = registry_of(args)
    log = [entry.to_dict() for entry in registry.history()]
    found = {"application": registry.application, "log": log}
    without = ""
    if args.plot:
        drawn = draw_history(registry, args.plot)
        found["not_drawn"] = drawn.left_out
        names = ", ".join(version[:SHORT] for version in drawn.left_out)
        without = f" (without {names}: no {drawn.measure})" if names else ""
    if not args.json:
        print_columns(registry.application, *history_table(log))
        _say_plot(args, without)
    return found


def _say_plot(args: argparse.Namespace, more: str = "") -> None:
    if args.plot:
        print(f"Chart: {args.plot}{more}")


UNCHANGED = "the registry is as it was"
COMMANDS = (
    Command(
        "list",
        "the versions, and which is live",
        "List the versions of each application, those added last first.",
        "zap models list --application shop",
        add_registry,
        run_list,
        stopped=UNCHANGED,
    ),
    Command(
        "show",
        "all that is known of a version",
        "Say where a version comes from, how good it is, who added it and when it was "
        "live.",
        "zap models show live",
        configure_show,
        run_show,
        stopped=UNCHANGED,
    ),
    Command(
        "compare",
        "two versions side by side",
        "Set two versions beside one another: what they reach, what they are made of, "
        "and the\nsettings and packages that differ.",
        "zap models compare previous live --plot compare.png",
        configure_compare,
        run_compare,
        stopped=UNCHANGED,
    ),
    Command(
        "history",
        "what was deployed, by whom, when and why",
        "Print the log of deployments, and draw how good the versions are over time.",
        "zap models history --plot history.png",
        configure_history,
        run_history,
        stopped=UNCHANGED,
    ),
)
