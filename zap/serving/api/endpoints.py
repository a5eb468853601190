"""What the paths of the API do: a body in, a call of the service, a body out.

An endpoint reads its body in the event loop and does all else in a worker. It is plain
ASGI; a request object of a framework would cost more than the prediction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from zap.bundles.registry import Registry
from zap.serving.answers import Answer
from zap.serving.api.asgi import Receive, Scope, Send, answer, read_body
from zap.serving.api.bodies import (
    ApplicationAnswer,
    ApplicationsAnswer,
    BatchAnswer,
    BatchRequest,
    DeploymentAnswer,
    EventsAnswer,
    EventsRequest,
    Forgotten,
    PredictionRequest,
    ServedAnswer,
    decoded,
    encode,
    invalid,
)
from zap.serving.api.caller import SCOPE_KEY, Caller
from zap.serving.api.edge import LINE
from zap.serving.api.metrics import Metrics
from zap.serving.api.refusals import forbidden
from zap.serving.api.workers import Workers
from zap.serving.posted import time_us
from zap.serving.served import Served, described
from zap.serving.service import Service

T = TypeVar("T")
DEPLOYMENTS_SHOWN = 20


class Endpoint(Generic[T]):
    """One path and method.

    Args:
        workers: where the work is done.
        timeout_s: from a request's arrival to its answer.
        work: takes the scope and the body's content to what is answered.
        body: the form of the body; None has none.
    """

    def __init__(
        self,
        workers: Workers,
        timeout_s: float,
        work: Callable[[Scope, T], Any],
        body: type[T] | None = None,
    ):
        self._workers, self._timeout_s, self._work = workers, timeout_s, work
        self._decoder = None if body is None else msgspec.json.Decoder(body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        body = b""
        if self._decoder is not None:
            body = await read_body(scope, receive)
        await answer(send, 200, await self.answered(scope, body))

    async def answered(self, scope: Scope, body: bytes) -> bytes:
        """The answer's body, made in a worker."""
        return await self._workers.run(self._timeout_s, self._answered, scope, body)

    def _answered(self, scope: Scope, body: bytes) -> bytes:
        given: Any = None
        if self._decoder is not None:
            given = decoded(self._decoder, body)
        return encode(self._work(scope, given))


class Answers:
    """What the endpoints work with.

    Args:
        service: answers.
        root: of the registry.
        metrics: where predictions are counted.
        most_events: of one request.
        most_subjects: of one batch.
        most_explained: events left out in one request.
        told: called with the predictions of each request that is answered.
    """

    def __init__(
        self,
        service: Service,
        root: str,
        metrics: Metrics,
        most_events: int,
        most_subjects: int,
        most_explained: int,
        told: Callable[[Sequence[Answer]], None] = lambda answers: None,
    ):
        self._service, self._root, self._metrics = service, root, metrics
        self._most_events, self._most_subjects = most_events, most_subjects
        self._most_explained, self._told = most_explained, told

    def prediction(self, scope: Scope, asked: PredictionRequest) -> Answer:
        """By subject, or by events."""
        served = self.served(scope)
        if (asked.subject is None) == (asked.events is None):
            raise invalid("Expected either subject or events. Send one of the two.")
        if asked.explain > self._most_explained:
            raise invalid(f"Expected explain of at most {self._most_explained}.")
        if asked.instant is not None:
            _check_trusted(scope)  # a page asks about now, and not about other times
        at = None if asked.instant is None else time_us(asked.instant, "instant")
        name, explain = served.application, asked.explain
        if asked.subject is not None:
            check_may(scope, served, asked.subject)
            found = self._service.predict_subject(
                name, asked.subject, now_us=at, explain=explain
            )
        else:
            assert asked.events is not None
            _check_trusted(scope)
            self._check_count("events", len(asked.events), self._most_events)
            found = self._service.predict_events(
                name, asked.events, instant_us=at, explain=explain
            )
        self.count(scope, [found])
        return found

    def batch(self, scope: Scope, asked: BatchRequest) -> BatchAnswer:
        """Many subjects."""
        served = self.served(scope)
        _check_trusted(scope)
        self._check_count("subjects", len(asked.subjects), self._most_subjects)
        found = self._service.predict_subjects(served.application, asked.subjects)
        self.count(scope, found)
        return BatchAnswer(found)

    def events(self, scope: Scope, asked: EventsRequest) -> EventsAnswer:
        """Keep events."""
        _check_trusted(scope)
        self._check_count("events", len(asked.events), self._most_events)
        done = self._service.append(asked.events)
        return EventsAnswer(done.new, done.repeated, dict(done.by_reason))

    def forget(self, scope: Scope, asked: None) -> Forgotten:
        """Remove a subject from the store."""
        _check_trusted(scope)
        given = scope["path_params"]
        return Forgotten(self._service.forget(given["field"], given["subject"]))

    def applications(self, scope: Scope, asked: None) -> ApplicationsAnswer:
        """What is served."""
        _check_trusted(scope)
        caller: Caller = scope[SCOPE_KEY]
        found = self._service.applications
        shown = [name for name in sorted(found) if caller.may_ask(name)]
        return ApplicationsAnswer([_shown(found[name]) for name in shown])

    def application(self, scope: Scope, asked: None) -> ApplicationAnswer:
        """The versions of an application, and which is live."""
        served = self.served(scope)
        _check_trusted(scope)
        registry = Registry(self._root, served.application)
        history = registry.history()
        shown = history[-DEPLOYMENTS_SHOWN:]
        return ApplicationAnswer(
            served=_shown(served),
            live=registry.live(),
            problem=self._service.problems.get(served.application),
            versions=list(registry.versions()),
            deployments=[
                msgspec.convert(each.to_dict(), DeploymentAnswer) for each in shown
            ],
        )

    def count(self, scope: Scope, answers: Sequence[Answer]) -> None:
        """Tell of what is answered."""
        self._told(answers)
        for each in answers:
            scope[LINE]["version"] = each.version
            amount = each.amount is not None
            self._metrics.predicted(each.application, each.version, each.score, amount)

    def served(self, scope: Scope) -> Served:
        """What answers a request, if its key may ask."""
        served = self._service.served(scope["path_params"]["application"])
        scope[LINE]["application"] = served.application
        caller: Caller = scope[SCOPE_KEY]
        if not caller.may_ask(served.application):
            raise forbidden("application", "This key is for others.", "application")
        return served

    def _check_count(self, what: str, count: int, most: int) -> None:
        if count > most:
            raise invalid(
                f"Expected at most {most} {what} in one request. Received: {count}. "
                "Send several requests."
            )


def _shown(served: Served) -> ServedAnswer:
    return msgspec.convert(described(served), ServedAnswer)


def check_may(scope: Mapping[str, Any], served: Served, subject: str) -> None:
    """Refuse a key that may not ask about a subject."""
    caller: Caller = scope[SCOPE_KEY]
    if not caller.may(served.subject, subject):
        raise forbidden(
            "subject", "This key is for the predictions of its visitor.", "visitor"
        )


def _check_trusted(scope: Mapping[str, Any]) -> None:
    caller: Caller = scope[SCOPE_KEY]
    if not caller.trusted:
        raise forbidden("secret_only", "This needs a secret key.", "kind_of_key")
