"""Served predictions joined with what happened, held against a plain loop."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_served import (
    APPLICATION,
    FROM_US,
    UNTIL_US,
    WEEK_US,
    ServedSite,
    View,
    brute_label,
    made_views,
    row,
    rows_of,
    three_of,
)
from sklearn import metrics as sk

from zap.bundles.bundle import write_bundle
from zap.bundles.registry import Registry
from zap.errors import InputError, LogError
from zap.evaluation.served_alarms import Limits
from zap.evaluation.served_page import said_first
from zap.jobs.analyse.job import Asked, analyse, analyse_entries
from zap.jobs.analyse.write import publish, write_analysis
from zap.serving.log import Logged
from zap.times import DAY_US, SECOND_US

HOUR_US = 3_600 * SECOND_US


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> ServedSite:
    """A site whose log and archive each test writes anew."""
    return ServedSite(tmp_path_factory.mktemp("served"))


def analysed(
    site: ServedSite,
    entries: Sequence[Logged],
    rows: Sequence[Any],
    **limits: Any,
) -> dict[str, Any]:
    """The analysis of these entries and events."""
    site.write_log(entries)
    asked = Asked(APPLICATION, site.log, site.registry, limits=Limits(**limits))
    return analyse(asked, site.raw(rows))


def ringing(analysis: dict[str, Any]) -> set[str]:
    """The names of the alarms that ring."""
    return {alarm["name"] for alarm in analysis["alarms"]}


def test_numbers_equal_scikit_learns_on_labels_of_a_plain_loop(
    site: ServedSite,
) -> None:
    views = made_views(300, 3)
    rows = rows_of(views, 3)
    found = analysed(site, [site.entry(view) for view in views], rows)
    labels = [brute_label(rows, view) for view in views]
    known = [i for i, label in enumerate(labels) if label is not None]
    y = np.array([labels[i] for i in known], float)
    p = np.array([views[i].probability for i in known])
    matured = found["matured"]
    assert matured["n"] == len(known) and 0.2 < y.mean() < 0.4
    assert matured["base_rate"] == pytest.approx(y.mean())
    assert matured["auc"] == pytest.approx(sk.roc_auc_score(y, p))
    precision = sk.average_precision_score(y, p)
    assert matured["average_precision"] == pytest.approx(precision)
    assert matured["log_loss"] == pytest.approx(sk.log_loss(y, p))
    assert matured["brier"] == pytest.approx(sk.brier_score_loss(y, p))
    for name in ("auc", "average_precision", "log_loss", "brier"):
        assert matured[f"{name}_low"] < matured[name] < matured[f"{name}_high"]
    days = {view.time_us // DAY_US for view in views}
    assert len(found["by_day"]) == len(days)
    assert sum(day["n"] for day in found["by_day"]) == len(views)
    firsts = matured["first_of_subjects"]
    first = [i for i in known if views[i].id.endswith("-0")]
    expected = sk.roc_auc_score([labels[i] for i in first], [p[i] for i in first])
    assert firsts["n"] == len(first) and firsts["auc"] == pytest.approx(expected)
    assert [part["name"] for part in found["inputs"]][:1] and not found["notes"]


def test_a_method_gives_what_an_expression_gives(
    site: ServedSite, tmp_path: Path
) -> None:
    views = made_views(60, 5)
    rows = rows_of(views, 5)
    by_method = ServedSite(tmp_path, "ServedByMethod")
    entries = [by_method.entry(view) for view in views]
    other = analysed(by_method, entries, rows)
    found = analysed(site, [site.entry(view) for view in views], rows)
    for key in ("n", "base_rate", "auc", "ece", "curve", "slices"):
        assert other["matured"][key] == found["matured"][key]


def one_view(time_us: int, name: str = "a") -> View:
    return View(name, f"{name}-0", time_us, "lamp", 20.0, 0.3)


def label_of(site: ServedSite, view: View, more: Sequence[Any]) -> float | None:
    """The label of one prediction; None where it is not known."""
    rows = [row(view.visitor, view.time_us, "page_view", view.id, "lamp", 20.0), *more]
    found = analysed(site, [site.entry(view)], rows)
    assert found["matured"]["n"] + found["immature"]["n"] == 1
    return found["matured"]["base_rate"] if found["matured"]["n"] else None


T = UNTIL_US - 20 * DAY_US
END = T + SECOND_US + WEEK_US  # the window counts from the instant: the receipt


@pytest.mark.parametrize(
    ("what", "event", "expected"),
    [
        ("within", row("a", T + DAY_US, "purchase", "b"), 1),
        ("the window's last microsecond", row("a", END - 1, "purchase", "b"), 1),
        ("one microsecond past it", row("a", END, "purchase", "b"), 0),
        ("before", row("a", T - HOUR_US, "purchase", "b"), 0),
        (
            "happened before, known after: in neither",
            row("a", T - HOUR_US, "purchase", "b", got_us=T + HOUR_US),
            0,
        ),
        ("another's", row("b", T + DAY_US, "purchase", "b"), 0),
        ("sent again", row("a", T + DAY_US, "purchase", "a-0"), 0),
        (
            "at the view's own time, later in order",
            row("a", T, "purchase", "b", got_us=T + 5 * SECOND_US),
            1,
        ),
    ],
)
def test_the_window_ends_where_it_should(
    site: ServedSite, what: str, event: dict[str, Any], expected: int
) -> None:
    assert label_of(site, one_view(T), [event]) == expected, what


def test_of_events_known_at_one_instant_the_last_one_used_ends_the_past(
    site: ServedSite,
) -> None:
    # Two events of one batch: the server answered when it had the first alone.
    together = T + SECOND_US
    bought = row("a", T, "purchase", "b", got_us=together)
    assert label_of(site, one_view(T), [bought]) == 1
    rows = [row("a", T, "page_view", "a-0", "lamp", 20.0), bought]
    used_both = site.entry(one_view(T), ids="0" * 16 + hash_of("b"))
    assert analysed(site, [used_both], rows)["matured"]["base_rate"] == 0


def hash_of(name: str) -> str:
    from hashlib import blake2b

    return blake2b(name.encode(), digest_size=8).hexdigest()


@pytest.mark.parametrize(
    ("before_end_us", "known"), [(WEEK_US + SECOND_US, True), (WEEK_US, False)]
)
def test_a_window_that_is_not_wholly_observed_is_immature(
    site: ServedSite, before_end_us: int, known: bool
) -> None:
    label = label_of(site, one_view(UNTIL_US - before_end_us), [])
    assert (label is not None) == known


def test_immature_predictions_tell_of_themselves(site: ServedSite) -> None:
    late = [
        View(f"v{i}", f"v{i}-0", UNTIL_US - DAY_US - i, "lamp", 20.0, 0.1 + i / 400)
        for i in range(200)
    ]
    rows = rows_of(late, 4)
    found = analysed(site, [site.entry(view) for view in late], rows)
    immature, p = found["immature"], np.array([view.probability for view in late])
    assert immature["n"] == 200 and found["matured"] == {
        "n": 0,
        "subjects": 0,
        "curve": [],
    }
    assert immature["expected"] == pytest.approx(p.sum())
    reach = 1.96 * np.sqrt((p * (1 - p)).sum())  # the normal approximation
    assert immature["expected_low"] == pytest.approx(p.sum() - reach, abs=2.5)
    assert immature["expected_high"] == pytest.approx(p.sum() + reach, abs=2.5)
    moved = {"drift", "input_drift"}  # all look at one lamp
    assert ringing(found) == moved
    entries = [site.entry(view) for view in late]
    strict = analysed(site, entries, rows, max_immature=0.5)
    assert ringing(strict) == {*moved, "immature"}


def test_an_archive_that_is_behind_rings(site: ServedSite) -> None:
    views = [one_view(UNTIL_US - DAY_US - i, f"v{i}") for i in range(150)]
    entries = [site.entry(view) for view in views]
    last = site.entry(views[0], id="x", time=UNTIL_US + 30 * DAY_US, encoded="x")
    found = analysed(site, [*entries, last], rows_of(views, 4))
    # The one that was asked for again at the same instant is no repeat: other inputs.
    assert found["predictions"]["overdue"] == 151
    assert ringing(found) == {"overdue", "drift", "input_drift"}


def test_what_cannot_be_joined_is_counted_by_reason(
    site: ServedSite, tmp_path: Path
) -> None:
    fragile = ServedSite(tmp_path, "ServedFragile")
    views = [one_view(T + i * HOUR_US, f"v{i}") for i in range(9)]
    rows = rows_of(views, 6)
    rows += [
        row("v1", T + 2 * DAY_US, "page_view", "x1", "broken", 1.0),
        row("v2", T + 2 * DAY_US, "page_view", "x2", "void", 1.0),
    ]
    entries = [fragile.entry(view) for view in views]
    entries += [
        fragile.entry(views[0], id="again"),
        fragile.entry(views[3], id="nobody", subject=None),
        fragile.entry(one_view(T, "stranger")),
        fragile.entry(one_view(T - 30 * DAY_US, "v4"), id="early", encoded="y"),
        fragile.entry(views[5], id="none", instant=None),
        fragile.entry(one_view(T, "passer-by"), events=0, ids=""),
    ]
    found = analysed(fragile, entries, rows)
    dropped = {
        name.removeprefix("predictions.dropped."): number
        for name, number in found["counts"].items()
        if name.startswith("predictions.dropped.")
    }
    assert dropped == {
        "repeated": 1,
        "no_subject": 1,
        "not_in_archive": 1,
        "no_past_in_archive": 1,
        "no_events": 2,
        "generator_error": 1,
        "no_label": 1,
    }
    assert found["counts"]["predictions.read"] == len(entries)
    assert found["matured"]["n"] == 7
    assert found["predictions"]["unmatched"] == 2
    assert any("without a subject" in note for note in found["notes"])


def test_lost_subjects_ring(site: ServedSite) -> None:
    views = made_views(200, 8)
    rows = [each for each in rows_of(views, 8) if each["visitor"] > "v15"]
    found = analysed(site, [site.entry(view) for view in views], rows)
    lost = sum(view.visitor <= "v15" for view in views)
    assert found["predictions"]["unmatched"] == lost > 0.05 * len(views)
    assert "unmatched" in ringing(found)


def shuffled(views: Sequence[View], scores: list[float]) -> list[float]:
    return np.random.default_rng(1).permutation(scores).tolist()


def too_high(views: Sequence[View], scores: list[float]) -> list[float]:
    return [score**0.5 for score in scores]


@pytest.mark.parametrize(
    ("fault", "rings"),
    [
        (lambda views, scores: scores, set()),
        (shuffled, {"offline", "ece"}),
        (too_high, {"ece", "drift"}),
    ],
    ids=["honest", "shuffled", "too_high"],
)
def test_alarms_ring_for_a_fault_and_for_no_other(
    site: ServedSite, fault: Callable[..., list[float]], rings: set[str]
) -> None:
    views = made_views(400, 12)
    scores = fault(views, [view.probability for view in views])
    entries = [
        site.entry(view, score) for view, score in zip(views, scores, strict=True)
    ]
    assert ringing(analysed(site, entries, rows_of(views, 12))) == rings


def test_inputs_that_moved_ring(site: ServedSite) -> None:
    views = made_views(300, 13)
    rows = rows_of(views, 13)
    for each in rows:
        if each["event"] == "page_view":
            each["price"] *= 100  # now in cents
            each["page"] = "lamp"
    found = analysed(site, [site.entry(view) for view in views], rows)
    assert {a["of"] for a in found["alarms"]} == {"price", "page"}


def test_each_version_stands_beside_its_own_evaluation(site: ServedSite) -> None:
    registry = Registry(site.registry, APPLICATION)
    second = registry.add(site.made_bundle(made_views(300, 99, "t"), 99))
    views = made_views(300, 14)
    entries = []
    for number, view in enumerate(views):
        version = (site.version, second, "0" * 16)[number % 3]
        score = view.probability if version != second else 1 - view.probability
        entries.append(site.entry(view, score, version=version))
    found = analysed(site, entries, rows_of(views, 14))
    versions = {each["version"]: each for each in found["by_version"]}
    first, reversed_, gone = (versions[v] for v in (site.version, second, "0" * 16))
    sizes = [each["n"] for each in (first, reversed_, gone)]
    assert sizes == [len(views[start::3]) for start in range(3)]
    assert gone["offline"] is None and gone["drift"] is None
    offline = registry.load(second).json("metrics.json")
    pair = reversed_["offline"]["auc"]
    assert pair["offline"] == offline["auc"] and pair["served"] < 0.5
    assert pair["difference_high"] < 0
    pair = first["offline"]["auc"]
    assert pair["difference_low"] < 0 < pair["difference_high"]
    assert {a["of"] for a in found["alarms"] if a["name"] == "offline"} == {second}
    assert any("0" * 16 in note for note in found["notes"])


def test_a_version_that_was_trained_otherwise_is_told(site: ServedSite) -> None:
    registry = Registry(site.registry, APPLICATION)
    made = site.made_bundle(made_views(300, 98, "t"), 98)
    info = {**made.info, "generator": {**made.info["generator"], "digest": "other"}}
    names = ("files", "sealed", "format_version", "created_at")
    told = {name: value for name, value in info.items() if name not in names}
    old = registry.add(
        write_bundle(
            site.folder / "old",
            {name: made.read(name) for name in made.files},
            told,
            sealed={name: made.read(name) for name in made.sealed},
        )
    )
    views = made_views(60, 20)
    entries = [
        site.entry(view, version=(site.version, old)[number % 2])
        for number, view in enumerate(views)
    ]
    found = analysed(site, entries, rows_of(views, 20))
    (note,) = found["notes"]
    assert f"changed since version {old} was trained" in note


def test_versions_are_in_the_order_of_their_first_answers(site: ServedSite) -> None:
    views = sorted(made_views(60, 22), key=lambda view: view.time_us)
    cut = len(views) // 2
    versions = ["b" * 16] * cut + ["a" * 16] * (len(views) - cut)
    entries = [
        site.entry(view, version=version)
        for view, version in zip(views, versions, strict=True)
    ]
    site.write_log([])
    asked = Asked(APPLICATION, site.log, site.registry)
    raw = site.raw(rows_of(views, 22))
    bundle = Registry(site.registry, APPLICATION).load("live")
    found = analyse_entries(asked, raw, bundle, entries[::-1], {})
    assert [each["version"] for each in found["by_version"]] == ["b" * 16, "a" * 16]


def test_a_page_of_nothing_joined_says_so(site: ServedSite) -> None:
    rows = [row("x", T, "page_view", "x-0", "lamp", 20.0)]
    early = one_view(FROM_US - DAY_US, "x")
    found = analysed(site, [site.entry(early)], [*rows, *early_rows(early)])
    assert found["matured"]["n"] == found["immature"]["n"] == 0
    assert said_first(found).startswith("No prediction could be joined")


def early_rows(view: View) -> list[dict[str, Any]]:
    return [row(view.visitor, view.time_us, "page_view", view.id, "lamp", 20.0)]


def test_few_subjects_ring_nothing_however_often_they_ask(site: ServedSite) -> None:
    views = [one_view(T + i * SECOND_US, "a") for i in range(150)]
    views = [replace(view, id=f"a-{i}") for i, view in enumerate(views)]
    entries = [site.entry(view) for view in views]
    lost = [site.entry(view, subject="nobody") for view in views]
    found = analysed(site, [*entries, *lost], rows_of(views, 4))
    assert found["predictions"]["unmatched"] == 150
    assert ringing(found) == set()


def test_since_and_until_choose_by_the_time_of_the_answer(site: ServedSite) -> None:
    views = made_views(100, 15)
    site.write_log([site.entry(view) for view in views])
    middle = sorted(view.time_us for view in views)[100]
    raw = site.raw(rows_of(views, 15))
    parts = [
        analyse(Asked(APPLICATION, site.log, site.registry, since, until), raw)
        for since, until in ((None, middle), (middle, None))
    ]
    sizes = [part["predictions"]["n"] for part in parts]
    assert sum(sizes) == len(views) and min(sizes) > 50


def test_classes_are_judged_as_classes(tmp_path: Path) -> None:
    site = ServedSite(tmp_path, "ServedWhat")
    views = made_views(150, 16)
    rows = rows_of(views, 16)
    entries = [site.entry(view, three_of(view.probability)) for view in views]
    found = analysed(site, entries, rows)
    by_visitor: dict[str, list[View]] = {}
    for view in views:
        by_visitor.setdefault(view.visitor, []).append(view)
    y, p = [], []
    for view in views:
        instant = view.time_us + SECOND_US
        again = any(
            view.time_us < other.time_us < instant + 14 * DAY_US
            for other in by_visitor[view.visitor]
        )
        if instant + 14 * DAY_US <= UNTIL_US:
            y.append(0 if brute_label(rows, view) else 1 if again else 2)
            p.append(three_of(view.probability))
    assert found["kind"] == "classes" and found["matured"]["n"] == len(y)
    expected = sk.log_loss(y, p, labels=[0, 1, 2])
    assert found["matured"]["log_loss"] == pytest.approx(expected)
    assert write_analysis(found, tmp_path / "out").exists()


def test_amounts_are_judged_as_amounts(tmp_path: Path) -> None:
    site = ServedSite(tmp_path, "ServedCount")
    views = made_views(150, 17)
    rows = rows_of(views, 17)
    found = analysed(site, [site.entry(view) for view in views], rows)
    y = [float(bool(brute_label(rows, view))) for view in views]  # one at most
    p = [view.probability for view in views]
    assert found["kind"] == "amount"
    matured = found["matured"]
    assert matured["rmse"] == pytest.approx(sk.root_mean_squared_error(y, p))
    assert matured["mean_observed"] == pytest.approx(np.mean(y))
    assert write_analysis(found, tmp_path / "out").exists()


def test_what_is_written_stands_alone_and_is_published(
    site: ServedSite, tmp_path: Path
) -> None:
    views = made_views(200, 18)
    rows = rows_of(views, 18)
    found = analysed(site, [site.entry(view, 0.9) for view in views], rows)
    assert ringing(found) >= {"ece", "offline"}
    report = write_analysis(found, tmp_path / "out")
    html = report.read_text()
    assert "<script" not in html and "http" not in html.replace("http-equiv", "")
    for alarm in found["alarms"]:
        assert alarm["said"].split(" (")[0][1:] in html
    assert json.loads((tmp_path / "out" / "analysis.json").read_text()) == found
    assert (tmp_path / "out" / "charts" / "calibration.png").stat().st_size > 1000
    beside = publish(found, site.log)
    assert beside == site.log / APPLICATION / "analysis.json"
    assert json.loads(beside.read_text())["matured"]["curve"]
    # The copy beside the log is no part of the log.
    asked = Asked(APPLICATION, site.log, site.registry)
    again = analyse(asked, site.raw(rows))
    assert again["predictions"]["n"] == len(views)


def test_mistakes_are_told(site: ServedSite, tmp_path: Path) -> None:
    views = made_views(5, 19)
    rows = rows_of(views, 19)
    site.write_log([site.entry(view) for view in views])
    raw = site.raw(rows)
    with pytest.raises(LogError, match="it has none"):
        analyse(Asked(APPLICATION, tmp_path, site.registry), raw)
    with pytest.raises(InputError, match="of none of them"):
        analyse(
            Asked(APPLICATION, site.log, site.registry),
            site.raw(rows_of(made_views(5, 19, "w"), 1)),
        )
    with pytest.raises(InputError, match="a subject with events"):
        analyse(Asked(APPLICATION, site.log, site.registry, UNTIL_US), site.raw(rows))
    with pytest.raises(InputError, match="name their subject"):
        analysed(site, [site.entry(view, subject=None) for view in views], rows)
    with pytest.raises(InputError, match=r"1 number\(s\)"):
        analysed(site, [site.entry(view, (0.1, 0.9)) for view in views], rows)
    with pytest.raises(InputError, match="max_drift=-1"):
        Limits(max_drift=-1)
