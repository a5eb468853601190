"""Logged subjects found again where visitors become users, and where bots were."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_lines import KEY, Line, named
from made_served import write_rows

from zap.events.mapping import EventMapping
from zap.examples import Generator, Hash, Instance, each, event, future
from zap.jobs.analyse.archive import read_archive
from zap.jobs.analyse.logged import predictions_of
from zap.jobs.analyse.outcomes import outcomes_of
from zap.jobs.analyse.placing import _Choices
from zap.jobs.inputs import RawInput
from zap.serving.log import event_hashes
from zap.times import DAY_US, SECOND_US, instant_us

T = instant_us("2024-03-10")
MAPPING = """
[fields]
event_id = "id"
anonymous_id = "device"
user_id = "user"
user_agent = "agent"
timestamp = { column = "time", unit = "us" }
type = "event"

[observed]
from = "2024-03-01"
until = "2024-05-01"
"""


class Persons(Generator):
    """After every page view of a person: a purchase within a week?"""

    subject = "person"
    cutoffs = each(event("page_view"))
    label = future(days=7).any(event("purchase"))
    instance = Instance(types=["page_view"], fields=[Hash("type")], hash_buckets=8)


class Devices(Persons):
    """The same of a device."""

    subject = "anonymous_id"


def happened(
    days: float, kind: str, device: str | None, user: str | None = None, agent: str = ""
) -> dict[str, Any]:
    time_us = T + round(days * DAY_US)
    return {
        "id": f"{days} {kind} {device} {user}",
        "time": time_us,
        "event": kind,
        "device": device,
        "user": user,
        "agent": agent or "Mozilla/5.0 (X11; Linux x86_64) Firefox/120.0",
    }


def asked_of(folder: Path, generator: Generator, rows: Sequence[Any]) -> RawInput:
    (folder / "mapping.toml").write_text(MAPPING)
    path = write_rows(folder / "events.jsonl", rows)
    return RawInput(generator, EventMapping.load(folder / "mapping.toml"), (path,))


def joined(
    folder: Path,
    generator: Generator,
    rows: Sequence[Any],
    asked: Sequence[tuple[Any, ...]],
) -> tuple[dict[int, float], dict[str, int]]:
    """The labels of predictions by place, and the counts.

    Args:
        folder: for the files.
        generator: the question.
        rows: the archive.
        asked: under which name each prediction was asked for, after which day, and the
            last event that it used, if that is logged.
    """
    raw = asked_of(folder, generator, rows)
    lines = [
        Line(
            named(who),
            T + round(day * DAY_US),
            encoded=who,
            ids=event_hashes(used),
        )
        for who, day, *used in asked
    ]
    predictions = predictions_of(lines)
    archive = read_archive(raw, KEY, set(predictions.subjects))
    found = outcomes_of(raw.generator, archive, predictions)
    instants = [line.instant for line in lines]
    places = [int(np.flatnonzero(predictions.instant_us == at)[0]) for at in instants]
    labels = dict(zip(found.matured.tolist(), found.label.tolist(), strict=True))
    shown = {n: labels[place] for n, place in enumerate(places) if place in labels}
    return shown, dict(archive.counts + found.counts)


JOURNEY = [
    happened(0, "page_view", "d1"),
    happened(1, "page_view", "d1"),
    happened(2, "login", "d1", "u"),
    happened(3, "page_view", "d1", "u"),
    happened(9.5, "purchase", None, "u"),  # 6.5 days after day 3, from nowhere else
    happened(1.5, "page_view", "d2"),
    happened(2.5, "purchase", "d2"),
]


@pytest.mark.parametrize("prefix", ["", "prefixed"])
def test_a_person_is_found_under_device_and_user(tmp_path: Path, prefix: str) -> None:
    device, user = ("anonymous:", "user:") if prefix else ("", "")
    asked = [
        (f"{device}d1", 1.0),  # a visitor then, who bought nothing
        (f"{user}u", 3.0),
        (f"{device}d1", 3.1),  # the user's device by now
        (f"{device}d2", 1.5),
    ]
    labels, counts = joined(tmp_path, Persons(), JOURNEY, asked)
    assert labels == {0: 0.0, 1: 1.0, 2: 1.0, 3: 1.0}
    assert counts["predictions.matured"] == 4


def test_of_a_shared_device_the_outcome_is_of_who_used_it(tmp_path: Path) -> None:
    """The log names the last event that was used, and so whose past it was."""
    rows = [
        happened(0, "page_view", "tablet", "ada"),
        happened(1, "page_view", "tablet", "bob"),
        happened(2, "purchase", None, "ada"),
        happened(1.5, "page_view", "shared", "zoe"),
        happened(1.7, "page_view", "shared", "abe"),
        happened(2.5, "purchase", None, "abe"),
    ]
    asked = [
        ("anonymous:tablet", 0.0, rows[0]["id"]),
        ("anonymous:tablet", 1.0, rows[1]["id"]),
        ("anonymous:shared", 1.5, rows[3]["id"]),
        ("anonymous:shared", 1.7, rows[4]["id"]),
    ]
    labels, _ = joined(tmp_path, Persons(), rows, asked)
    assert labels == {0: 1.0, 1: 0.0, 2: 0.0, 3: 1.0}


def test_a_device_stays_a_device_where_that_is_the_subject(tmp_path: Path) -> None:
    labels, _ = joined(tmp_path, Devices(), JOURNEY, [("d1", 3.0), ("d2", 1.5)])
    assert labels == {0: 0.0, 1: 1.0}


def test_a_bots_predictions_are_left_out_and_counted(tmp_path: Path) -> None:
    crawler = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    rows = [*JOURNEY, happened(1.2, "page_view", "bot", agent=crawler)]
    asked = [("bot", 1.2), ("d2", 1.5), ("nobody", 1.7)]
    labels, counts = joined(tmp_path, Devices(), rows, asked)
    assert labels == {1: 1.0}
    assert counts["predictions.dropped.left_out_of_histories"] == 1
    assert counts["predictions.dropped.not_in_archive"] == 1


def test_only_events_of_those_in_the_log_are_held(tmp_path: Path) -> None:
    more = [happened(n / 100, "page_view", f"other{n}") for n in range(500)]
    raw = asked_of(tmp_path, Devices(), [*JOURNEY, *more])
    wanted = {named("d1")}
    archive = read_archive(raw, KEY, wanted)
    assert list(archive.histories.subject) == ["d1"] and archive.seen == wanted
    assert archive.counts["rows.read"] == len(JOURNEY) + len(more)
    assert archive.histories.events == 4


def test_repeats_are_one_prediction() -> None:
    lines = [
        Line("a", T),
        Line("a", T, time=SECOND_US),
        Line("a", T, encoded="other"),
        Line("a", T, version="w"),
        Line("b", T),
        Line(None, T),
        Line(None, T),
    ]
    found = predictions_of(lines)
    assert len(found) == 6 and found.counts["predictions.dropped.repeated"] == 1
    assert sorted(found.time_us.tolist()) == [0] * 6


def test_a_device_of_many_costs_the_others_nothing() -> None:
    """A till of five thousand users: a place for each, and not for each subject."""
    subjects = [f"s{number}" for number in range(5_000)]
    rows = {name: [place] for place, name in enumerate(subjects)}
    rows["s7"] = [*range(5_000)]
    del rows["s8"]
    tracemalloc.start()
    choices = _Choices(rows, subjects)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6
    asked = np.array([7, 8, 9])
    assert choices.have(asked, 0).tolist() == [True, False, True]
    assert choices.have(asked, 4_999).tolist() == [True, False, False]
    assert choices.rows(asked[[0, 2]], 0).tolist() == [0, 9]
    assert choices.rows(asked[:1], 4_999).tolist() == [4_999]
    assert choices.most == 5_000
