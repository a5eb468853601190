"""Requests that wait together are answered as if each were alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from made_bundles import deployed, made_bundle

from zap.errors import StoreError
from zap.serving.answers import Answer
from zap.serving.api.bodies import PredictionRequest
from zap.serving.api.caller import SCOPE_KEY, Caller
from zap.serving.api.edge import LINE
from zap.serving.api.endpoints import Answers
from zap.serving.api.metrics import Metrics
from zap.serving.api.refusals import Refused
from zap.serving.api.together import Together
from zap.serving.api.workers import MOST_TOGETHER, Workers
from zap.serving.log import PredictionLog, read_log
from zap.serving.service import Service, UnknownApplicationError
from zap.serving.stores import open_store

SUBJECTS = [f"v{at}" for at in range(12)]
NOW_US = 1_700_000_000_000_000


class Held:
    """A single worker that is kept busy until all jobs of a test wait."""

    def __init__(self, timeout_s: float = 10) -> None:
        self.workers = Workers(1, 1000)
        self.timeout_s = timeout_s
        self.let_go = threading.Event()
        self.groups: list[list[Any]] = []

    def together(self, given: Sequence[tuple[Any, ...]]) -> list[Any]:
        self.groups.append([each for (each,) in given])
        return [ValueError(each) if each < 0 else each * 10 for (each,) in given]

    def alone(self, each: int) -> int:
        self.groups.append([each])
        return each * 10

    async def all(self, jobs: Sequence[Callable[[], Any]], wait_s: float = 0) -> Any:
        """What the jobs come to that wait behind one that is let go then."""
        first = asyncio.ensure_future(self.workers.run(10, self.let_go.wait))
        await asyncio.sleep(0.01)
        others = [asyncio.ensure_future(job()) for job in jobs]
        await asyncio.sleep(wait_s)
        self.let_go.set()
        found = await asyncio.gather(first, *others, return_exceptions=True)
        self.workers.close(5)
        return found[1:]

    def grouped(self, each: int) -> Callable[[], Any]:
        return lambda: self.workers.run(
            self.timeout_s, self.alone, each, together=self.kind
        )

    @property
    def kind(self) -> Any:
        return self.__dict__.setdefault("_kind", self.together)


def test_what_waits_is_done_together_in_its_order() -> None:
    held = Held()
    found = asyncio.run(held.all([held.grouped(at) for at in range(20)]))
    assert found == [at * 10 for at in range(20)]
    assert [len(group) for group in held.groups] == [MOST_TOGETHER, MOST_TOGETHER, 4]
    assert [each for group in held.groups for each in group] == list(range(20))
    assert held.workers.pending == 0


def test_another_kind_of_job_is_done_by_itself() -> None:
    held = Held()
    jobs = [held.grouped(at) for at in range(5)]
    jobs.insert(2, lambda: held.workers.run(5, held.alone, 7))
    assert asyncio.run(held.all(jobs)) == [0, 10, 70, 20, 30, 40]
    assert held.groups == [[0, 1], [7], [2, 3, 4]]


def test_an_error_is_that_of_its_own_job() -> None:
    held = Held()
    found = asyncio.run(held.all([held.grouped(at) for at in (1, -2, 3)]))
    assert (found[0], found[2]) == (10, 30) and isinstance(found[1], ValueError)


def test_an_error_of_all_is_told_to_all() -> None:
    held = Held()

    def broken(given: Any) -> Any:
        raise KeyError("broken")

    jobs = [
        lambda: held.workers.run(5, held.alone, 1, together=broken) for _ in range(3)
    ]
    found = asyncio.run(held.all(jobs))
    assert all(isinstance(each, KeyError) for each in found)
    assert held.workers.pending == 0


def test_who_waited_too_long_is_left_out() -> None:
    held = Held(timeout_s=0.05)
    found = asyncio.run(held.all([held.grouped(at) for at in range(3)], wait_s=0.1))
    assert all(isinstance(each, Refused) and each.status == 504 for each in found)
    assert held.groups == []


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    root = tmp_path / "models"
    deployed(root, made_bundle(tmp_path / "b", ((2.0, -1.0, 0.5, -2.0),)))
    store = open_store(f"sqlite:{tmp_path / 'events.db'}", clock_us=lambda: NOW_US)
    log = PredictionLog(tmp_path / "log")
    made = Service(root, store, log, clock=lambda: NOW_US)
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


@pytest.fixture
def together(service: Service, told: list[Answer], tmp_path: Path) -> Together:
    root = str(tmp_path / "models")
    answers = Answers(service, root, Metrics(), 100, 100, 10, told.extend)
    return Together(answers, service)


def asked(subject: str, caller: Caller | None = None, **given: Any) -> Any:
    name = given.pop("application", "shop")
    scope = {
        "path_params": {"application": name},
        SCOPE_KEY: caller or Caller.local(),
        LINE: {},
    }
    return scope, PredictionRequest(subject=subject, **given)


def said(answer: Answer) -> tuple[Any, ...]:
    return (answer.version, answer.probability, answer.events, answer.instant_us)


def test_answers_are_those_of_single_requests(
    service: Service, together: Together, told: list[Answer], tmp_path: Path
) -> None:
    alone = [service.predict_subject("shop", subject) for subject in SUBJECTS]
    found = together.predictions([asked(subject) for subject in SUBJECTS])
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
        asked("v8", explain=2),
        asked("v6", events=[]),
        asked("v7"),
    ]
    found = together.predictions(given)
    alone = {s: service.predict_subject("shop", s) for s in ("v1", "v3", "v8", "v7")}
    for place, subject in ((0, "v1"), (3, "v3"), (4, "v8"), (6, "v7")):
        assert said(found[place]) == said(alone[subject])
    assert isinstance(found[1], UnknownApplicationError)
    assert [found[at].status for at in (2, 5)] == [403, 422]
    assert len(found[4].reasons) == 2 and found[0].reasons is None


def test_one_that_cannot_be_encoded_harms_no_other(
    service: Service, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = service._stored()
    past = store.past

    def damaged(subject: str, *given: Any) -> Any:
        if subject == "v2":
            raise KeyError("damaged")
        return past(subject, *given)

    def all_damaged(subjects: Sequence[str], *given: Any) -> Any:
        return [damaged(subject, *given) for subject in subjects]

    monkeypatch.setattr(store, "past", damaged)
    monkeypatch.setattr(store, "pasts", all_damaged)
    found = together.predictions([asked(s) for s in ("v1", "v2", "v3")])
    assert isinstance(found[1], KeyError)
    for at, subject in ((0, "v1"), (2, "v3")):
        assert said(found[at]) == said(service.predict_subject("shop", subject))


def test_a_store_that_is_down_is_asked_once(
    service: Service, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def down(*given: Any) -> Any:
        calls.append(given)
        raise StoreError("down")

    for name in ("past", "pasts"):
        monkeypatch.setattr(service._stored(), name, down)
    found = together.predictions([asked(s) for s in ("v1", "v2", "v3")])
    assert all(isinstance(each, StoreError) for each in found) and len(calls) == 1
