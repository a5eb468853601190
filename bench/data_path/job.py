"""What the references must know of the question, and how distinct texts are read.

The numbers repeat ``question.DataPath`` as a script's author would write them down.
Texts are parsed and hashed once for each distinct value, by the same functions as
Zap's; all that is done to events is the references' own.
"""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from zap.encoding.bins import power_edges
from zap.encoding.hashing import bucket
from zap.events.agents import parse_agent
from zap.events.bots import is_crawler
from zap.events.urls import parse_url

GAP_MS = 30 * 60 * 1000
MAX_SUBJECT_EVENTS, MAX_EVENTS, MAX_VIEWS, LAST = 60, 40, 30, 40
RATE_EVENTS, RATE_MS = 30, 60 * 1000
EARLIEST_MS, LATEST_MS = -2_208_988_800_000, 7_258_118_400_000  # 1900 to 2199
HASH_BUCKETS, METADATA_BUCKETS = 499, 31
SINCE_EDGES = power_edges(1, 60, 86_400, 100)
TENURE_EDGES = power_edges(60, 3_600, 5_184_000, 80)
LOWEST_VISIT, HIGHEST_VISIT = 1, 3
VISIT_PLACE = METADATA_BUCKETS
BOUGHT_PLACE = VISIT_PLACE + HIGHEST_VISIT - LOWEST_VISIT + 1
TENURE_PLACE = BOUGHT_PLACE + 2
MOST_QUERY_KEYS = 16
SPLITS = ("train", "validation", "test")
SPLIT_ENDS = (70, 85, 100)  # of a hundred, by the visitor's hash


class Page(NamedTuple):
    """A distinct address: whether its views are left out, and its places."""

    excluded: bool
    places: tuple[int, ...]


class Agent(NamedTuple):
    """A distinct user agent: whether it is a crawler's, its family and its place."""

    crawler: bool
    family: str | None
    places: tuple[int, ...]


@functools.cache
def read_page(url: str | None) -> Page:
    """The path and the keys of the query, hashed."""
    parts = parse_url(url or "")
    keys = parts.query_keys[:MOST_QUERY_KEYS]
    places = {_place("url.query_keys", key) for key in keys}
    if parts.path is not None:
        places.add(_place("url.path", parts.path))
    return Page((parts.path or "").startswith("/help"), tuple(sorted(places)))


@functools.cache
def read_agent(text: str | None) -> Agent:
    """The family, hashed, and the list of crawlers."""
    family = parse_agent(text or "").family
    places = () if family is None else (_place("agent.family", family),)
    return Agent(is_crawler(text or ""), family, places)


@functools.cache
def read_referrer(text: str | None) -> tuple[int, ...]:
    """The host, hashed."""
    host = parse_url(text or "").host
    return () if host is None else (_place("referrer.host", host),)


@functools.cache
def read_step(text: str | None) -> tuple[int, ...]:
    """The step, hashed."""
    return (_place("step", text),) if text else ()


@functools.cache
def read_campaign(text: str | None) -> tuple[int, ...]:
    """The campaign, hashed among the places of the metadata; () if there is none."""
    return (bucket("campaign", text, METADATA_BUCKETS),) if text else ()


def _place(field: str, text: str) -> int:
    return bucket(field, text, HASH_BUCKETS)


def observed_ms(mapping: Path) -> tuple[int, int]:
    """The observed range that a mapping declares: [from, until) in milliseconds."""
    declared = tomllib.loads(mapping.read_text())["observed"]
    days = (datetime.fromisoformat(declared[name]) for name in ("from", "until"))
    start, until = (int(day.replace(tzinfo=UTC).timestamp() * 1000) for day in days)
    return start, until


def files_of(folder: Path) -> Sequence[str]:
    """The Parquet files of a folder, in the order of their names."""
    return [str(path) for path in sorted(folder.glob("*.parquet"))]


def write_manifest(output: Path, counts: dict[str, Any]) -> None:
    """What was made and what was left out, as JSON; written last."""
    text = json.dumps(counts, indent=1, sort_keys=True)
    (output / "manifest.json").write_text(text + "\n")
