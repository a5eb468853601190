"""Stage 1: the events of the window, copied, and what the newest of them look like."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from typing import Any

from zap.checks.sample import events_by_day
from zap.errors import InputError
from zap.events.mapping import EventMapping
from zap.events.observed import observed_range
from zap.events.reading import read_source
from zap.events.sources import Source, list_sources
from zap.events.specs import Observed
from zap.events.timestamps import text_to_micros
from zap.events.window import copy_window
from zap.examples.generator import Generator
from zap.examples.observed import estimate
from zap.histories.profile import EventProfile
from zap.jobs.inputs import RawInput
from zap.jobs.retrain.application import Application, digest_of
from zap.jobs.retrain.runs import PASSED, REFUSED, Stage
from zap.jobs.retrain.work import EVENTS, Work
from zap.times import DAY_US, iso


def newest_until(raw: RawInput) -> int:
    """The end of the newest complete data: declared, by partitions, or estimated.

    Raises:
        InputError: there are no events.
    """
    paths = [re.sub("%[A-Za-z]", "*", path) for path in raw.paths]
    sources = [s for s in list_sources(paths, raw.mapping) if s.dimension is None]
    declared = observed_range(raw.mapping, [source.path for source in sources])
    if declared is not None:
        return declared[1]
    days: Counter[int] = Counter()
    for source in sources:
        for read in read_source(source, raw.mapping, ()):
            days.update(events_by_day(read.events))
    return estimate(days).until_us


def check_until(mapping: EventMapping, until_us: int) -> None:
    """Check that the data are said to be whole until then.

    Raises:
        InputError: the mapping says that they end before.
    """
    observed: Observed | None = mapping.observed
    if observed is None or observed.until is None:
        return
    end = text_to_micros(observed.until, mapping.timezone)
    if until_us > end:
        raise InputError(
            "Expected a window that ends where the data are whole. Received: "
            f"until={iso(until_us)}, but the mapping says observed.until="
            f"{observed.until!r}. Give an earlier --until, or amend the mapping."
        )


def check_room(generator: Generator, application: Application) -> None:
    """Check that a window holds what is held out and something to train on.

    Args:
        generator: the question; how far its labels look is left free at the window's
            end, where they are not whole, and before what is held out.
        application: says how long the window is.

    Raises:
        InputError: the window is too short.
    """
    reach_us, held_out = generator.observes_us(), 0
    if generator.time_splits:
        reach_us, held_out = 2 * reach_us, application.holdout_days
    if reach_us + held_out * DAY_US < application.window_days * DAY_US:
        return
    raise InputError(
        "Expected a window that holds what is held out, the reach of the labels after "
        "it and before it, and days to train on. Received: window_days="
        f"{application.window_days}, holdout_days={held_out}, and labels that look "
        f"{generator.observes_us() / DAY_US:g} days ahead. Give more --window-days (60 "
        "at most) or fewer --holdout-days, or ask about less time."
    )


def sources_of(work: Work) -> tuple[list[Source], str]:
    """The files of the window, and a digest of what is in them."""
    paths = work.application.paths(work.from_us, work.until_us)
    if work.application.input and not paths:
        raise InputError(
            "Expected files of events for some day of the window. Received: "
            f"input={list(work.application.input)}, from={iso(work.from_us)}, "
            f"until={iso(work.until_us)}. Check the path, or --until."
        )
    sources = list_sources(paths or work.raw.paths, work.raw.mapping)
    return sources, digest_of([source.digest for source in sources])


def copy(work: Work) -> Stage:
    """Copy the window's events; refused if there are none."""
    sources, digest = sources_of(work)
    aside, folder = work.path(f".{EVENTS}"), work.path(EVENTS)
    for left in (aside, folder):
        shutil.rmtree(left, ignore_errors=True)
    aside.mkdir(parents=True)
    generator = work.raw.generator
    profile = EventProfile(
        generator.subject, generator.instance.reads.fields, work.newest_us
    )
    found = copy_window(
        sources, work.raw.mapping, work.from_us, work.until_us, aside, profile.add
    )
    aside.rename(folder)
    counts = {name: number for name, number in sorted(found.counts.items()) if number}
    bad = sum(n for name, n in counts.items() if name.startswith("rows.bad."))
    days = (work.until_us - work.newest_us) // DAY_US
    stats = profile.to_dict()
    newest: dict[str, Any] = {
        **stats,
        "missing_days": max(0, days - stats["days"]),
        "bad_rows": bad / max(counts.get("rows.read", 0), 1),
    }
    figures: dict[str, Any] = {
        "from": iso(work.from_us),
        "until": iso(work.until_us),
        "newest_from": iso(work.newest_us),
        "held_out_from": iso(work.test_us) if work.by_time else None,
        "files": len(sources),
        "counts": counts,
        "newest": newest,
    }
    inputs = {"sources": digest, "mapping": work.raw.mapping.digest()}
    if not found.files or not stats["events"]:
        where = "window" if not found.files else "newest days of the window"
        return Stage(REFUSED, f"there is no event in the {where}", figures, inputs)
    said = f"{stats['events']:,} events of {stats['subjects']:,} subjects since "
    return Stage(PASSED, said + figures["newest_from"][:10], figures, inputs)
