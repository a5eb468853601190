"""Predictions that were asked for one by one, and are answered together.

Under load several requests wait whenever a thread comes free. One look into the store,
one call of the model and one wait for the log then serve them all: eight instances in a
call take a third of the time each that one takes alone, and their scores are the same.
What one of them has wrong is its own affair: the others are answered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zap.errors import LogError, StoreError
from zap.serving.answers import Answer
from zap.serving.api.asgi import Scope
from zap.serving.api.bodies import PredictionRequest
from zap.serving.api.endpoints import Answers, check_may
from zap.serving.service import Service

Asked = tuple[Scope, PredictionRequest]


class Together:
    """Answers requests for predictions, those of subjects together.

    Args:
        answers: what answers a single one.
        service: what is behind it.
    """

    def __init__(self, answers: Answers, service: Service):
        self._answers, self._service = answers, service

    def predictions(self, asked: Sequence[Asked]) -> list[Any]:
        """An answer for each, or the error that it ends with."""
        found: list[Any] = [None] * len(asked)
        by_application: dict[str, list[int]] = {}
        for place, (scope, one) in enumerate(asked):
            if self._alone(one):
                found[place] = self._single(scope, one)
                continue
            try:
                served = self._answers.served(scope)
                assert one.subject is not None
                check_may(scope, served, one.subject)
                by_application.setdefault(served.application, []).append(place)
            except Exception as error:
                found[place] = error
        for application, places in by_application.items():
            answered = self._of(application, [asked[place] for place in places])
            for place, each in zip(places, answered, strict=True):
                found[place] = each
        return found

    def _alone(self, one: PredictionRequest) -> bool:
        plain = one.events is None and one.instant is None and not one.explain
        return one.subject is None or not plain or self._service.marks

    def _of(self, application: str, asked: Sequence[Asked]) -> Sequence[Any]:
        """Those of one application."""
        if len(asked) == 1:
            return [self._single(*asked[0])]
        subjects = [one.subject or "" for _, one in asked]
        try:
            found: list[Answer] = self._service.predict_each(application, subjects)
        except (StoreError, LogError) as error:  # so would each of them
            return [error] * len(asked)
        except Exception:  # of one; who is right is answered
            return [self._single(scope, one) for scope, one in asked]
        for (scope, _), answer in zip(asked, found, strict=True):
            self._answers.count(scope, [answer])
        return found

    def _single(self, scope: Scope, one: PredictionRequest) -> Any:
        try:
            return self._answers.prediction(scope, one)
        except Exception as error:
            return error
