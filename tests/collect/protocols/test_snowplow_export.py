"""An event reads alike whether it came here or through Snowplow's own pipeline.

The oracle is the reader of Snowplow's enriched TSV: for each event the cells that the
enrichment writes are set down by hand, beside the parameters that it makes them of.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.collect.protocols.asked import (
    RECEIVED_US,
    asked,
    batch,
    contexts,
    described,
    unstruct,
)
from zap.collect.protocols.snowplow import Snowplow
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.snowplow_columns import COLUMNS
from zap.events.sources import list_sources

CANONICAL = ["event_id", "anonymous_id", "user_id", "timestamp", "received_at", "type"]
CANONICAL += ["url", "referrer", "user_agent"]
CANONICAL_CELLS = {
    "event_id": "event_id",
    "domain_userid": "anonymous_id",
    "user_id": "user_id",
    "page_url": "url",
    "page_referrer": "referrer",
    "useragent": "user_agent",
}
ELSEWHERE = ["collector_tstamp", "derived_tstamp", "contexts", "unstruct_event"]

# Parameters and, on the same line, the cells that they become.
COMMON = [
    ("aid", "shop", {"app_id": "shop"}),
    ("p", "web", {"platform": "web"}),
    ("eid", "6b0d4c3e-9d4b-4d12-a0f3-6a9d2f3b8a01", None),
    ("tid", "352583", {"txn_id": "352583"}),
    ("tna", "cf", {"name_tracker": "cf"}),
    ("tv", "js-4.10.1", {"v_tracker": "js-4.10.1"}),
    ("duid", "3c1757c0-b8d1-4a25-9f3b-2a8d3a4f5b6c", None),
    ("sid", "9c65e7f3-8e8e-470d-b243-910b5b300da0", None),
    ("vid", "4", {"domain_sessionidx": "4"}),
    ("uid", "ann", {"user_id": "ann"}),
    ("tnuid", "b1", {"network_userid": "b1"}),
    ("ip", "203.0.113.9", {"user_ipaddress": "203.0.113.9"}),
    ("fp", "2161814971", {"user_fingerprint": "2161814971"}),
    ("url", "https://shop.example/a?b=c#d", None),
    ("page", "Caf\u00e9 \U0001f6d2", {"page_title": "Caf\u00e9 \U0001f6d2"}),
    ("refr", "https://search.example/", {"page_referrer": "https://search.example/"}),
    ("ua", "Mozilla/5.0 (X11)", {"useragent": "Mozilla/5.0 (X11)"}),
    ("lang", "en-US", {"br_lang": "en-US"}),
    ("cookie", "1", {"br_cookies": "1"}),
    ("f_pdf", "0", {"br_features_pdf": "0"}),
    ("cd", "24", {"br_colordepth": "24"}),
    ("cs", "UTF-8", {"doc_charset": "UTF-8"}),
    ("tz", "Europe/Berlin", {"os_timezone": "Europe/Berlin"}),
    ("res", "1920x1080", {"dvce_screenwidth": "1920", "dvce_screenheight": "1080"}),
    ("vp", "1200x700", {"br_viewwidth": "1200", "br_viewheight": "700"}),
    ("ds", "1200x4000", {"doc_width": "1200", "doc_height": "4000"}),
    ("dtm", "1700000000123", {"dvce_created_tstamp": "2023-11-14 22:13:20.123"}),
    ("stm", "1700000004123", {"dvce_sent_tstamp": "2023-11-14 22:13:24.123"}),
]
SAME_NAME = {
    "eid": "event_id",
    "duid": "domain_userid",
    "sid": "domain_sessionid",
    "url": "page_url",
}

CONTEXTS = contexts(
    described("iglu:com.acme/product/jsonschema/1-0-0", {"sku": "a1"}),
    described("iglu:com.acme/product/jsonschema/1-0-1", {"sku": "b2"}),
    described("iglu:org.w3/Timing/jsonschema/1-0-0", {"start": 5}),
)
ITEM = unstruct("iglu:com.acme/add_to_cart/jsonschema/2-0-1", {"sku": "z", "n": 3})
EVENTS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "page view": (
        {"e": "pv", "co": CONTEXTS},
        {"event": "page_view", "event_name": "page_view", "contexts": CONTEXTS},
    ),
    "page ping": (
        {"e": "pp", "pp_mix": "0", "pp_max": "1", "pp_miy": "-2", "pp_may": "300"},
        {
            "event": "page_ping",
            "event_name": "page_ping",
            "pp_xoffset_min": "0",
            "pp_xoffset_max": "1",
            "pp_yoffset_min": "-2",
            "pp_yoffset_max": "300",
        },
    ),
    "structured": (
        {
            "e": "se",
            "se_ca": "shop",
            "se_ac": "add-to-basket",
            "se_la": "red",
            "se_pr": "pcs",
            "se_va": "2.5",
        },
        {
            "event": "struct",
            "event_name": "event",
            "se_category": "shop",
            "se_action": "add-to-basket",
            "se_label": "red",
            "se_property": "pcs",
            "se_value": "2.5",
        },
    ),
    "structured without an action": (
        {"e": "se", "se_ca": "shop"},
        {"event": "struct", "event_name": "event", "se_category": "shop"},
    ),
    "self-describing": (
        {"e": "ue", "ue_pr": ITEM},
        {
            "event": "unstruct",
            "event_vendor": "com.acme",
            "event_name": "add_to_cart",
            "event_format": "jsonschema",
            "event_version": "2-0-1",
            "unstruct_event": ITEM,
        },
    ),
    "transaction": (
        {
            "e": "tr",
            "tr_id": "o1",
            "tr_af": "web",
            "tr_tt": "20.5",
            "tr_tx": "3.25",
            "tr_sh": "2.5",
            "tr_ci": "Ulm",
            "tr_st": "BW",
            "tr_co": "DE",
            "tr_cu": "EUR",
        },
        {
            "event": "transaction",
            "event_name": "transaction",
            "tr_orderid": "o1",
            "tr_affiliation": "web",
            "tr_total": "20.5",
            "tr_tax": "3.25",
            "tr_shipping": "2.5",
            "tr_city": "Ulm",
            "tr_state": "BW",
            "tr_country": "DE",
            "tr_currency": "EUR",
        },
    ),
    "item": (
        {
            "e": "ti",
            "ti_id": "o1",
            "ti_sk": "s",
            "ti_nm": "sock",
            "ti_ca": "wool",
            "ti_pr": "9.5",
            "ti_qu": "2",
            "ti_cu": "EUR",
        },
        {
            "event": "transaction_item",
            "event_name": "transaction_item",
            "ti_orderid": "o1",
            "ti_sku": "s",
            "ti_name": "sock",
            "ti_category": "wool",
            "ti_price": "9.5",
            "ti_quantity": "2",
            "ti_currency": "EUR",
        },
    ),
}


def stamp(micros: int) -> str:
    """A time as the pipeline writes it."""
    moment = datetime.fromtimestamp(micros / 1e6, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def of_export(cells: dict[str, str], folder: Path) -> dict[str, Any]:
    """The event that the reader of enriched TSV makes of a line."""
    line = "\t".join(cells.get(name, "") for name in COLUMNS)
    (folder / "enriched.tsv").write_text(line + "\n")
    mapping = EventMapping.from_dict({"format": "snowplow"})
    (source,) = list_sources([str(folder / "enriched.tsv")], mapping)
    (found,) = read_source(source, mapping)
    assert not found.dead
    (event,) = found.events.to_pylist()
    return event


def micros(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_reads_as_from_the_export(kind: str, tmp_path: Path) -> None:
    own, own_cells = EVENTS[kind]
    parameters = {name: text for name, text, _ in COMMON} | own
    cells = dict(own_cells)
    for name, text, made in COMMON:
        cells |= made or {SAME_NAME[name]: text}
    waited_us = 4_000_000  # stm - dtm
    cells["collector_tstamp"] = stamp(RECEIVED_US)
    cells["derived_tstamp"] = stamp(RECEIVED_US - waited_us)

    (event,) = Snowplow().parse(asked(batch(parameters))).events
    expected = of_export(cells, tmp_path)

    for name in CANONICAL:
        theirs = expected[name]
        theirs = micros(theirs) if isinstance(theirs, datetime) else theirs
        assert event.get(name) == theirs, name
    for name, text in cells.items():
        if name in ELSEWHERE:
            continue
        assert written(at_column(event, name)) == text, name


def at_column(event: dict[str, Any], column: str) -> Any:
    if column.startswith("se_"):
        short = column.removeprefix("se_")
        return event["type"] if short == "action" else event["properties"][short]
    return event[CANONICAL_CELLS.get(column, column)]


def written(value: Any) -> str:
    """A value as the enrichment writes it into a cell."""
    if isinstance(value, bool):
        return str(int(value))
    text = str(value)
    iso = text.endswith("Z") and text[10:11] == "T"
    return text[:-1].replace("T", " ") if iso else text


def test_each_field_is_a_column_of_the_export() -> None:
    parameters = {name: text for name, text, _ in COMMON}
    for own, _ in EVENTS.values():
        (event,) = Snowplow().parse(asked(batch(parameters | own))).events
        ours = {*CANONICAL, "properties", "contexts", "context_schemas"}
        assert {*event} - ours <= {*COLUMNS}


def test_json_stands_where_the_export_finds_it() -> None:
    (event,) = Snowplow().parse(asked(batch({"e": "ue", "ue_pr": ITEM}))).events
    assert event["properties"] == {"sku": "z", "n": 3}
    (event,) = Snowplow().parse(asked(batch({"e": "pv", "co": CONTEXTS}))).events
    assert event["contexts"] == {
        "com.acme/product": [{"sku": "a1"}, {"sku": "b2"}],
        "org.w3/Timing": [{"start": 5}],
    }
    assert event["context_schemas"] == [
        "iglu:com.acme/product/jsonschema/1-0-0",
        "iglu:com.acme/product/jsonschema/1-0-1",
        "iglu:org.w3/Timing/jsonschema/1-0-0",
    ]
