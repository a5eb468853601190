"""What a user should know of a finished job though nothing went wrong; on stderr."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

_DAILY = re.compile(r"^bigquery://.*\.events_(\d{8})$")
_SETTLED = timedelta(days=4)  # three whole days after a table's own
_MANY = 0.1  # of all events: a limit that leaves out more was not meant for the site


def note_observed(observed: Mapping[str, str]) -> None:
    """Warn where the observed range of the data was only estimated.

    Args:
        observed: as in a dataset's manifest: ``from``, ``until``, ``source``.
    """
    if observed["source"] != "estimated":
        return
    # Seconds that are read as milliseconds lie there, and those as microseconds.
    slip = " It is in 1970: check the unit of the timestamp."
    _warn(
        "the mapping does not say for which time the data are complete. "
        f"Estimated from the events: observed={observed['from']} to "
        f"{observed['until']}; labels that look further were left out. Declare "
        "[observed] from and until, or partitions, in the mapping."
        f"{slip if observed['until'] < '1971' else ''}"
    )


def note_anticipating(generator: Mapping[str, Any]) -> None:
    """Warn where the cutoff rule had to see past its cutoffs.

    Args:
        generator: as in a dataset's manifest: ``name``, ``anticipating`` and, where it
            has one, ``repaired_by_weight``.
    """
    if not generator["anticipating"]:
        return
    if generator.get("repaired_by_weight"):
        _say(
            f"the cutoffs of {generator['name']} anticipate, repaired by their "
            "weights: weighted metrics hold for every such event, unweighted ones "
            "do not."
        )
        return
    _warn(
        f"the cutoffs of {generator['name']} anticipate: where they lie tells "
        "about the label, so the model looks better here than it will be. Use each, "
        "nth, or cutoffs at times for a model that is to be served."
    )


def note_identical_files(counts: Mapping[str, int]) -> None:
    """Warn where files are copies of others.

    Args:
        counts: as in a dataset's manifest.
    """
    copies = counts.get("files.identical", 0)
    if copies:
        _warn(
            f"{copies} of the input files are copies of others, and all were "
            "read. Without an event_id in the mapping their events count twice. "
            "Leave the copies out of --input."
        )


def note_limited(counts: Mapping[str, int]) -> None:
    """Warn where a limit leaves out a good part of the events.

    Args:
        counts: as in a dataset's manifest.
    """
    for limit, what in (("max_events", "session"), ("max_subject_events", "subject")):
        left_out = counts.get(f"events.dropped.{limit}", 0)
        of = left_out + counts.get("events.kept", 0)
        if left_out and left_out >= _MANY * of:
            _warn(
                f"{left_out:,} of {of:,} events ({left_out / of:.0%}) were left out, "
                f"each with its whole {what}, by {limit}. Raise it in the generator if "
                "they are no machine's."
            )


def note_unseen(named: Mapping[str, Mapping[str, int]]) -> None:
    """Warn of types and fields that the question names and no event has.

    Args:
        named: as in a dataset's manifest: how often each was read.
    """
    for kind, what in (("types", "event is of the type"), ("fields", "event has a")):
        never = [name for name, number in named.get(kind, {}).items() if not number]
        if never:
            _warn(
                f"no {what} {' or '.join(map(repr, never))}, which the generator "
                "names. Check the spelling there and in the mapping."
            )


def note_unchecked(check: Mapping[str, Any]) -> None:
    """Warn where nothing was proven of the generator.

    Args:
        check: as in a dataset's manifest: ``verdict``.
    """
    reasons = {"not checked": "by --no-check", "no cutoffs": "for want of them"}
    why = reasons.get(check.get("verdict", ""))
    if why is None:
        return
    _warn(
        "no cutoff was proven to know nothing of what comes after it "
        f"({why}). Run zap check before you trust the model."
    )


def note_changing(paths: Iterable[str], today: date | None = None) -> None:
    """Warn of tables of days that GA4 may still write to.

    Args:
        paths: of what was read.
        today: by UTC; None for today.
    """
    today = today or datetime.now(UTC).date()
    days = [match[1] for path in paths if (match := _DAILY.search(path))]
    fresh = [day for day in days if day > f"{today - _SETTLED:%Y%m%d}"]
    if fresh:
        _say(
            f"GA4 may still change its tables of the last three days: {min(fresh)} to "
            f"{max(fresh)}. A dataset of the same days made later may differ."
        )


def note_all(manifest: Mapping[str, Any]) -> None:
    """All that a dataset's manifest gives reason to say."""
    note_observed(manifest["observed"])
    note_anticipating(manifest["generator"])
    note_identical_files(manifest["counts"])
    note_limited(manifest["counts"])
    note_unseen(manifest.get("named", {}))
    note_unchecked(manifest.get("check", {}))
    note_changing([source["path"] for source in manifest["sources"]])


def _warn(text: str) -> None:
    print(f"warning: {text}", file=sys.stderr)


def _say(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)
