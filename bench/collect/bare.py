"""The reference: an ASGI server that appends each body as it is, and answers.

As little as can be done to keep a body: uvicorn on uvloop and httptools, no log, no
limits, no parsing; one record of the raw bytes to the same spool with the same group
commit, and 200 once it is synced.
"""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

from zap.collect.app.commit import Committer
from zap.collect.spool import Spool, SpoolOptions

OK = b'{"success":true}'
START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(OK)),
    ],
}
BODY = {"type": "http.response.body", "body": OK}


class Bare:
    """Appends bodies.

    Args:
        spool: where to.
    """

    def __init__(self, spool: Spool):
        self._committer = Committer(spool, timeout_s=30, retry_after_s=1)

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        """One request."""
        body, more = b"E", scope["method"] == "POST"
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        if len(body) > 1:
            await self._committer.append([body])
        await send(START)
        await send(BODY)


def main() -> None:
    """Serve until asked to end."""
    parser = argparse.ArgumentParser(prog="python -m bench.collect.bare")
    parser.add_argument("--spool", required=True)
    parser.add_argument("--port", type=int, required=True)
    args = parser.parse_args()
    with Spool(args.spool, SpoolOptions()) as spool:
        uvicorn.run(
            Bare(spool),
            port=args.port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            date_header=False,
        )


if __name__ == "__main__":
    main()
