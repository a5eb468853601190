"""What a finished job warns of."""

import pytest

from zap.cli.notes import note_all

QUIET = {
    "observed": {"from": "a", "until": "b", "source": "declared"},
    "generator": {"name": "made_shop", "anticipating": False},
    "counts": {},
    "sources": [],
    "check": {"verdict": "passed"},
}


def warnings_of(manifest: dict, capsys: pytest.CaptureFixture[str]) -> str:
    note_all(manifest)
    shown = capsys.readouterr()
    assert not shown.out
    return shown.err


def test_cutoffs_that_their_weights_repair_are_noted_without_a_warning(capsys):
    generator = {"name": "some", "anticipating": True, "repaired_by_weight": True}
    shown = warnings_of({**QUIET, "generator": generator}, capsys)
    assert shown.startswith("note: the cutoffs of some anticipate, repaired by their")
    assert "warning" not in shown


def test_nothing_is_said_where_all_is_well(capsys):
    assert warnings_of(QUIET, capsys) == ""


@pytest.mark.parametrize(
    ("until", "hinted"),
    [("1970-01-22T00:00:00Z", True), ("2025-03-26T00:00:00Z", False)],
)
def test_data_of_1970_hint_at_the_unit(until, hinted, capsys):
    """Seconds of 2025 that are read as milliseconds are of January 1970."""
    found = {"source": "estimated", "from": "1970-01-21T00:00:00Z", "until": until}
    shown = warnings_of({**QUIET, "observed": found}, capsys)
    assert ("check the unit of the timestamp" in shown) == hinted


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("observed", {"source": "estimated", "from": "a", "until": "b"}, "[observed]"),
        ("generator", {"name": "made_shop", "anticipating": True}, "anticipate"),
        ("check", {"verdict": "not checked"}, "--no-check"),
        ("named", {"types": {"a": 1, "b": 0}}, "no event is of the type 'b', which"),
        ("named", {"fields": {"c": 0, "d": 0}}, "no event has a 'c' or 'd', which"),
        ("check", {"verdict": "no cutoffs"}, "for want of them"),
        ("counts", {"files.identical": 2}, "2 of the input files are copies"),
        (
            "counts",
            {"events.dropped.max_events": 3_000, "events.kept": 27_000},
            "3,000 of 30,000 events (10%) were left out",
        ),
        ("counts", {"events.dropped.max_subject_events": 9}, "whole subject, by"),
    ],
)
def test_each_reason_is_named(part, value, said, capsys):
    shown = warnings_of({**QUIET, part: value}, capsys)
    assert shown.count("warning:") == 1
    assert said in shown


def test_limits_that_take_out_little_are_not_warned_of(capsys):
    counts = {"events.dropped.max_events": 2_999, "events.kept": 27_000}
    assert warnings_of({**QUIET, "counts": counts}, capsys) == ""
