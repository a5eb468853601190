"""Tables of several columns on stdout, and what stands in those of ``zap models``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zap.errors import MissingExtraError

Table = tuple[list[str], list[list[str]]]
DASH = "-"
SHORT = 8  # digits of a version: enough to name it, and short enough for a row
WIDE = 140


def print_columns(
    title: str, head: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """A table; no cell is cut short, however narrow the terminal."""
    try:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table as RichTable
    except ModuleNotFoundError as error:
        raise MissingExtraError("rich", "beam") from error
    table = RichTable(box=SIMPLE_HEAD)
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*row)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    console.print(title, style="bold", highlight=False)
    console.print(table, highlight=False, markup=False)


def versions_table(versions: Sequence[Mapping[str, Any]]) -> Table:
    """The versions of an application."""
    head = ["version", "", "added", "by", "ranks", "n", "base rate", "data"]
    rows = [
        [
            one["version"][:SHORT],
            one["status"],
            moment(one["added"])[:16],
            one["who"] or DASH,
            ranks(one),
            f"{one['n']:,}" if one["n"] else DASH,
            share(one["base_rate"]),
            one["problem"] or window(one["observed"]),
        ]
        for one in versions
    ]
    return head, rows


def version_rows(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """All that is known of a version, in rows of two columns."""
    generator = found["generator"]
    rows = [
        ("Status", found["status"] or "not live"),
        ("Added", f"{moment(found['added'])} by {found['who'] or DASH}"),
        ("Why", found["why"] or DASH),
        ("Came from", " < ".join(found["lineage"][1:]) or DASH),
        ("Question", generator.get("question", DASH)),
        ("Generator's digest", generator.get("digest", DASH)),
        ("Data", window(found["observed"])),
        ("Dataset's digest", found["dataset"] or DASH),
        ("Ranks", ranks(found)),
        ("Examples, base rate", f"{found['n'] or DASH}, {share(found['base_rate'])}"),
        ("Files", ", ".join([*found["files"], *found["sealed"]])),
        ("Path", found["path"]),
    ]
    rows += [
        (
            f"{entry['number']}. {entry['action']}",
            f"{moment(entry['when'])} by {entry['who']} {entry['why']}".rstrip(),
        )
        for entry in found["log"]
    ]
    return rows


def comparison_text(found: Mapping[str, Any]) -> Table:
    """Two versions side by side."""
    head = ["", *found["versions"]]
    rows = [
        ["Made", *map(moment, found["created"])],
        ["Data", *map(window, found["observed"])],
        *map(list, found["measures"]),
    ]
    rows += [
        [f"Same {name}", "yes" if equal else "no", ""]
        for name, equal in found["same"].items()
    ]
    for kind in ("settings", "packages"):
        rows += [
            [f"{kind}: {name}", *map(str, pair)] for name, pair in found[kind].items()
        ]
        if not found[kind]:
            rows.append([f"{kind.capitalize()} that differ", "none", ""])
    return head, rows


def history_table(log: Sequence[Mapping[str, Any]]) -> Table:
    """The log of deployments, the last entry first."""
    head = ["", "when", "action", "version", "live after it", "by", "why"]
    rows = [
        [
            str(entry["number"]),
            moment(entry["when"]),
            entry["action"],
            entry["version"][:SHORT],
            (entry["live"] or DASH)[:SHORT],
            entry["who"],
            entry["why"],
        ]
        for entry in reversed(log)
    ]
    return head, rows


def moment(text: str | None) -> str:
    """A moment in ISO 8601 to the second, as people write it."""
    return f"{text[:10]} {text[11:19]}" if text else DASH


def window(observed: Mapping[str, str] | None) -> str:
    """The days for which the data were complete."""
    if not observed:
        return DASH
    return f"{observed['from'][:10]} to {observed['until'][:10]}"


def ranks(one: Mapping[str, Any]) -> str:
    """How well a version ranks, with its interval."""
    if one["value"] is None:
        return DASH
    shown = f"{one['measure']} {one['value']:.3f}"
    if one["low"] is None:
        return shown
    return f"{shown} ({one['low']:.3f} to {one['high']:.3f})"


def share(value: float | None) -> str:
    """A share as percent."""
    return DASH if value is None else f"{100 * value:.2f} %"
