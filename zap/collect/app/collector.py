"""The ASGI application: routes of protocols, and the life of one request.

Plain ASGI with no framework inside, since a request of one event is little more than
its parsing. A request is read, and refused where it can't be taken; else its records go
to the spool, and it is answered as accepted only once they are on disk. Every answer at
a protocol's path is the protocol's own: its clients know by it whether to try again.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping, Sequence

from zap.collect.app.commit import Committer, Submits
from zap.collect.app.config import CollectConfig
from zap.collect.app.cors import answer_headers, preflight_headers
from zap.collect.app.metrics import ACCEPTED, NOBODY, CollectMetrics
from zap.collect.app.reading import Reading, unaccepted
from zap.collect.app.routes import Path, Routes
from zap.collect.app.sources import Sources
from zap.collect.app.taking import Checks, Taking
from zap.collect.app.visit import Visit
from zap.collect.protocol import Fate, Protocol, Reply, Unaccepted
from zap.serving.api.access import path_of
from zap.serving.api.answer import Answer
from zap.serving.api.asgi import App, Receive, Scope, Send
from zap.serving.api.body import Body
from zap.serving.api.refusals import Disconnected, Refused
from zap.serving.api.request_log import RequestLog

LOG = logging.getLogger("zap.collect")
DISCONNECTED, DEFECT, PREFLIGHT = "disconnected", "defect", "preflight"
_FULL = "The collector is full. Try again after the seconds of Retry-After."
_METHOD = "Expected another method at this path."
_FAILED = "The collector made a mistake, which is in its log. Try again."


class Collector:
    """Takes requests at the paths of protocols; all others are passed on.

    Args:
        config: the settings.
        spool: where events are safe.
        protocols: in the order in which they are asked at a path that they share.
        checks: that events go through.
        metrics: where all is counted.
        log: where a line goes for each request.
        rest: what answers at other paths.

    Raises:
        CollectError: the keys of sources are missing, or not theirs alone.
    """

    def __init__(
        self,
        config: CollectConfig,
        spool: Submits,
        protocols: Sequence[Protocol],
        checks: Checks,
        metrics: CollectMetrics,
        log: RequestLog,
        rest: App,
    ):
        limits = self._limits = config.limits
        self._metrics, self._log, self._logs = metrics, log, config.log_requests
        self._rest = rest
        self._sources = Sources(config.sources)
        self._routes = Routes(protocols)
        self._reading = Reading(config.limits)
        self._taking = Taking(self._sources, checks)
        self._committer = Committer(spool, limits.ack_timeout_s, limits.retry_after_s)
        self._in_flight = 0
        metrics.watch("Requests and bodies that are not yet answered.", self._held)

    def _held(self) -> dict[str, float]:
        return {
            "requests_in_flight": self._in_flight,
            "buffered_bytes": self._reading.buffer.held_bytes,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection's scope."""
        path = self._routes.find(path_of(scope)) if scope["type"] == "http" else None
        if path is None:
            await self._rest(scope, receive, send)
        elif scope["method"] == "OPTIONS":
            await self._preflight(path, dict(scope["headers"]), send)
        else:
            protocols = path.methods.get(scope["method"])
            visit = Visit(scope, (protocols or path.protocols)[0])
            await self._visit(protocols, visit, receive, send)

    async def _preflight(
        self, path: Path, headers: Mapping[bytes, bytes], send: Send
    ) -> None:
        found = preflight_headers(self._sources, path, headers)
        self._metrics.answered(path.protocols[0].name, PREFLIGHT, NOBODY)
        await Answer(send, []).send_all(204, found)

    async def _visit(
        self,
        protocols: Sequence[Protocol] | None,
        visit: Visit,
        receive: Receive,
        send: Send,
    ) -> None:
        fate, reply = DISCONNECTED, None
        try:
            fate, reply = await self._fate(protocols, visit, receive)
            if reply is not None:
                await self._send(reply, visit, send)
        finally:
            if visit.body is not None:
                self._reading.buffer.give(visit.body.held_bytes)
            self._tell(visit, fate, reply)

    async def _fate(
        self, protocols: Sequence[Protocol] | None, visit: Visit, receive: Receive
    ) -> tuple[str, Reply | None]:
        """What becomes of a request, and its answer, if anybody waits for one."""
        try:
            visit.body = Body(visit.headers, receive)
            return ACCEPTED, await self._accept(protocols, visit)
        except Unaccepted as why:
            return why.fate.value, visit.refused(why)
        except Refused as refused:
            unread = unaccepted(refused, self._limits.retry_after_s)
            return unread.fate.value, visit.refused(unread)
        except Disconnected:
            return DISCONNECTED, None
        except Exception as error:
            return DEFECT, self._failed(visit, error)

    async def _accept(
        self, protocols: Sequence[Protocol] | None, visit: Visit
    ) -> Reply:
        """The answer to a request whose events are on disk.

        Raises:
            Unaccepted: it is refused.
            Disconnected: the client went away.
        """
        assert visit.body is not None
        if protocols is None:
            raise Unaccepted(Fate.NOT_FOUND, _METHOD)
        content = b""
        if visit.body.expected:
            most = max(each.max_body_bytes for each in protocols)
            content = await self._reading.read(visit.body, visit.headers, most)
        if self._in_flight >= self._limits.max_in_flight:
            raise Unaccepted(Fate.FULL, _FULL, self._limits.retry_after_s)
        self._in_flight += 1
        try:
            reply = self._taken(protocols, visit, content)
            if visit.taken.records:
                content = b""  # what waits for the disk holds its records alone
                await self._committer.append(visit.taken.records)
                self._acknowledge(visit)
            return reply
        finally:
            self._in_flight -= 1

    def _taken(
        self, protocols: Sequence[Protocol], visit: Visit, content: bytes
    ) -> Reply:
        """The answer to a request, to be given once its records are on disk."""
        taken, request = visit.taken, visit.told(content)
        parsed = self._taking.take(protocols, request, taken)
        visit.request = None
        return taken.protocol.accepted(request, parsed)

    def _acknowledge(self, visit: Visit) -> None:
        taken = visit.taken
        assert taken.source is not None
        name, took = taken.source.name, time.perf_counter() - visit.began
        self._metrics.acknowledged(taken.protocol.name, name, taken.events, took)
        for reason in taken.reasons:
            self._metrics.bad_row(name, reason)

    def _failed(self, visit: Visit, error: Exception) -> Reply:
        """Where a defect is; not what was said of it, which may hold a person's."""
        protocol = visit.taken.protocol
        frames = "".join(traceback.format_tb(error.__traceback__))
        LOG.error("defect: %s in %s\n%s", type(error).__name__, protocol.name, frames)
        wait = self._limits.retry_after_s
        return visit.refused(Unaccepted(Fate.FAILED, _FAILED, wait))

    async def _send(self, reply: Reply, visit: Visit, send: Send) -> None:
        taken, origin = visit.taken, visit.headers.get(b"origin")
        told = answer_headers(self._sources, taken.source, taken.protocol, origin)
        headers = [*reply.headers, *told]
        body, status = visit.body, reply.status
        if body is None or body.must_close or status == 204:
            await Answer(send, []).end(status, headers, reply.body, body)
            return
        headers.append((b"content-length", b"%d" % len(reply.body)))
        start = {"type": "http.response.start", "status": status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": reply.body})

    def _tell(self, visit: Visit, fate: str, reply: Reply | None) -> None:
        taken = visit.taken
        source = NOBODY if taken.source is None else taken.source.name
        self._metrics.answered(taken.protocol.name, fate, source)
        if self._logs == "none" or (self._logs == "refused" and fate == ACCEPTED):
            return
        self._log.add(visit.line(fate, source, reply))
