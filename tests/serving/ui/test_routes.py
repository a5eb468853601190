"""The console's addresses: who may see what, and how it is sent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from made_versions import made_bundle
from starlette.applications import Starlette

from zap.bundles.bundle import Bundle
from zap.bundles.registry import Registry
from zap.errors import ZapError
from zap.serving.api.caller import SCOPE_KEY, Caller
from zap.serving.ui.data import Console, Sources
from zap.serving.ui.recent import Recent
from zap.serving.ui.routes import console_routes, static_files


@dataclass(frozen=True)
class Made:
    """A served version of a tiny bundle."""

    version: str
    bundle: Bundle


class Admitting:
    """Names the caller, as the gate does."""

    def __init__(self, app: Any, caller: Caller | None):
        self.app, self.caller = app, caller

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app({**scope, SCOPE_KEY: self.caller}, receive, send)


@dataclass(frozen=True)
class Client:
    """Asks an application, without a network."""

    app: Any

    def get(self, path: str, method: str = "GET", **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=URL) as one:
                return await one.request(method, path, headers=headers)

        return asyncio.run(ask())


URL = "http://console"


@dataclass
class Place:
    """A registry with applications, and how a store does."""

    folder: Path
    asked: int = 0
    trouble: str = ""

    def registry(self, name: str = "shop") -> Registry:
        return Registry(self.folder / "models", name)

    def health(self) -> Mapping[str, Any]:
        self.asked += 1
        if self.trouble:
            raise ZapError(self.trouble)
        return {"answers": "yes"}

    def console(self, clock: Callable[[], float] = time.monotonic) -> Console:
        bundle = made_bundle(self.folder, 1)
        for name in ("shop", "news"):
            registry = self.registry(name)
            registry.deploy(registry.add(bundle), who="ada", why=f"of {name}")
        served = {"shop": Made(bundle.version, bundle)}
        sources = Sources(
            self.folder / "models",
            lambda: served,
            Recent(),
            lambda: {"news": "its bundle is damaged"},
            {"store": self.health},
        )
        return Console(sources, clock)

    def client(self, caller: Caller | None) -> Client:
        app = Starlette(routes=console_routes(self.console()))
        return Client(Admitting(app, caller))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture
def local(place: Place) -> Client:
    return place.client(Caller.local())


def names(answer: httpx.Response) -> list[str]:
    return [app["name"] for app in answer.json()["applications"]]


@pytest.mark.parametrize(
    ("caller", "status", "seen"),
    [
        (None, 401, None),
        (Caller("publishable", "k1", "v1"), 403, None),
        (Caller("publishable", "k1"), 403, None),
        (Caller("secret", "k2"), 200, ["news", "shop"]),
        (Caller("secret", "k3", applications=frozenset({"shop"})), 200, ["shop"]),
        (Caller.local(), 200, ["news", "shop"]),
    ],
)
def test_each_caller_sees_what_is_for_it(
    place: Place, caller: Caller | None, status: int, seen: list[str] | None
) -> None:
    answer = place.client(caller).get("/ui/data")
    assert answer.status_code == status
    if seen is None:
        assert set(answer.json()["error"]) == {"code", "message"}
    else:
        assert names(answer) == seen
        assert answer.headers["cache-control"] == "no-store"


def test_the_page_and_its_files_are_open_and_cached_by_what_they_hold(
    place: Place,
) -> None:
    client = place.client(None)
    for name in [None, *static_files()]:
        if name == "index.html":
            continue
        path = "/ui" if name is None else f"/ui/{name}"
        found = client.get(path)
        assert found.status_code == 200 and found.content
        assert "default-src 'none'" in found.headers["content-security-policy"]
        assert found.headers["x-content-type-options"] == "nosniff"
        tag = found.headers["etag"]
        again = client.get(path, **{"if-none-match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get(path, "HEAD").status_code == 200


def test_the_page_fetches_nothing_from_elsewhere_and_holds_no_script() -> None:
    for name, file in static_files().items():
        text = file.content.decode().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, name
        assert "innerHTML" not in text and "eval(" not in text, name
    index = static_files()["index.html"].content.decode()
    assert index.count("<script") == 1 and "style=" not in index
    assert '<script type="module" src="ui/app.js"></script>' in index


@pytest.mark.parametrize(
    "path", ["/ui/../data.py", "/ui/%2e%2e/data.py", "/ui/nothing.js", "/ui/index.html"]
)
def test_no_path_reaches_the_disk(local: Client, path: str) -> None:
    assert local.get(path).status_code == 404


def test_a_slash_at_the_end_leads_to_the_page(local: Client) -> None:
    found = local.get("/ui/")
    assert found.status_code == 307
    assert found.url.join(found.headers["location"]) == f"{URL}/ui"


def test_the_data_tell_versions_and_problems(local: Client, place: Place) -> None:
    news, shop = local.get("/ui/data").json()["applications"]
    version = place.registry().live()
    assert (shop["version"], shop["live"]["live"]) == (version, version)
    assert shop["deployments"][0]["why"] == "of shop" and shop["versions"] == 1
    assert (news["version"], news["problem"]) == (None, "its bundle is damaged")
    assert shop["problem"] is None
    # The tiny bundle has no metrics: told, and the rest is there.
    assert "metrics.json" in shop["scores"]["training"]["said"]


def test_a_part_that_is_not_well_is_told_and_the_rest_shown(place: Place) -> None:
    place.trouble = "no answer"
    found = place.client(Caller.local()).get("/ui/data").json()
    assert found["health"] == {
        "store": {"well": False, "said": "no answer", "numbers": {}}
    }
    assert len(found["applications"]) == 2


def test_a_damaged_registry_is_told_and_the_rest_shown(place: Place) -> None:
    client = place.client(Caller.local())
    log = place.folder / "models" / "shop" / "deployments" / "000001.json"
    log.write_text("{")
    news, shop = client.get("/ui/data").json()["applications"]
    assert "000001.json" in shop["history_said"] and shop["deployments"] == []
    assert news["history_said"] is None and news["deployments"]


def test_many_who_look_cost_one_look_a_second(place: Place) -> None:
    moment = 100.0
    console = place.console(lambda: moment)
    for _ in range(20):
        console.data()
    assert place.asked == 1
    moment = 101.5
    console.data()
    assert place.asked == 2
