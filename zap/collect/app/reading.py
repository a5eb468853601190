"""The body of a request: bounded while it comes, inflated up to a bound.

All of it is before a parser sees a byte. Nothing that a client says of its body is
believed, but where it says too much.
"""

from __future__ import annotations

from collections.abc import Mapping

from zap.collect.app.config import CollectLimits
from zap.collect.app.deadlines import Deadlines
from zap.collect.inflate import inflate
from zap.collect.protocol import Fate, Unaccepted
from zap.serving.api.body import Body, Buffer
from zap.serving.api.refusals import Refused

PLAIN = (b"identity", b"")
GZIP = (b"gzip", b"x-gzip")
_FATES = {
    "too_large": Fate.TOO_LARGE,
    "memory": Fate.FULL,
    "slow_body": Fate.FAILED,  # a slow line: its client may try again
}


class Reading:
    """The bodies that are being received, or wait for their answer.

    Args:
        limits: of the collector.

    Attributes:
        buffer: the memory that they share.
    """

    def __init__(self, limits: CollectLimits):
        self._limits = limits
        self._deadlines = Deadlines(limits.body_timeout_s)
        self.buffer = Buffer(limits.max_buffered_bytes)

    async def read(
        self, body: Body, headers: Mapping[bytes, bytes], max_bytes: int
    ) -> bytes:
        """All of a body, decompressed.

        Args:
            body: of the request; what it holds of the memory is its ``held_bytes``,
                to be given back when the request is answered.
            headers: of the request.
            max_bytes: that the protocol's requests may have.

        Raises:
            Unaccepted: see the module.
            Disconnected: the client went away.
        """
        limits = self._limits
        encoding = headers.get(b"content-encoding", b"").strip().lower()
        if encoding not in PLAIN and encoding not in GZIP:
            raise Unaccepted(
                Fate.MALFORMED,
                "Expected a body as it is, or one with Content-Encoding: gzip.",
            )
        most = min(max_bytes, limits.max_body_bytes)
        try:
            async with self._deadlines:
                content = await body.receive(most, limits.retry_after_s, self.buffer)
        except TimeoutError:
            slow = body.slow(limits.body_timeout_s)
            raise unaccepted(slow, limits.retry_after_s) from None
        except Refused as refused:
            raise unaccepted(refused, limits.retry_after_s) from None
        if encoding in GZIP and content:
            content = self._inflated(body, content, most)
        return content

    def _inflated(self, body: Body, content: bytes, most: int) -> bytes:
        found = inflate(content, most)
        if not self.buffer.take(len(found)):
            raise Unaccepted(
                Fate.FULL,
                "The collector is full. Try again after the seconds of Retry-After.",
                self._limits.retry_after_s,
            )
        body.held_bytes += len(found)
        return found


def unaccepted(refused: Refused, retry_after_s: float) -> Unaccepted:
    """A refusal by the server's own words, in those of protocols."""
    fate = _FATES.get(refused.reason or "", Fate.MALFORMED)
    wait = retry_after_s if fate in (Fate.FULL, Fate.FAILED) else 0
    return Unaccepted(fate, str(refused), wait)
