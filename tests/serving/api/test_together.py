"""Requests that wait together are answered as if each were alone."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import uvloop
from made_bundles import deployed, made_bundle

from zap.errors import InputError, LogError, StoreError
from zap.histories.identity import PERSON
from zap.serving.answers import Answer
from zap.serving.api.app import routes
from zap.serving.api.bodies import PredictionRequest
from zap.serving.api.caller import SCOPE_KEY, Caller
from zap.serving.api.config import ServeConfig
from zap.serving.api.edge import LINE
from zap.serving.api.endpoints import Answers
from zap.serving.api.gathering import MOST_TOGETHER, Gathering
from zap.serving.api.making import Asking, InWorkers, Making, WhileQuick
from zap.serving.api.metrics import Metrics
from zap.serving.api.refusals import Refused
from zap.serving.api.together import Together
from zap.serving.api.workers import Workers
from zap.serving.log import Logged, LogOptions, PredictionLog, read_log
from zap.serving.log.writer import Writer
from zap.serving.service import Service, UnknownApplicationError
from zap.serving.stores import open_store
from zap.serving.stores.backend import HeldThen
from zap.serving.ui.recent import Recent

SUBJECTS = [f"v{at}" for at in range(12)]
NOW_US = 1_700_000_000_000_000


class Groups:
    """Makes answers of texts, and remembers which came together."""

    def __init__(self, log: PredictionLog | None = None, **options: Any) -> None:
        self.groups: list[list[str]] = []
        self.told: list[Any] = []
        workers, timeout_s = options.pop("workers", None), options.pop("timeout_s", 10)
        making: Making
        if workers is None:
            making = WhileQuick(self.make, Workers(0, 0), timeout_s)  # in the loop
        else:
            making = InWorkers(self.make, workers, timeout_s)
        given = {"most_waiting": 1_000, "timeout_s": timeout_s} | options
        self.gathering = Gathering(
            making, lambda scope, answer: self.told.append(answer), log, **given
        )

    def make(self, asked: Sequence[Any]) -> list[Any]:
        subjects = [one.subject for _, one in asked]
        self.groups.append(subjects)
        if "broken" in subjects:
            raise KeyError("broken")
        return [
            ValueError(each) if each.startswith("-") else (each, logged(each))
            for each in subjects
        ]

    async def all(self, subjects: Sequence[str]) -> list[Any]:
        jobs = (self.gathering.answer({}, PredictionRequest(s)) for s in subjects)
        return await asyncio.gather(*jobs, return_exceptions=True)


def logged(name: str) -> Logged:
    return Logged(
        id=name,
        time=NOW_US,
        instant=None,
        application="shop",
        version="1",
        fingerprint="f",
        subject=None,
        events=0,
        ids="",
        encoded="e",
        score=0.5,
        source="subject",
    )


@pytest.fixture(params=["in the loop", "in a worker"])
def workers(request: pytest.FixtureRequest) -> Iterator[Workers | None]:
    made = Workers(1, 1_000) if request.param == "in a worker" else None
    yield made
    if made is not None:
        made.close(5)


def test_what_comes_in_one_turn_is_a_group_in_its_order(
    workers: Workers | None,
) -> None:
    groups = Groups(workers=workers)
    subjects = [f"v{at:02}" for at in range(MOST_TOGETHER + 4)]
    assert asyncio.run(groups.all(subjects)) == subjects == groups.told
    assert list(map(len, groups.groups)) == [MOST_TOGETHER, 4]
    assert [each for group in groups.groups for each in group] == subjects


def test_who_comes_alone_waits_for_nobody(workers: Workers | None) -> None:
    groups = Groups(workers=workers)

    async def one_by_one() -> list[Any]:
        return [(await groups.all([each]))[0] for each in ("v1", "v2", "v3")]

    assert asyncio.run(one_by_one()) == ["v1", "v2", "v3"]
    assert groups.groups == [["v1"], ["v2"], ["v3"]]


def test_an_error_is_that_of_its_own_request(workers: Workers | None) -> None:
    groups = Groups(workers=workers)
    found = asyncio.run(groups.all(["v1", "-2", "v3"]))
    assert (found[0], found[2]) == ("v1", "v3") and isinstance(found[1], ValueError)
    assert groups.told == ["v1", "v3"]


def test_an_error_of_all_is_told_to_all(workers: Workers | None) -> None:
    found = asyncio.run(Groups(workers=workers).all(["v1", "broken", "v3"]))
    assert all(isinstance(each, KeyError) for each in found)


def test_what_cannot_be_asked_is_told_to_all_once() -> None:
    def ask(asked: Sequence[Any], then: Any) -> None:
        if asked[0][1].subject == "told":
            then([ValueError("told")] * len(asked))
        raise KeyError("not asked")

    gathering = Gathering(Asking(ask), lambda *given: None, None, 100, 60)

    async def work(*subjects: str) -> Any:
        asyncio.get_running_loop().set_exception_handler(lambda *given: None)
        jobs = (gathering.answer({}, PredictionRequest(s)) for s in subjects)
        return await asyncio.gather(*jobs, return_exceptions=True)

    not_asked = asyncio.run(work("v1", "v2"))
    assert all(isinstance(each, KeyError) for each in not_asked)
    told = asyncio.run(work("told", "v2"))
    assert all(isinstance(each, ValueError) for each in told)
    assert gathering.pending == 0


def test_further_ones_than_may_wait_are_refused() -> None:
    found = asyncio.run(Groups(most_waiting=2).all(["v1", "v2", "v3"]))
    assert found[:2] == ["v1", "v2"]
    assert isinstance(found[2], Refused) and found[2].status == 503


def test_workers_that_are_held_up_end_in_a_refusal_and_then_go_on() -> None:
    workers, let_go = Workers(1, 1_000), threading.Event()
    groups = Groups(workers=workers, timeout_s=0.05)

    async def held_up() -> Any:
        first = asyncio.ensure_future(workers.run(10, let_go.wait))
        late = await groups.all(["v1", "v2"])
        let_go.set()
        await first
        return late, await groups.all(["v3"])

    late, after = asyncio.run(held_up())
    workers.close(5)
    assert all(isinstance(each, Refused) and each.status == 504 for each in late)
    assert after == ["v3"]


def test_after_a_slow_group_the_loop_is_not_held_up() -> None:
    """The second group ends only if the loop goes on while it is made."""
    workers, let_go = Workers(1, 1_000), threading.Event()
    threads: list[str] = []

    def make(asked: Sequence[Any]) -> list[Any]:
        threads.append(threading.current_thread().name)
        assert len(threads) != 2 or let_go.wait(60)
        return [(one.subject, logged(one.subject)) for _, one in asked]

    async def work(pause_s: float) -> list[Any]:
        making = WhileQuick(make, workers, 60, slow_s=-1, pause_s=pause_s)
        gathering = Gathering(making, lambda *given: None, None, 100, 60)
        found = [await gathering.answer({}, PredictionRequest("v1"))]
        asyncio.get_running_loop().call_later(0.01, let_go.set)
        found.append(await gathering.answer({}, PredictionRequest("v2")))
        return found

    here = threading.current_thread().name
    assert asyncio.run(work(60)) == ["v1", "v2"]
    assert threads == [here, "worker-0"]
    assert asyncio.run(work(0)) == ["v1", "v2"]
    assert threads[2:] == [here, here]  # once the pause is over
    workers.close(5)


def test_who_was_slow_once_waits_behind_no_batch(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go, made = threading.Event(), Together.made

    def slow(self: Together, asked: Sequence[Any]) -> Sequence[Any]:
        time.sleep(0.06)
        return made(self, asked)

    monkeypatch.setattr(Together, "made", slow)
    workers, aside = Workers(1, 8), Workers(1, 0)
    config = ServeConfig(registry=str(tmp_path / "models"))
    paths = routes(service, config, workers, aside, Metrics(), Recent())
    gathering = paths[0].endpoint._gathering

    async def work() -> Any:
        batch = asyncio.ensure_future(workers.run(60, let_go.wait))
        one_by_one = [await gathering.answer(*asked(s)) for s in SUBJECTS[:3]]
        let_go.set()
        await batch
        return one_by_one

    found = asyncio.run(work())
    workers.close(5)
    aside.close(5)
    alone = [service.predict_subject("shop", subject) for subject in SUBJECTS[:3]]
    assert list(map(said, found)) == list(map(said, alone))


def test_answers_come_when_their_entries_are_in_the_log(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path)
    groups = Groups(log)

    async def read_at_once() -> set[str]:
        await groups.all(["v1", "-2", "v3"])
        return {each.id for each in read_log(tmp_path, "shop")}

    assert asyncio.run(read_at_once()) == {"v1", "v3"}
    log.close()
    (closed,) = asyncio.run(groups.all(["v4"]))
    assert isinstance(closed, LogError) and "close()" in str(closed)


@pytest.mark.parametrize("on_failure", ["refuse", "go_on"])
def test_a_log_that_is_held_up_keeps_nobody_longer_than_its_bound(
    tmp_path: Path, on_failure: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    write = Writer.write

    def held_up(self: Writer, *given: Any) -> int:
        let_go.wait(10)
        return write(self, *given)

    monkeypatch.setattr(Writer, "write", held_up)
    log = PredictionLog(tmp_path, LogOptions(wait_ms=20, on_failure=on_failure))
    groups = Groups(log)
    found = asyncio.run(groups.all(["v1", "v2"]))
    let_go.set()
    log.close()
    kept = {each.id for each in read_log(tmp_path, "shop")}
    if on_failure == "go_on":
        assert found == ["v1", "v2"] and kept == {"v1", "v2"}
    else:
        assert all(isinstance(each, LogError) for each in found)
        assert log.counts.refused == 2 and groups.told == []


def test_a_loop_that_is_busy_does_not_make_the_log_late(tmp_path: Path) -> None:
    log = PredictionLog(tmp_path, LogOptions(wait_ms=20))
    groups = Groups(log)

    async def busy() -> list[Any]:
        job = asyncio.ensure_future(groups.all(["v1"]))
        while not groups.groups:
            await asyncio.sleep(0)
        time.sleep(0.1)  # the entry is written meanwhile, and the timer is due
        return await job

    # The server's loop: it looks at its timers before it hears of other threads.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(busy()) == ["v1"]
    log.close()


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    root = tmp_path / "models"
    deployed(root, made_bundle(tmp_path / "b", ((2.0, -1.0, 0.5, -2.0),)))
    persons = made_bundle(tmp_path / "p", subject=PERSON, application="persons")
    deployed(root, persons, "persons")
    store = open_store(f"sqlite:{tmp_path / 'events.db'}", clock_us=lambda: NOW_US)
    log = PredictionLog(tmp_path / "log")
    made = Service(root, store, log, clock=lambda: NOW_US)
    backend = store._backend

    def ask(keys: Sequence[str], then: HeldThen) -> None:
        asyncio.get_running_loop().call_soon(then, backend.get(keys))

    monkeypatch.setattr(backend, "ask", ask)
    made.append(
        [
            {
                "event_id": f"{subject}-{at}",
                "anonymous_id": subject,
                "timestamp": NOW_US - 1_000_000 * (at + 1),
                "type": "view",
                "page": "pqs"[(at + place) % 3],
            }
            for place, subject in enumerate(SUBJECTS)
            for at in range(place % 5)
        ]
    )
    yield made
    made.close()


@pytest.fixture
def told() -> list[Answer]:
    return []


@pytest.fixture(params=["waited for", "asked in a loop"])
def together(
    service: Service,
    told: list[Answer],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Together:
    """Makes answers of what a store says, whichever way it says it."""
    root = str(tmp_path / "models")
    answers = Answers(service, root, Metrics(), 100, 100, 10, told.extend)
    together = Together(answers, service)
    if request.param == "asked in a loop":
        monkeypatch.setattr(together, "made", partial(made_in_a_loop, together))
    return together


def made_in_a_loop(together: Together, given: Sequence[Any]) -> Any:
    async def work() -> Any:
        future = asyncio.get_running_loop().create_future()
        together.ask(given, future.set_result)
        return await future

    return asyncio.run(work())


def reading(monkeypatch: pytest.MonkeyPatch, store: Any, pasts: Any) -> None:
    """Let a store read by ``pasts``, whichever way it is asked."""

    def past(subject: str, *given: Any) -> Any:
        return pasts([subject], *given)[0]

    def ask_pasts(subjects: Sequence[str], need: Any, now_us: int, then: Any) -> None:
        found: Any
        try:
            found = pasts(subjects, need, now_us)
        except Exception as error:
            found = error
        asyncio.get_running_loop().call_soon(then, found)

    for name, read in (("past", past), ("pasts", pasts), ("ask_pasts", ask_pasts)):
        monkeypatch.setattr(store, name, read)


def asked(subject: str, caller: Caller | None = None, **given: Any) -> Any:
    name = given.pop("application", "shop")
    scope = {
        "path_params": {"application": name},
        SCOPE_KEY: caller or Caller.local(),
        LINE: {},
    }
    return scope, PredictionRequest(subject=subject, **given)


def answered(together: Together, given: Sequence[Any]) -> list[Any]:
    """Answers, whose entries are in the log then, and errors."""
    found: list[Any] = []
    for (scope, _), made in zip(given, together.made(given), strict=True):
        if isinstance(made, Exception):
            found.append(made)
            continue
        answer, entry = made
        log = together._service.log
        assert log is not None
        log.append(entry)
        together.told(scope, answer)
        found.append(answer)
    return found


def said(answer: Answer) -> tuple[Any, ...]:
    return (answer.version, answer.probability, answer.events, answer.instant_us)


def test_answers_are_those_of_single_requests(
    service: Service, together: Together, told: list[Answer], tmp_path: Path
) -> None:
    alone = [service.predict_subject("shop", subject) for subject in SUBJECTS]
    found = answered(together, [asked(subject) for subject in SUBJECTS])
    assert [said(each) for each in found] == [said(each) for each in alone]
    assert len({each.prediction_id for each in found + alone}) == 2 * len(SUBJECTS)
    assert told == found
    logged = {each.id: each for each in read_log(tmp_path / "log", "shop")}
    for one, other in zip(found, alone, strict=True):
        ours, theirs = logged[one.prediction_id], logged[other.prediction_id]
        assert (ours.encoded, ours.ids, ours.score, ours.source) == (
            (theirs.encoded, theirs.ids, theirs.score, theirs.source)
        )


def test_who_is_wrong_is_refused_and_others_are_answered(
    service: Service, together: Together
) -> None:
    page = Caller("publishable", "k", anonymous_id="v3")
    given = [
        asked("v1"),
        asked("v2", application="unknown"),
        asked("v4", page),
        asked("v3", page),
        asked("v7"),
    ]
    found = answered(together, given)
    alone = {s: service.predict_subject("shop", s) for s in ("v1", "v3", "v7")}
    for place, subject in ((0, "v1"), (3, "v3"), (4, "v7")):
        assert said(found[place]) == said(alone[subject])
    assert isinstance(found[1], UnknownApplicationError)
    assert found[2].status == 403


def test_one_that_cannot_be_encoded_harms_no_other(
    service: Service, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = service._stored()
    pasts = store.pasts

    def damaged(subjects: Sequence[str], *given: Any) -> Any:
        if "v2" in subjects:
            raise KeyError("damaged")
        return pasts(subjects, *given)

    reading(monkeypatch, store, damaged)
    found = answered(together, [asked(s) for s in ("v1", "v2", "v3")])
    assert isinstance(found[1], KeyError)
    for at, subject in ((0, "v1"), (2, "v3")):
        assert said(found[at]) == said(service.predict_subject("shop", subject))


def test_who_names_no_person_is_told_so_and_nobody_else_is(together: Together) -> None:
    subjects = ["user:u1", "anna@example.com", "user:u2", "ben@example.com"]
    given = [asked(subject, application="persons") for subject in subjects]
    first, wrong, second, wrong_too = answered(together, given)
    assert isinstance(first, Answer) and isinstance(second, Answer)
    for error, subject in ((wrong, subjects[1]), (wrong_too, subjects[3])):
        assert isinstance(error, InputError) and subject in str(error)


def test_a_store_that_is_down_is_asked_once(
    service: Service, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def down(*given: Any) -> Any:
        calls.append(given)
        raise StoreError("down")

    reading(monkeypatch, service._stored(), down)
    found = answered(together, [asked(s) for s in ("v1", "v2", "v3")])
    assert all(isinstance(each, StoreError) for each in found) and len(calls) == 1
