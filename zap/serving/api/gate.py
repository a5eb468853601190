"""The gate before the application: who may come in, how much, and what is told of it.

Pure ASGI around any application. In this order, so that what costs most is asked last:
the key, the rates, the body (counted and timed), then one of a set number of places.
There is no queue: who finds no place is told so at once, with Retry-After.

The application finds its caller in ``scope["zap.caller"]`` and a body that is whole.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from zap.serving.api.access import RULES, Rule, Rules
from zap.serving.api.answer import Answer
from zap.serving.api.asked import Asked
from zap.serving.api.body import WHOLE, Body, Buffer, Receive, Send, replayed
from zap.serving.api.caller import SCOPE_KEY, Caller
from zap.serving.api.doorman import Doorman
from zap.serving.api.key_file import KeyFile
from zap.serving.api.limits import Buckets, Limits
from zap.serving.api.metrics import Metrics
from zap.serving.api.own_routes import OwnRoutes
from zap.serving.api.refusals import Disconnected, Refused, busy, retry_after
from zap.serving.api.visitors import LIFE_S, server_secret

Scope = MutableMapping[str, Any]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
ROUTE_KEY = "zap.route"
CLIENT_CLOSED = 499  # never sent: how logs of servers call a client that went away
LOG = logging.getLogger("zap.serving.api")


class Gate:
    """ASGI middleware that authenticates, limits and measures.

    Args:
        app: what it stands before.
        keys: the file of keys; None is a server without, that must be bound to
            localhost and answers requests from there alone.
        limits: of rates, sizes and times.
        metrics: where it counts.
        rules: which kind of caller may ask which path; others need a secret key.
        metrics_public: whether ``/metrics`` needs no key anywhere.
        visitor_life_s: how long a visitor's token holds.
        on_refused: told the route, and why, of each request that the gate refuses.
        now_s: the clock, in seconds since 1970.

    Raises:
        KeysError: the file of keys or the server's secret is missing or damaged.
    """

    def __init__(
        self,
        app: App,
        keys: Path | KeyFile | None = None,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
        *,
        rules: Sequence[Rule] = RULES,
        metrics_public: bool = False,
        visitor_life_s: int = LIFE_S,
        on_refused: Callable[[str, Refused], None] | None = None,
        now_s: Callable[[], float] = time.time,
    ):
        self.app = app
        self.keys = KeyFile(keys) if isinstance(keys, Path) else keys
        self.limits = limits or Limits()
        self.metrics = metrics or Metrics()
        secret = server_secret(self.keys.path) if self.keys else None
        self._doorman = Doorman(self.keys, secret, self.limits, metrics_public, now_s)
        self._rules = Rules(rules)
        self._buckets = Buckets(self.limits.max_buckets)
        self._buffer = Buffer(self.limits.max_buffered_bytes)
        self._working = 0
        self._on_refused = on_refused
        self._own = OwnRoutes(
            self.keys, self._doorman, self.metrics, visitor_life_s, now_s
        )
        self._watch()

    def _watch(self) -> None:
        self.metrics.in_flight.set_function(lambda: self._working)
        self.metrics.buffered_bytes.set_function(lambda: self._buffer.held_bytes)
        if self.keys is not None:
            keys = self.keys
            self.metrics.watch_total(
                "zap_key_file_damaged",
                "Changes of the file of keys that could not be read.",
                lambda: keys.damaged,
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection's scope."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        asked = Asked.of(scope, self._rules)
        answer = Answer(send, self._own.headers(asked))
        body: Body | None = None
        try:
            body = Body(asked.headers, receive, scope.get(WHOLE))
            await self._serve(asked, scope, body, receive, answer)
        except Refused as refused:
            if refused.reason:
                self.metrics.refused(refused.reason)
            if self._on_refused is not None:
                self._on_refused(asked.rule.template, refused)
            await answer.refuse(refused, body)
        except Disconnected:
            self.metrics.refused("disconnected")
            answer.status = CLIENT_CLOSED
        except Exception as error:
            _log_defect(error, asked)
            await answer.fail(body)
        finally:
            if body is not None:
                self._buffer.give(body.held_bytes)
            self.metrics.answered(
                asked.rule.template,
                asked.method,
                answer.status,
                time.perf_counter() - began,
            )

    async def _serve(
        self,
        asked: Asked,
        scope: Scope,
        body: Body,
        receive: Receive,
        answer: Answer,
    ) -> None:
        if asked.is_preflight:
            await answer.send_all(204, self._own.preflight(asked))
            return
        caller = self._doorman.admit(asked)
        if caller is not None:
            self._charge(asked, caller, answer)
            if await self._own.answer(asked, caller, answer):
                return
        if body.expected or WHOLE in scope:
            content = await body.read(self.limits, self._buffer)
            receive = replayed(content, receive)
        if self._working >= self.limits.max_concurrent and not asked.rule.vital:
            raise busy("busy", self.limits.retry_after_s)
        scope[SCOPE_KEY] = caller
        scope[ROUTE_KEY] = asked.rule.template
        self._working += 1
        try:
            await self.app(scope, receive, answer.send)
        finally:
            self._working -= 1

    def _charge(self, asked: Asked, caller: Caller, answer: Answer) -> None:
        claims = self._doorman.claims(asked, caller)
        if not claims:
            return
        verdict = self._buckets.take(claims)
        answer.headers += [
            (b"ratelimit-limit", b"%d" % verdict.limit),
            (b"ratelimit-remaining", b"%d" % verdict.remaining),
            (b"ratelimit-reset", b"%d" % -(-verdict.reset_s // 1)),
        ]
        if verdict.refused_by:
            raise Refused(
                429,
                "rate_limited",
                "Too many requests. Try again after the seconds of Retry-After.",
                verdict.refused_by,
                [retry_after(verdict.wait_s)],
            )


def _log_defect(error: Exception, asked: Asked) -> None:
    """Where a defect is; not what was said of it, which may hold a subject."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    LOG.error("defect: %s at %s\n%s", type(error).__name__, asked.rule.template, frames)
