"""What the columns of an access log are made of.

Beside the fields of a line there are columns that every reading of a log needs: the
request's parts, a time that casts as it is, a stand-in for a visitor, and what kind of
request it was. ``kind`` and ``visitor`` end in types and subjects, so a change of their
rules changes the examples of every dataset made of logs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

COLUMNS = (
    "host",
    "ident",
    "user",
    "time",
    "hour",
    "request",
    "method",
    "target",
    "path",
    "protocol",
    "status",
    "bytes",
    "referrer",
    "user_agent",
    "visitor",
    "kind",
)

KINDS = ("page_view", "download", "asset", "feed", "error", "other")

_MONTHS = b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_TIME = (
    r"^(?P<day>[0-9]{2})/(?P<month>[A-Z][a-z]{2})/(?P<year>[0-9]{4}):"
    r"(?P<hour>[0-9]{2}):(?P<rest>[0-9]{2}:[0-9]{2}) (?P<east>[+-][0-9]{2})"
    r"(?P<past>[0-9]{2})$"
)
_REQUEST = r"^(?P<method>[A-Za-z-]+) (?P<target>.*?)(?: (?P<protocol>HTTP/[0-9.]+))?$"
_PATH = r"^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?(?P<path>[^?#]*)"

_ASSET = (
    r"(?i)\.(png|jpe?g|gif|ico|svg|webp|avif|bmp|css|js|mjs|map|woff2?|ttf|otf|eot|"
    r"swf|mp3|mp4|webm|ogg|ogv|wav|json|webmanifest)$"
)
_DOWNLOAD = (
    r"(?i)\.(pdf|zip|jar|war|gz|tgz|bz2|xz|zst|7z|rar|tar|deb|rpm|apk|exe|msi|dmg|pkg|"
    r"iso|img|gem|whl|docx?|xlsx?|pptx?|odt|ods|odp|epub|csv)$"
)
_FEED = (
    r"(?i)(^[^?]*(\.(rss|atom|rdf)|/(rss|atom|feed|feeds)/?)(\?|$)|"
    r"[?&](feed|flav|format)=(rss|atom|feed)[^&]*)"
)
_ROBOTS = r"(?i)^/(robots\.txt|sitemap[^/]*\.xml|\.well-known/.*)$"

Cells = Mapping[str, pa.Array]


def derive_columns(raw: Cells, wanted: Sequence[str]) -> dict[str, pa.Array]:
    """The wanted columns of some lines.

    Args:
        raw: the fields of the lines, as binary; "-" or nothing is absent.
        wanted: names out of ``COLUMNS``.

    Returns:
        Binary columns by name, null where there is nothing.
    """
    fields = {name: _present(column) for name, column in raw.items()}
    requests = pc.extract_regex(fields["request"], pattern=_REQUEST)
    fields |= {
        name: _present(pc.struct_field(requests, name))
        for name in ("method", "target", "protocol")
    }
    paths = pc.extract_regex(fields["target"], pattern=_PATH)
    fields["path"] = _present(pc.struct_field(paths, "path"))
    makers: dict[str, Callable[[Cells], pa.Array]] = {
        "time": lambda cells: iso_times(cells["time"]),
        "hour": lambda cells: iso_times(cells["time"], hours=True),
        "visitor": visitors,
        "kind": kinds,
    }
    return {
        name: makers[name](fields) if name in makers else fields[name]
        for name in wanted
    }


def _present(cells: pa.Array) -> pa.Array:
    """Cells with null for "-" and for nothing."""
    absent = pc.is_in(cells, value_set=pa.array([b"-", b""], pa.binary()))
    return pc.if_else(absent, pa.scalar(None, pa.binary()), cells)


def iso_times(cells: pa.Array, hours: bool = False) -> pa.Array:
    """Times of a log in ISO 8601 with their offset; a text of another form stays.

    Args:
        cells: texts like "17/May/2015:10:05:03 +0000", as binary.
        hours: whether times are cut to the whole hour, for logs whose minutes and
            seconds are not to be trusted.
    """
    parts = pc.extract_regex(cells, pattern=_TIME)
    part = {
        name: pc.struct_field(parts, name)
        for name in ("day", "month", "year", "hour", "rest", "east", "past")
    }
    place = pc.index_in(part["month"], value_set=pa.array(_MONTHS, pa.binary()))
    numbers = pa.array([b"%02d" % (i + 1) for i in range(12)], pa.binary())

    def text(value: bytes) -> pa.Scalar:
        return pa.scalar(value, pa.binary())

    date = pc.binary_join_element_wise(
        part["year"], numbers.take(place), part["day"], text(b"-")
    )
    clock = pc.binary_join_element_wise(
        part["hour"], text(b"00:00") if hours else part["rest"], text(b":")
    )
    zone = pc.binary_join_element_wise(part["east"], part["past"], text(b":"))
    whole = pc.binary_join_element_wise(date, text(b"T"), clock, zone, text(b""))
    return pc.coalesce(whole, cells)


def visitors(cells: Cells) -> pa.Array:
    """A text for each host and agent together: the usual stand-in for a cookie.

    People behind one address with the same browser are one visitor, and one person
    with two addresses is two; a log tells no better.
    """
    both = pc.binary_join_element_wise(
        cells["host"],
        pc.fill_null(cells["user_agent"], b"-"),
        pa.scalar(b" ", pa.binary()),
    )
    encoded = both.dictionary_encode()
    named = [
        None if each is None else hashlib.blake2b(each, digest_size=12).hexdigest()
        for each in encoded.dictionary.to_pylist()
    ]
    return pc.cast(pa.array(named, pa.string()).take(encoded.indices), pa.binary())


def kinds(cells: Cells) -> pa.Array:
    """What each request was, out of ``KINDS``.

    A page view is a GET that was answered (2xx, or 304: the browser has it already)
    and asked for no download, picture, style, script, feed or robots.txt.
    """
    path, target = cells["path"], cells["target"]
    answered = _matches(cells["status"], r"^(2[0-9]{2}|304)$")
    asked = pc.and_(answered, _matches(cells["method"], r"^GET$"))
    tests = [
        ("error", _matches(cells["status"], r"^[45]")),
        ("feed", pc.and_(asked, _matches(target, _FEED))),
        ("asset", pc.and_(asked, _matches(path, _ASSET))),
        ("download", pc.and_(asked, _matches(path, _DOWNLOAD))),
        ("other", _matches(path, _ROBOTS)),
        ("page_view", pc.and_(asked, pc.is_valid(path))),
    ]
    conditions = pc.make_struct(
        *(test for _, test in tests), field_names=[name for name, _ in tests]
    )
    values = [pa.scalar(name.encode(), pa.binary()) for name, _ in tests]
    return pc.case_when(conditions, *values, pa.scalar(b"other", pa.binary()))


def _matches(cells: pa.Array, pattern: str) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(cells, pattern), False)
