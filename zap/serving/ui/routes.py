"""The console's addresses: a page, its few files, and its data.

The page and its files say nothing of the site, so they are open: the page has to be
there to ask for a key. The data need a secret key where keys are set up. The files are
read once, at the start, and known by name: no path of a request reaches the disk. The
policy lets the page load and run what comes from here and nothing else, and no text
can become markup in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from zap.serving.api.caller import SCOPE_KEY, Caller
from zap.serving.ui.data import Console

PAGE, DATA = "/ui", "/ui/data"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


@dataclass(frozen=True)
class StaticFile:
    """A file of the page.

    Attributes:
        content: its bytes.
        kind: its media type.
        tag: changes with its bytes.
    """

    content: bytes
    kind: str
    tag: str

    async def answer(self, request: Request) -> Response:
        """The file, or that the browser has it already."""
        headers = {**HEADERS, "cache-control": "no-cache", "etag": self.tag}
        if request.headers.get("if-none-match") == self.tag:
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.kind, headers=headers)


def static_files() -> dict[str, StaticFile]:
    """The page's files by name."""
    found = {}
    for path in files("zap.serving.ui").joinpath("static").iterdir():
        kind = TYPES.get(path.name.rpartition(".")[2])
        if kind is not None:
            content = path.read_bytes()
            tag = f'"{hashlib.blake2b(content, digest_size=8).hexdigest()}"'
            found[path.name] = StaticFile(content, kind, tag)
    return found


def console_routes(console: Console) -> list[Route]:
    """The routes of the console, to be added to an application's.

    Who asks stands in ``scope["zap.caller"]``, and to nobody nothing is shown.

    Args:
        console: makes the data.
    """

    async def data(request: Request) -> Response:
        viewer: Caller | None = request.scope.get(SCOPE_KEY)
        if viewer is None:
            return _refused(401, "no_key", "Expected a secret key of this server.")
        if not viewer.trusted:
            said = "Expected a secret key: a publishable key does not open the console."
            return _refused(403, "secret_key_needed", said)
        found = await run_in_threadpool(console.data)
        content = orjson.dumps(_visible(found, viewer))
        headers = {**HEADERS, "cache-control": "no-store"}
        return Response(content, media_type="application/json", headers=headers)

    pages = static_files()
    index = pages.pop("index.html")
    return [
        Route(PAGE, index.answer, include_in_schema=False),
        Route(f"{PAGE}/", _without_slash, include_in_schema=False),
        Route(DATA, data, include_in_schema=False),
        *(
            Route(f"{PAGE}/{name}", page.answer, include_in_schema=False)
            for name, page in sorted(pages.items())
        ),
    ]


async def _without_slash(request: Request) -> Response:
    """The page's files are named from its address, which has no slash at its end."""
    return Response(status_code=307, headers={**HEADERS, "location": "../ui"})


def _visible(found: Mapping[str, Any], viewer: Caller) -> dict[str, Any]:
    """The data without the applications that are not for this viewer."""
    shown = [app for app in found["applications"] if viewer.may_ask(app["name"])]
    return {**found, "applications": shown}


def _refused(status: int, code: str, message: str) -> Response:
    content = orjson.dumps({"error": {"code": code, "message": message}})
    return Response(content, status, HEADERS, "application/json")
