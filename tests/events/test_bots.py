"""Crawlers by the list, against the share that the real log is known to hold."""

import gzip
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from zap.errors import MissingExtraError
from zap.events import bots
from zap.events.bots import bot_list_version, is_crawler


@pytest.mark.parametrize(
    ("agent", "crawler"),
    [
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            True,
        ),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", True),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
            False,
        ),
        ("", False),
    ],
)
def test_crawlers_are_told_from_people(agent: str, crawler: bool) -> None:
    assert is_crawler(agent) is crawler


def test_share_of_crawlers_in_the_access_log(shared_data: Path) -> None:
    path = shared_data / "access_log" / "access.log.gz"
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as log:
        agents = [line.rsplit('"', 2)[1] for line in log]
    assert sum(map(is_crawler, agents)) / len(agents) == pytest.approx(0.196, abs=0.002)


def test_the_version_is_the_lists() -> None:
    assert version("crawler-user-agents") in bot_list_version()


def test_without_the_package_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "crawleruseragents", None)
    bots._matcher.cache_clear()
    with pytest.raises(MissingExtraError, match="crawler-user-agents"):
        bot_list_version()
