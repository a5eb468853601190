"""The console of a server with keys: it asks once, and tells a wrong one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from browser import complaints, eventually
from console_page import APP, Page
from made_console import Server, Site, served

from zap.serving.api.key_file import add_key
from zap.serving.api.keys import new_key


@dataclass(frozen=True)
class Locked:
    """A server with keys, and one of each kind."""

    server: Server
    secret: str
    publishable: str


@pytest.fixture(scope="module")
def locked(site: Site) -> Iterator[Locked]:
    keys = site.folder / "keys.json"
    secret, secret_key = new_key("secret")
    publishable, publishable_key = new_key("publishable", ["https://shop.example"])
    add_key(keys, secret_key)
    add_key(keys, publishable_key)
    config = site.folder / "serve.toml"
    config.write_text(f'keys = "{keys}"\n')
    with served(site, "--config", str(config), key=secret) as server:
        yield Locked(server, secret, publishable)


def try_key(page: Page, key: str) -> None:
    """Type a key and send it."""
    field = page.browser.find_element("id", "key")
    field.clear()
    field.send_keys(key, "\n")


def test_a_key_is_asked_for_and_a_wrong_one_is_told(
    browser: Any, locked: Locked
) -> None:
    page = Page(browser, locked.server)
    browser.get(locked.server.page)
    page.wait_for("A key is needed")
    assert page.text("#told") == "" and page.text("main") == ""
    for key, told in (
        (locked.secret[:-1] + "x", "The server does not know this key."),
        (locked.publishable, "Use a secret key, not a publishable one."),
        ("two words", "no spaces"),
    ):
        try_key(page, key)
        eventually(lambda: page.text("#told"), lambda said, told=told: told in said)
        assert page.text("main") == ""
        assert page.run("return sessionStorage.length") == 0

    try_key(page, locked.secret)
    page.wait_for("Up to date")
    assert page.text(f"#{APP} h2") and not page.run(VISIBLE, "#ask")
    assert locked.secret not in page.run("return document.documentElement.outerHTML")
    assert page.run("return document.cookie + location.href") == locked.server.page
    browser.refresh()
    page.wait_for("Up to date")

    browser.find_element("id", "forget").click()
    page.wait_for("A key is needed")
    assert page.text("main") == "" and page.run(VISIBLE, "#ask")
    assert page.run("return sessionStorage.length") == 0
    others = [said for said in complaints(browser) if "/ui/data" not in said]
    assert others == []


VISIBLE = "return document.querySelector(arguments[0]).checkVisibility()"


def test_the_data_need_a_secret_key(locked: Locked) -> None:
    client = locked.server.client
    assert client.get("/ui/data").status_code == 200
    for header, status in (
        ("", 401),
        ("Basic eDp5", 401),
        (f"Bearer {locked.secret}x", 401),
        (f"Bearer {locked.publishable}", 403),
    ):
        answer = client.get("/ui/data", headers={"authorization": header})
        assert answer.status_code == status, header
        assert "applications" not in answer.text
    assert client.get("/ui", headers={"authorization": ""}).status_code == 200
