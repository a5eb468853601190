"""What the gate itself answers: preflights, metrics, and tokens for visitors."""

from __future__ import annotations

import json
from collections.abc import Callable

from zap.serving.api.access import METRICS_PATH, PAGES, Access
from zap.serving.api.answer import Answer
from zap.serving.api.asked import Asked
from zap.serving.api.caller import Caller
from zap.serving.api.cors import VARY, answer_headers, lists, preflight_headers
from zap.serving.api.doorman import Doorman
from zap.serving.api.key_file import KeyFile
from zap.serving.api.keyring import Keyring
from zap.serving.api.metrics import CONTENT_TYPE, Metrics
from zap.serving.api.refusals import JSON, Header, Refused, forbidden
from zap.serving.api.visitors import issue_visitor

NO_STORE = (b"cache-control", b"no-store")


class OwnRoutes:
    """The gate's own answers, and the headers of all others.

    Args:
        keys: the file of keys, or None.
        doorman: knows the secrets of keys.
        metrics: what is told.
        visitor_life_s: how long a visitor's token holds.
        now_s: the clock, in seconds since 1970.
    """

    def __init__(
        self,
        keys: KeyFile | None,
        doorman: Doorman,
        metrics: Metrics,
        visitor_life_s: int,
        now_s: Callable[[], float],
    ):
        self._keys, self._doorman, self._metrics = keys, doorman, metrics
        self._visitor_life_s, self._now_s = visitor_life_s, now_s

    def headers(self, asked: Asked) -> list[Header]:
        """What an answer carries besides its own headers."""
        if asked.rule.access is Access.OPEN:
            return []
        if asked.rule.access not in PAGES:
            return [NO_STORE]
        if asked.is_preflight:
            return [VARY]
        return [NO_STORE, *answer_headers(self._ring(), asked.origin)]

    def preflight(self, asked: Asked) -> list[Header]:
        """What a browser is told that asks whether a page may ask.

        Raises:
            Refused: no key lists the page's origin, or it is no preflight.
        """
        origin = asked.origin
        if origin is None or b"access-control-request-method" not in asked.headers:
            raise _method("POST")
        if not lists(self._ring(), origin):
            raise forbidden("origin", "No key lists this page's origin.", "origin")
        return preflight_headers(origin)

    async def answer(self, asked: Asked, caller: Caller, answer: Answer) -> bool:
        """Answer, if this is a route of the gate's; whether it was.

        Raises:
            Refused: the method is another, or the server issues no tokens.
        """
        if asked.rule.template == METRICS_PATH:
            if asked.method not in ("GET", "HEAD"):
                raise _method("GET")
            kind = (b"content-type", CONTENT_TYPE.encode())
            await answer.send_all(200, [kind], self._metrics.text())
        elif asked.rule.access is Access.VISITORS:
            if asked.method != "POST":
                raise _method("POST")
            await answer.send_all(200, [JSON], self._visitor(caller))
        else:
            return False
        return True

    def _visitor(self, caller: Caller) -> bytes:
        """A token for a new visitor, or a fresh one for whom its token still proves."""
        if caller.key_id is None:
            raise forbidden(
                "kind_of_key", "This server has no publishable keys.", "kind_of_key"
            )
        issued = issue_visitor(
            self._doorman.site_secret(caller.key_id),
            caller.key_id,
            caller.anonymous_id,
            self._visitor_life_s,
            self._now_s(),
        )
        return json.dumps(issued).encode()

    def _ring(self) -> Keyring:
        return self._keys.ring if self._keys else Keyring()


def _method(wanted: str) -> Refused:
    allow = [(b"allow", wanted.encode())]
    return Refused(405, "method", f"Expected {wanted}.", None, allow)
