"""What the service says is what the bundle says of the same events."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_bundles import (
    CLASS_NAMES,
    LOWEST,
    NAMES,
    PAGES,
    deployed,
    expected,
    instance,
    made_bundle,
)

from zap.bundles.registry import Registry
from zap.bundles.target import AMOUNT, CLASSES
from zap.encoding.subject_names import keyed_subject, subject_hash
from zap.errors import ServingError
from zap.serving.log import LogOptions, PredictionLog, event_hashes, read_log
from zap.serving.points import PREDICTION_POINT, Points
from zap.serving.prediction_ids import is_prediction_id, prediction_id, time_us_of
from zap.serving.predictor import Predictor
from zap.serving.service import Service, UnknownApplicationError
from zap.serving.stores import open_store

VALUES = (2.0, -1.0, 0.5, -2.0)
HOUR_US = 3_600_000_000
NOW_US = 1_700_000_000_000_000


def view(hour: float, page: str | None, subject: str = "v1", **more: Any) -> Any:
    moment = NOW_US + round(hour * HOUR_US)
    event = {
        "event_id": f"{subject}-{hour}",
        "anonymous_id": subject,
        "timestamp": moment,
        "received_at": moment,
        "type": "view",
        **more,
    }
    return event if page is None else {**event, "page": page}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "models"
    deployed(root, made_bundle(tmp_path / "b", (VALUES,)))
    return root


Make = Callable[..., Service]


@pytest.fixture
def make(tmp_path: Path, root: Path) -> Any:
    made: list[Service] = []

    def service(**given: Any) -> Service:
        options: dict[str, Any] = {"clock": lambda: NOW_US + 100 * HOUR_US, **given}
        url = f"sqlite:{tmp_path / 'events.db'}"
        store = open_store(url, clock_us=options["clock"])
        log = PredictionLog(tmp_path / "log", LogOptions(wait_ms=5_000))
        made.append(Service(root, store, log, **options))
        return made[-1]

    yield service
    for each in made:
        each.close()


@pytest.mark.parametrize("why", ["not asked to", "can't be loaded"])
def test_what_an_application_needs_stays_though_it_is_not_served(
    make: Make, root: Path, tmp_path: Path, why: str
) -> None:
    """Questions about the same subjects share documents; others may serve them."""
    far = made_bundle(tmp_path / "far", (VALUES,), sees=instance(last=30))
    version = deployed(root, far, "far")
    both = make()
    events = [view(hour, "p") for hour in range(40)]
    both.append(events)
    need = both.served("far").need
    assert both.store is not None
    before = both.store.past("v1", need, NOW_US + 99 * HOUR_US).events
    assert len(before) > 30
    if why == "can't be loaded":
        files = root / "far" / "versions" / version
        (files / "model.trees.npz").write_bytes(b"damaged")
    one = make(applications=["shop"] if why == "not asked to" else None)
    assert [*one.applications] == ["shop"]
    one.append([view(40, "q")])
    after = both.store.past("v1", need, NOW_US + 99 * HOUR_US).events
    assert after[:-1] == before[1:] and len(after) == len(before)
    assert after[-1]["event_id"] == "v1-40"


def test_a_subject_is_answered_from_the_store(make: Make) -> None:
    service = make()
    events = [view(0, "p"), view(1, "q"), view(2, None), view(3, "s", "v2")]
    assert service.append(events[::-1]).new == 4
    assert service.append(events).repeated == 4
    answer = service.predict_subject("shop", "v1")
    assert answer.probability == pytest.approx(expected("q", VALUES), abs=1e-12)
    assert (answer.events, answer.instant_us) == (3, NOW_US + 2 * HOUR_US)
    assert answer.version == service.served("shop").version
    other = service.predict_subject("shop", "v2")
    assert other.probability == pytest.approx(expected("s", VALUES), abs=1e-12)
    unknown = service.predict_subject("shop", "nobody")
    assert unknown.events == 0 and unknown.instant_us == NOW_US + 100 * HOUR_US
    assert unknown.probability == pytest.approx(expected(None, VALUES), abs=1e-12)


def test_the_past_alone_is_looked_at(make: Make) -> None:
    service = make()
    service.append([view(0, "p"), view(1, "q")])
    then = service.predict_subject("shop", "v1", now_us=NOW_US + HOUR_US // 2)
    assert then.probability == pytest.approx(expected("p", VALUES), abs=1e-12)
    assert then.instant_us == NOW_US + HOUR_US // 2 and then.events == 1


@pytest.mark.parametrize("given", [False, True])
def test_events_of_the_request_say_the_same(make: Make, given: bool) -> None:
    service = make()
    events = [view(1, "q"), view(0, "p")]
    service.append(events)
    by_subject = service.predict_subject("shop", "v1")
    text = "2023-11-14T23:13:20+00:00"
    dated = [{**each, "received_at": None} for each in events]
    dated[0]["timestamp"] = text
    instant = NOW_US + HOUR_US if given else None
    by_events = service.predict_events("shop", dated, instant_us=instant)
    assert by_events.probability == by_subject.probability
    assert by_events.instant_us == by_subject.instant_us == NOW_US + HOUR_US
    assert by_events.events == 2


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"type": "view"}, "timestamp"),
        ({"timestamp": 1}, "type"),
        ({"timestamp": "2024-01-01", "type": "view"}, "zone"),
        ({"timestamp": 1.5, "type": "view"}, "ISO 8601"),
        ({"timestamp": True, "type": "view"}, "ISO 8601"),
        ({"timestamp": 1 << 62, "type": "view"}, "years"),
        ({"timestamp": 1_796_061_941_735, "type": "view"}, "times 1,000)"),
        ({"timestamp": 1_796_061_941, "type": "view"}, "times 1,000,000)"),
        ({"timestamp": 1, "type": 3}, "text"),
        ({"timestamp": 1, "type": "view", "url": 3}, "url"),
        ({"timestamp": 1, "type": "view", "sequence": "a"}, "sequence"),
    ],
)
def test_wrong_events_are_refused_by_name(make: Make, event: Any, said: str) -> None:
    service = make()
    for call in (service.append, lambda e: service.predict_events("shop", e)):
        with pytest.raises(ServingError, match=r"events\[1\]") as raised:
            call([view(0, "p"), event])
        assert said in str(raised.value)
    assert service.predict_subject("shop", "v1").events == 0


def test_an_empty_text_is_no_value_as_in_training(make: Make) -> None:
    service = make()
    empty = view(0, "p") | {"page": ""}
    by_events = service.predict_events("shop", [empty])
    service.append([empty])
    by_subject = service.predict_subject("shop", "v1")
    assert by_events.probability == pytest.approx(expected(None, VALUES), abs=1e-12)
    assert by_subject.probability == by_events.probability
    with pytest.raises(ServingError, match="none of 'type'"):
        service.append([empty | {"type": ""}])


def test_events_of_two_subjects_have_no_answer(make: Make) -> None:
    service = make()
    events = [view(0, "p"), view(1, "q", "v2"), view(2, "q", "v2")]
    with pytest.raises(ServingError, match="events of 2 by anonymous_id"):
        service.predict_events("shop", events)
    bare = [{**each, "anonymous_id": None} for each in events]
    bare[0]["anonymous_id"] = "v1"
    assert service.predict_events("shop", bare).events == 3


def test_a_batch_says_what_single_requests_say(make: Make) -> None:
    service = make()
    rng = np.random.default_rng(5)
    events = [
        view(hour, rng.choice([*PAGES, None]), f"v{number}")
        for number in range(300)
        for hour in range(rng.integers(0, 5))
    ]
    for begin in range(0, len(events), 200):
        service.append(events[begin : begin + 200])
    subjects = [f"v{number}" for number in range(300)]
    batch = service.predict_subjects("shop", subjects)
    single = [service.predict_subject("shop", subject) for subject in subjects]
    told = [(a.probability, a.events, a.instant_us, a.segment) for a in batch]
    assert told == [(a.probability, a.events, a.instant_us, a.segment) for a in single]
    assert len({a.prediction_id for a in batch + single}) == 600
    assert len({a.probability for a in batch}) == 4


def test_a_real_sequence_model_scores_batches_to_the_bit(made_run, tmp_path) -> None:
    from zap.serving.batched import score_many
    from zap.serving.verification import VERIFICATION

    predictor = Predictor.from_bundle(made_run.bundle)
    lines, _ = made_run.bundle.records(VERIFICATION)
    encode = predictor.encoder.encode_instance
    encoded = [encode(line["events"], line["instant"]) for line in lines[:330]]
    encoded.insert(7, encode([], 0))
    singles = [predictor.score(each) for each in encoded]
    for size in (1, 2, 16, 17, 331):
        assert score_many(predictor, encoded[:size]) == singles[:size]
    assert score_many(predictor, []) == []


def test_segments_are_those_of_the_report(make: Make) -> None:
    service = make()
    for page, name in [("p", "very high"), ("s", "high"), ("q", "low")]:
        value = expected(page, VALUES)
        assert name == next(
            n for n, low in zip(NAMES, LOWEST, strict=True) if value >= low
        )
        answer = service.predict_events("shop", [view(0, page)])
        assert answer.segment == name


def test_classes_and_amounts(tmp_path: Path, make: Make, root: Path) -> None:
    rows = (VALUES, (0.0, 1.0, 2.0, 3.0), (1.0, 1.0, 1.0, 1.0))
    kinds = made_bundle(tmp_path / "c", rows, kind=CLASSES, application="next")
    amount = made_bundle(tmp_path / "a", (VALUES,), kind=AMOUNT, application="spend")
    deployed(root, kinds, "next")
    deployed(root, amount, "spend")
    service = make()
    answer = service.predict_events("next", [view(0, "q")], explain=2)
    logits = np.array([row[1] for row in rows])
    wanted = np.exp(logits) / np.exp(logits).sum()
    assert answer.probabilities is not None and list(answer.probabilities) == [
        *CLASS_NAMES
    ]
    assert list(answer.probabilities.values()) == pytest.approx(wanted)
    assert answer.segment is answer.probability is answer.amount is None
    none = np.exp([row[3] for row in rows]) / np.exp([row[3] for row in rows]).sum()
    most = int(np.abs(wanted - none).argmax())
    assert answer.reasons is not None and answer.reasons[0].name == CLASS_NAMES[most]
    assert answer.reasons[0].change == pytest.approx((wanted - none)[most])
    spend = service.predict_events("spend", [view(0, "p")])
    assert spend.amount == pytest.approx(10 * np.exp(2.0))
    assert spend.segment == NAMES[1] and spend.probability is None


def test_reasons_are_what_leaving_out_does(make: Make) -> None:
    service = make()
    pages = ["q", "p", "s", "s", None, "q"]
    events = [view(hour, page) for hour, page in enumerate(pages)]
    extra = {**view(2.5, None), "type": "other"}
    past = sorted([*events, extra], key=lambda e: e["timestamp"])
    answer = service.predict_events("shop", past, explain=3)
    predictor = service.served("shop").predictor
    whole = predictor.predict(past, answer.instant_us).value
    wanted = {}
    for place, left in enumerate(reversed(events[-3:]), 1):
        rest = [event for event in past if event is not left]
        wanted[place] = whole - predictor.predict(rest, answer.instant_us).value
    assert answer.reasons is not None
    assert {r.place: r.change for r in answer.reasons} == wanted
    assert [r.place for r in answer.reasons] == sorted(
        wanted, key=lambda place: (-abs(wanted[place]), place)
    )
    # By hand: without the last page q, the last page is s.
    moved = expected("q", VALUES) - expected("s", VALUES)
    assert answer.reasons[0].change == pytest.approx(moved)
    assert service.predict_events("shop", [], explain=3).reasons == []


def test_predictions_are_in_the_log_before_they_are_told(
    make: Make, tmp_path: Path
) -> None:
    key = bytes(32)
    service = make(name=lambda subject: keyed_subject(key, subject_hash(subject)))
    service.append([view(0, "p"), view(1, "q")])
    answers = [
        service.predict_subject("shop", "v1"),
        service.predict_events("shop", [view(0, "p"), view(2, "s")]),
        *service.predict_subjects("shop", ["v1", "nobody"]),
    ]
    entries = {entry.id: entry for entry in read_log(tmp_path / "log", "shop")}
    assert [*entries] == [answer.prediction_id for answer in answers]
    sources = ["subject", "events", "batch", "batch"]
    encoder = service.served("shop").predictor.encoder
    for answer, source in zip(answers, sources, strict=True):
        entry = entries[answer.prediction_id]
        assert (entry.score, entry.version) == (answer.probability, answer.version)
        assert (entry.source, entry.events) == (source, answer.events)
        assert entry.fingerprint == encoder.fingerprint
        assert entry.time == NOW_US + 100 * HOUR_US
    first = entries[answers[0].prediction_id]
    assert first.subject == keyed_subject(key, subject_hash("v1"))
    assert first.ids == event_hashes(["v1-0", "v1-1"])
    assert first.instant == NOW_US + HOUR_US
    past = [view(0, "p"), view(1, "q")]
    assert first.encoded == encoder.encode_instance(past, first.instant).digest
    assert entries[answers[3].prediction_id].instant is None
    text = b"".join(p.read_bytes() for p in (tmp_path / "log").rglob("*.jsonl"))
    assert b"v1" not in text and b"nobody" not in text


def test_a_model_that_waits_is_asked_at_the_clock(
    tmp_path: Path, root: Path, make: Make
) -> None:
    sees = instance(wait=True)
    bundle = made_bundle(tmp_path / "w", (VALUES,), sees=sees, application="back")
    deployed(root, bundle, "back")
    service = make()
    service.append([view(0, "p")])
    now = NOW_US + 100 * HOUR_US
    assert service.predict_subject("back", "v1").instant_us == now
    assert service.predict_events("back", [view(0, "p")]).instant_us == now
    assert service.predict_subjects("back", ["v1"])[0].instant_us == now


def test_another_version_takes_over_and_a_revert_brings_it_back(
    tmp_path: Path, root: Path, make: Make
) -> None:
    service = make()
    old = service.served("shop")
    new = made_bundle(tmp_path / "new", ((-3.0, 1.0, 1.0, 1.0),))
    deployed(root, new)
    assert service.predict_events("shop", [view(0, "p")]).version == old.version
    assert [each.version for each in service.poll()] == [new.version]
    answer = service.predict_events("shop", [view(0, "p")])
    assert answer.version == new.version
    assert answer.probability == pytest.approx(expected("p", (-3.0, 1.0, 1.0, 1.0)))
    Registry(root, "shop").revert()
    service.poll()
    assert service.served("shop").version == old.version
    assert service.swaps == 3 and service.failures == 0


def test_a_damaged_version_keeps_the_former(
    tmp_path: Path, root: Path, make: Make
) -> None:
    failed: list[str] = []
    service = make(failed=failed.append)
    former = service.served("shop")
    bad = made_bundle(tmp_path / "bad", ((-3.0, 1.0, 1.0, 1.0),))
    version = deployed(root, bad)
    file = root / "shop" / "versions" / version / "calibrator.json"
    whole = file.read_bytes()
    file.chmod(0o644)
    file.write_bytes(whole.replace(b"1", b"2"))
    assert service.poll() == []
    assert service.served("shop") is former and failed == ["shop"]
    assert "calibrator.json has changed" in service.problems["shop"]
    service.poll()  # within the pause it is not read again, and still told
    assert failed == ["shop"] and "shop" in service.problems
    good = made_bundle(tmp_path / "good", ((-4.0, 1.0, 1.0, 1.0),))
    deployed(root, good)
    assert [each.version for each in service.poll()] == [good.version]
    assert not service.problems


def test_a_version_with_parts_that_do_not_fit_keeps_the_former(
    tmp_path: Path, root: Path, make: Make
) -> None:
    from zap.bundles.bundle import write_bundle

    bundle = made_bundle(tmp_path / "x", ((-3.0, 1.0, 1.0, 1.0),))
    files = {name: bundle.read(name) for name in bundle.files}
    info = {k: v for k, v in bundle.info.items() if k not in ("files", "sealed")}
    files["generator.json"] = b"[]"
    service = make()
    former = service.served("shop")
    deployed(root, write_bundle(tmp_path / "y", files, info))
    service.poll()
    assert service.served("shop") is former and "shop" in service.problems


def test_new_applications_are_found_and_named_ones_alone_served(
    tmp_path: Path, root: Path, make: Make
) -> None:
    service, one = make(), make(applications=["shop"])
    with pytest.raises(UnknownApplicationError, match=r"shop.*application='more'"):
        service.predict_events("more", [])
    deployed(root, made_bundle(tmp_path / "m", application="more"), "more")
    service.poll()
    one.poll()
    assert sorted(service.applications) == ["more", "shop"]
    assert sorted(one.applications) == ["shop"]


def test_prediction_points_are_archived_and_seen_where_the_model_sees_all(
    tmp_path: Path, root: Path, make: Make
) -> None:
    bundle = made_bundle(tmp_path / "any", sees=instance(True), application="any")
    deployed(root, bundle, "any")
    service = make(points=Points(tmp_path / "points"))
    service.append([view(0, "p")])
    now = NOW_US + 100 * HOUR_US
    plain = service.predict_subject("shop", "v1")
    seen = service.predict_subject("any", "v1")
    again = service.predict_subject("any", "v1")
    sent = service.predict_events("any", [view(0, "p")])
    unnamed = service.predict_events(
        "any", [{"timestamp": NOW_US, "type": "view", "page": "p"}]
    )
    assert [a.instant_us for a in (plain, seen, again, sent, unnamed)] == [now] * 5
    # Its own point is the last event of each: the cutoff of training is after it.
    assert [a.events for a in (plain, seen, again, sent, unnamed)] == [1, 2, 3, 2, 1]
    lines = [
        json.loads(line)
        for path in (tmp_path / "points").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert [line["event_id"] for line in lines] == [
        a.prediction_id for a in (plain, seen, again, sent)
    ]
    assert {line["type"] for line in lines} == {PREDICTION_POINT}
    assert {line["anonymous_id"] for line in lines} == {"v1"}
    assert {line["timestamp"] for line in lines} == {now}
    assert service.unmarked == 1


def test_points_are_rotated_and_whole(tmp_path: Path) -> None:
    points = Points(tmp_path / "points", max_bytes=50)
    for number in range(6):
        points.append({"event_id": str(number), "timestamp": number})
    points.close()
    files = sorted((tmp_path / "points").iterdir())
    assert len(files) == 3
    told = [json.loads(x) for f in files for x in f.read_text().splitlines()]
    assert sorted(each["timestamp"] for each in told) == [*range(6)]
    (tmp_path / "file").write_text("")
    with pytest.raises(ServingError, match="can be written to"):
        Points(tmp_path / "file")


def test_many_threads_get_the_answers_of_one_version_each(
    tmp_path: Path, root: Path, make: Make
) -> None:
    service = make()
    other = (-3.0, 1.0, 1.0, 1.0)
    first = service.served("shop").version
    second = deployed(root, made_bundle(tmp_path / "o", (other,)))
    right = {first: expected("p", VALUES), second: expected("p", other)}
    found: list[tuple[str, float | None]] = []

    def ask() -> None:
        for _ in range(60):
            answer = service.predict_events("shop", [view(0, "p")])
            found.append((answer.version, answer.probability))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    registry = Registry(root, "shop")
    for _ in range(10):
        service.poll()
        registry.deploy(first if service.served("shop").version == second else second)
    for thread in threads:
        thread.join()
    assert len(found) == 240 and {version for version, _ in found} == {first, second}
    for version, probability in found:
        assert probability == pytest.approx(right[version], abs=1e-12)


def test_ids_are_unique_and_sort_by_time() -> None:
    times = [0, 1_000, NOW_US, NOW_US + 1_000, NOW_US * 4]
    ids = [prediction_id(time) for time in times]
    assert ids == sorted(ids) and all(map(is_prediction_id, ids))
    assert [time_us_of(each) for each in ids] == times
    assert len({prediction_id(NOW_US) for _ in range(2_000)}) == 2_000
    for wrong in ("", "8" + ids[0][1:], ids[0][:-1], ids[0][:-1] + "U"):
        assert not is_prediction_id(wrong)


def test_an_id_tells_when_it_was_made_whatever_instant_was_asked(make: Make) -> None:
    service = make()
    answers = [
        service.predict_subject("shop", "v1", now_us=NOW_US),
        *service.predict_subjects("shop", ["v1"], now_us=NOW_US),
        service.predict_events("shop", [view(0, "p")], instant_us=NOW_US),
    ]
    made = {time_us_of(answer.prediction_id) for answer in answers}
    assert made == {NOW_US + 100 * HOUR_US}
