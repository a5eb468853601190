"""Predictions that were asked for one by one, and are made together.

Eight instances in one call of the model take a third of the time each that one takes
alone, and their scores are the same; the store and the log are asked once for all. What
one request has wrong is its own affair: the others are answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from zap.errors import StoreError
from zap.serving.answers import Answer
from zap.serving.api.asgi import Receive, Scope, Send, answer, read_body
from zap.serving.api.bodies import PredictionRequest, decoded, encode
from zap.serving.api.endpoints import Answers, Endpoint, check_may
from zap.serving.api.gathering import Gathering
from zap.serving.api.making import Asked, Made, Then
from zap.serving.service import MadeOf, Service, UnknownApplicationError

SMALL_BYTES = 4_096
"""A body that only names a subject is no larger."""


class Predictions:
    """The path of single predictions.

    A request that names a subject and asks for nothing else is gathered with others;
    all else is done in a worker, by itself.

    Args:
        alone: answers a request by itself.
        gathering: answers it with others.
        marks: whether each prediction is an event, which the next may look at.
    """

    def __init__(
        self, alone: Endpoint[PredictionRequest], gathering: Gathering, marks: bool
    ):
        self._alone, self._gathering, self._marks = alone, gathering, marks
        self._decoder = msgspec.json.Decoder(PredictionRequest)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        body = await read_body(scope, receive)
        asked = decoded(self._decoder, body) if len(body) <= SMALL_BYTES else None
        if asked is None or self._marks or not _plain(asked):
            found = await self._alone.answered(scope, body)
        else:
            found = encode(await self._gathering.answer(scope, asked))
        await answer(send, 200, found)


def _plain(asked: PredictionRequest) -> bool:
    by_subject = asked.subject is not None and asked.events is None
    return by_subject and asked.instant is None and not asked.explain


class Together:
    """Makes the predictions of several requests.

    Args:
        answers: knows what a caller may ask, and counts.
        service: what is behind it.
    """

    def __init__(self, answers: Answers, service: Service):
        self._answers, self._service = answers, service

    def made(self, asked: Sequence[Asked]) -> Sequence[Made]:
        """For each an answer with the log's entry, or the error that it ends with.

        Args:
            asked: requests that name a subject.
        """
        found, by_application = self._by_application(asked)
        for application, places in by_application.items():
            made = self._of(application, [asked[place] for place in places])
            for place, each in zip(places, made, strict=True):
                found[place] = each
        return [each for each in found if each is not None]

    def ask(self, asked: Sequence[Asked], then: Then) -> None:
        """The same, where the store can be asked in the event loop.

        Args:
            asked: requests that name a subject.
            then: told what is made of them.
        """
        found, by_application = self._by_application(asked)
        collected = _Collected(found, then)
        for application, places in by_application.items():
            subjects = [asked[place][1].subject or "" for place in places]
            self._ask(application, subjects, partial(collected.put, places))

    def _ask(self, application: str, subjects: Sequence[str], then: Then) -> None:
        """Those of one application; where reading some fails, one by one."""

        def read(make: MadeOf | Exception) -> None:
            if not isinstance(make, Exception):
                then(_tried(len(subjects), make))
            elif isinstance(make, StoreError) or len(subjects) == 1:
                then([make] * len(subjects))
            else:
                collected = _Collected([None] * len(subjects), then)
                for at, subject in enumerate(subjects):
                    self._ask(application, [subject], partial(collected.put, [at]))

        try:
            self._service.ask_for(application, subjects, read)
        except UnknownApplicationError as error:
            then([error] * len(subjects))

    def _by_application(
        self, asked: Sequence[Asked]
    ) -> tuple[list[Made | None], dict[str, list[int]]]:
        """Who may not ask gets an error; the places of all others by application."""
        found: list[Made | None] = [None] * len(asked)
        by_application: dict[str, list[int]] = {}
        for place, (scope, one) in enumerate(asked):
            try:
                served = self._answers.served(scope)
                assert one.subject is not None
                check_may(scope, served, one.subject)
                by_application.setdefault(served.application, []).append(place)
            except Exception as error:
                found[place] = error
        return found, by_application

    def _of(self, application: str, asked: Sequence[Asked]) -> Sequence[Made]:
        """Those of one application."""
        subjects = [one.subject or "" for _, one in asked]
        try:
            return self._service.made_for(application, subjects)
        except StoreError as error:  # so would each of them
            return [error] * len(asked)
        except Exception as error:
            if len(asked) == 1:
                return [error]
            return [self._of(application, [each])[0] for each in asked]

    def told(self, scope: Scope, given: Answer) -> None:
        """Count a request that is answered."""
        self._answers.count(scope, [given])


class _Collected:
    """What is told of a group bit by bit, and is passed on once it is whole.

    Args:
        found: what is known already.
        then: told the whole.
    """

    def __init__(self, found: list[Made | None], then: Then):
        self._found, self._then = found, then
        self._left = sum(each is None for each in found)
        self._end()

    def put(self, places: Sequence[int], made: Sequence[Made]) -> None:
        """What is made of those at some places."""
        for place, each in zip(places, made, strict=True):
            self._found[place] = each
        self._left -= len(places)
        self._end()

    def _end(self) -> None:
        if not self._left:
            self._then([each for each in self._found if each is not None])


def _tried(count: int, make: MadeOf) -> Sequence[Made]:
    """What is made of some requests; where one has something wrong, one by one."""
    try:
        return make(range(count))
    except StoreError as error:  # so would each of them
        return [error] * count
    except Exception as error:
        if count == 1:
            return [error]
        return [_tried(1, lambda _, at=at: make([at]))[0] for at in range(count)]  # type: ignore[misc]
