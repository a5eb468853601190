"""Whether a server can answer: asked by load balancers, again and again.

Each look asks the store, at most twice a second however many ask, in threads of its own
so that a server whose workers are all busy still tells. A live version that can't be
loaded does not make a server unready: the former one answers.
"""

from __future__ import annotations

import asyncio
import time

from zap import __version__
from zap.errors import ZapError
from zap.serving.api.asgi import Receive, Scope, Send, answer
from zap.serving.api.bodies import Health, Readiness, encode
from zap.serving.service import Service

FRESH_S = 0.5
UNLOADED = "the live version can't be loaded; the server's log says why"


class Ready:
    """The endpoint ``/ready``.

    Args:
        service: what is asked.
    """

    def __init__(self, service: Service):
        self._service = service
        self._lock = asyncio.Lock()
        self._found: tuple[float, Readiness] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request: 200 or 503."""
        found = await self.look()
        await answer(send, 200 if found.ready else 503, encode(found))

    async def look(self) -> Readiness:
        """What was found within the last half second."""
        async with self._lock:
            if self._found is None or time.monotonic() - self._found[0] > FRESH_S:
                looked = await asyncio.to_thread(readiness, self._service)
                self._found = time.monotonic(), looked
            return self._found[1]


def readiness(service: Service) -> Readiness:
    """Whether a service can answer, and if not, why."""
    served = service.applications
    store = "does not answer" if store_problem(service) else "ok"
    log = "ok"
    if service.log is not None and service.log.options.on_failure == "refuse":
        try:
            service.log.check()
        except ZapError:
            log = "can't be written"
    return Readiness(
        ready=bool(served) and store == log == "ok",
        applications={name: served[name].version for name in sorted(served)},
        store=store,
        log=log,
        problems=dict.fromkeys(sorted(service.problems), UNLOADED),
    )


def store_problem(service: Service) -> str:
    """Why the store does not answer, for who runs the server; empty where it does.

    ``/ready`` does not say it: whoever asks there need not know paths and addresses.
    """
    if service.store is None:
        return ""
    try:
        service.store.ping()
    except ZapError as error:
        return str(error)
    return ""


async def health(scope: Scope, receive: Receive, send: Send) -> None:
    """The endpoint ``/health``: the process runs."""
    await answer(send, 200, encode(Health(__version__)))
