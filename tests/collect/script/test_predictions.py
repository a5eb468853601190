"""Predictions for a page's visitor, from a real server, under the id of the events."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from browser import complaints, eventually
from made_bundles import made_bundle

from tests.collect.script.conftest import Visit, types_of
from tests.collect.script.script_pages import OWN
from tests.serving.api.real_server import (
    APPLICATION,
    RealServer,
    real_server,
    until,
)
from zap.serving.api.key_file import add_key
from zap.serving.api.keys import new_key
from zap.serving.api.visitors import server_secret, sign_visitor, signing_secret

ASK = f"return await zap.predict('{APPLICATION}')"
SETTINGS = "[limits.visitor]\nper_s = 1000\nburst = 1000\n"
# What the page's requests to the API carry.
WATCH = (
    OWN + "window.visitors = []; const was = fetch; window.fetch = (url, options) => {"
    "if (String(url).endsWith('/v1/visitors'))"
    " visitors.push(options.headers['Zap-Visitor'] || null);"
    "return was(url, options); };"
)


@dataclass(frozen=True)
class Api:
    """A server, and a key that the site's pages may use."""

    server: RealServer
    key: str
    key_id: str

    def asked_by(self, visitor: str) -> Any:
        """What the server says to the site's own server."""
        return self.server.post(
            f"/v1/predictions/{APPLICATION}", {"subject": visitor}
        ).json()


@pytest.fixture(scope="module")
def api(site: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api")
    with real_server(folder, made_bundle(folder / "bundle"), SETTINGS) as server:
        text, key = new_key("publishable", [site.origin], [APPLICATION])
        add_key(folder / "keys.json", key)
        preflight = {"origin": site.origin, "access-control-request-method": "POST"}
        client = server.client
        until(lambda: client.options("/v1/visitors", headers=preflight).is_success)
        yield Api(server, text, key.id)


@pytest.fixture
def asking(visit: Visit, api: Api) -> Visit:
    """A visit of a page with predictions."""
    visit.site.attributes += f' data-api="{api.server.url}" data-api-key="{api.key}"'
    visit.site.connect = [api.server.url]
    visit.site.script = WATCH
    return visit


def visitor_of(visit: Visit) -> Any:
    return visit.run("return JSON.parse(localStorage['zap.visitor'])")


def test_a_prediction_is_of_the_visitor_whose_events_are_sent(
    asking: Visit, api: Api
) -> None:
    asking.open("/shoes")
    asking.run("zap.track('view', {page: 'p'})")
    unknown = asking.ask(ASK)
    events = asking.until("page_view", "view")
    visitor = visitor_of(asking)
    assert {each["anonymous_id"] for each in events} == {visitor["anonymous_id"]}
    # What the collector's delivery would bring to the store, by the API's own way.
    event = {**events[1], "page": "p", "properties": None, "original_timestamp": None}
    sent = {name: event[name] for name in ("event_id", "anonymous_id", "type", "page")}
    answer = api.server.post(
        "/v1/events", {"events": [sent | {"timestamp": event["timestamp"]}]}
    )
    assert answer.json()["new"] == 1
    known = asking.ask(f"return await zap.predict('{APPLICATION}', {{explain: 1}})")
    own = api.asked_by(visitor["anonymous_id"])
    assert known["probability"] == own["probability"] != unknown["probability"]
    assert (known["events"], unknown["events"]) == (1, 0)
    assert len(known["reasons"]) == 1
    assert complaints(asking.browser) == [] and asking.run("return before") == []


def test_one_token_serves_many_questions_and_pages(asking: Visit) -> None:
    asking.open("/one")
    asked = f"await Promise.all(Array.from({{length: 8}}, async () => {{ {ASK} }}))"
    found = asking.ask(f"return {asked}")
    assert len({each["prediction_id"] for each in found}) == 8
    assert asking.run("return visitors") == [None]
    visitor = visitor_of(asking)
    asking.open("/two")
    assert 0 < asking.ask(ASK)["probability"] < 1
    assert asking.run("return visitors") == [] and visitor_of(asking) == visitor


def test_a_token_is_renewed_at_half_of_its_life_for_the_same_visitor(
    asking: Visit,
) -> None:
    asking.open("/one")
    asking.ask(ASK)
    first = visitor_of(asking)
    lives = first["expires"] - asking.run("return Date.now()") / 1e3
    assert abs(first["renew"] / 1e3 - (first["expires"] - lives / 2)) < 60
    asking.run(
        "const visitor = JSON.parse(localStorage['zap.visitor']);"
        "localStorage['zap.visitor'] = JSON.stringify({...visitor, renew: 1})"
    )
    assert 0 < asking.ask(ASK)["probability"] < 1
    assert asking.run("return visitors[visitors.length - 1]") == first["token"]
    second = visitor_of(asking)
    assert second["anonymous_id"] == first["anonymous_id"] and second["renew"] > 1


@pytest.mark.parametrize("renewing", [False, True])
def test_a_token_that_is_refused_is_replaced(asking: Visit, renewing: bool) -> None:
    asking.open("/one")
    asking.ask(ASK)
    forged = "zv1.pk-00000000.9999999999.YQ.YQ"
    asking.run(
        "localStorage['zap.visitor'] = JSON.stringify({anonymous_id: 'a',"
        "token: arguments[0], renew: arguments[1]})",
        forged,
        1 if renewing else 9e15,
    )
    assert 0 < asking.ask(ASK)["probability"] < 1
    assert visitor_of(asking)["anonymous_id"] != "a"
    assert all("403" in line for line in complaints(asking.browser))


def test_an_id_that_the_sites_own_server_has_signed(asking: Visit, api: Api) -> None:
    keys_file = api.server.log.parent / "keys.json"
    secret = signing_secret(server_secret(keys_file), api.key_id)
    token = sign_visitor(secret, api.key_id, "visitor-17", life_s=3600)
    given = {"anonymous_id": "visitor-17", "token": token, "expires": 9_999_999_999}
    asking.open("/own.js", wait=False)
    asking.site.script += f"window.zap = [['visitor', {given}]];"
    asking.open("/mine")
    assert asking.ask(ASK)["probability"] == api.asked_by("visitor-17")["probability"]
    (event,) = asking.until("page_view")
    assert event["anonymous_id"] == "visitor-17"
    assert asking.run("return visitors") == []


def test_why_there_is_no_prediction(asking: Visit, api: Api) -> None:
    asking.open("/one")
    other = asking.ask("return await zap.predict('other')")
    assert other["code"] == "application" and other["failed"]
    asking.site.attributes = asking.site.attributes.replace(api.key, "zap_pk_none")
    asking.open("/two")
    assert asking.ask(ASK)["code"] == "bad_key"
    complaints(asking.browser)


def test_events_do_not_wait_for_an_api_that_is_away(asking: Visit) -> None:
    asking.site.attributes = (
        asking.site.attributes.partition(" data-api=")[0]
        + ' data-api="http://127.0.0.1:9" data-api-key="k"'
    )
    asking.site.connect = ["http://127.0.0.1:9"]
    asking.open("/away")
    asking.run("zap.track('a')")
    events = asking.until("page_view", "a")
    assert len({each["anonymous_id"] for each in events}) == 1
    assert "Failed to fetch" in asking.ask(ASK)["failed"]
    complaints(asking.browser)


def test_who_leaves_before_the_api_has_answered_is_told_of(asking: Visit) -> None:
    asking.site.script += (
        "const slow = fetch; window.fetch = (url, options) =>"
        " String(url).endsWith('/v1/visitors') ? new Promise(() => {})"
        " : slow(url, options);"
    )
    asking.open("/short")
    asking.run("zap.track('a'); location.href = 'about:blank'")
    events = eventually(asking.events, lambda found: len(found) == 3)
    assert types_of(events) == ["page_view", "a", "time_on_page"]
    assert len({each["anonymous_id"] for each in events}) == 1
    # On the next page there is an answer, and events are of whom it names.
    asking.site.script = WATCH
    asking.seen = len(asking.collector.records())
    asking.open("/longer")
    views = eventually(asking.events)
    eventually(lambda: visitor_of(asking).get("token"))
    assert views[-1]["anonymous_id"] == visitor_of(asking)["anonymous_id"]


def test_after_a_reset_events_and_predictions_are_of_somebody_new(
    asking: Visit,
) -> None:
    asking.open("/one")
    asking.ask(ASK)
    first = visitor_of(asking)["anonymous_id"]
    asking.until("page_view")
    asking.run("zap.reset(); location.href = '/two'")
    events = eventually(
        asking.events, lambda found: types_of(found).count("page_view") == 2
    )
    second = [each for each in events if each["type"] == "page_view"][1]
    assert second["url"].endswith("/two")
    asking.ask(ASK)
    assert second["anonymous_id"] == visitor_of(asking)["anonymous_id"] != first


@pytest.mark.slow
def test_an_api_that_hangs_holds_events_up_for_seconds_only(asking: Visit) -> None:
    """The listener takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        base = asking.site.attributes.partition(" data-api=")[0]
        asking.site.attributes = f'{base} data-api="{url}" data-api-key="k"'
        asking.site.connect = [url]
        asking.open("/hanging")
        asking.until("page_view")
        complaints(asking.browser)
