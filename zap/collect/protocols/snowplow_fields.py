"""The parameters of Snowplow's tracker protocol, and the fields that they become.

Names and conversions are those of Snowplow's enrichment, so that an event reads alike
whether it came through Snowplow's pipeline or straight here. A value that its field
can't hold is kept as it came, under ``parameters``, with all that the protocol does not
know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Parameters = Mapping[str, str]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _flag(text: str) -> bool:
    return {"1": True, "0": False}[text]


def _number(text: str) -> float:
    value = float(text)
    if value - value != 0:  # neither infinite nor NaN: JSON has no such numbers
        raise ValueError(text)
    return value


def _whole(text: str) -> int:
    if len(text) > 18:  # beyond 64 bits nothing later could hold it
        raise ValueError(text)
    return int(text)


def millis(text: str) -> int:
    """Microseconds of a time in milliseconds.

    Raises:
        ValueError: it is no whole number, or far beyond any calendar.
    """
    if len(text) > 16:
        raise ValueError(text)
    return int(text) * 1000


def _moment(text: str) -> str:
    moment = _EPOCH + timedelta(microseconds=millis(text))
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


_TEXTS = {
    "eid": "event_id",
    "duid": "anonymous_id",
    "uid": "user_id",
    "url": "url",
    "refr": "referrer",
    "ua": "user_agent",
    "aid": "app_id",
    "p": "platform",
    "ip": "user_ipaddress",
    "fp": "user_fingerprint",
    "sid": "domain_sessionid",
    "nuid": "network_userid",
    "tnuid": "network_userid",
    "tna": "name_tracker",
    "tv": "v_tracker",
    "cv": "v_collector",
    "lang": "br_lang",
    "cd": "br_colordepth",
    "tz": "os_timezone",
    "page": "page_title",
    "cs": "doc_charset",
    "tr_id": "tr_orderid",
    "tr_af": "tr_affiliation",
    "tr_ci": "tr_city",
    "tr_st": "tr_state",
    "tr_co": "tr_country",
    "tr_cu": "tr_currency",
    "ti_id": "ti_orderid",
    "ti_sk": "ti_sku",
    "ti_na": "ti_name",
    "ti_nm": "ti_name",
    "ti_ca": "ti_category",
    "ti_cu": "ti_currency",
}
_WHOLES = {
    "tid": "txn_id",
    "vid": "domain_sessionidx",
    "ti_qu": "ti_quantity",
    "pp_mix": "pp_xoffset_min",
    "pp_max": "pp_xoffset_max",
    "pp_miy": "pp_yoffset_min",
    "pp_may": "pp_yoffset_max",
}
_NUMBERS = {
    "tr_tt": "tr_total",
    "tr_tx": "tr_tax",
    "tr_sh": "tr_shipping",
    "ti_pr": "ti_price",
}
_FLAGS = {
    "cookie": "br_cookies",
    "f_pdf": "br_features_pdf",
    "f_fla": "br_features_flash",
    "f_java": "br_features_java",
    "f_dir": "br_features_director",
    "f_qt": "br_features_quicktime",
    "f_realp": "br_features_realplayer",
    "f_wma": "br_features_windowsmedia",
    "f_gears": "br_features_gears",
    "f_ag": "br_features_silverlight",
}
_MOMENTS = {
    "dtm": "dvce_created_tstamp",
    "stm": "dvce_sent_tstamp",
    "ttm": "true_tstamp",
}
_SIZES = {
    "res": ("dvce_screenwidth", "dvce_screenheight"),
    "ds": ("doc_width", "doc_height"),
    "vp": ("br_viewwidth", "br_viewheight"),
}
_STRUCTURED = {
    f"{prefix}_{short}": (name, convert)
    for prefix in ("ev", "se")  # "ev" is of old trackers
    for short, name, convert in (
        ("ca", "category", str),
        ("la", "label", str),
        ("pr", "property", str),
        ("va", "value", _number),
    )
}

FIELDS: dict[str, tuple[str, Callable[[str], Any]]] = {
    name: (field, convert)
    for table, convert in (
        (_TEXTS, str),
        (_WHOLES, _whole),
        (_NUMBERS, _number),
        (_FLAGS, _flag),
        (_MOMENTS, _moment),
    )
    for name, field in table.items()
}
"""Parameter to the field that it becomes, and how; ``_SIZES`` become two each."""

HANDLED = frozenset(["e", "co", "cx", "ue_pr", "ue_px", "se_ac", "ev_ac"])
"""Parameters that say what an event is, and the JSON in it: read elsewhere."""


def read_fields(parameters: Parameters) -> dict[str, Any]:
    """The fields of an event, and under ``properties`` those of a structured one.

    Args:
        parameters: none of them empty.
    """
    event: dict[str, Any] = {}
    properties: dict[str, Any] = {}
    others: dict[str, str] = {}
    for name, text in parameters.items():
        try:
            if name in FIELDS:
                field, convert = FIELDS[name]
                event[field] = convert(text)
            elif name in _STRUCTURED:
                field, convert = _STRUCTURED[name]
                properties[field] = convert(text)
            elif name in _SIZES:
                width, height = map(_whole, text.split("x"))
                event |= zip(_SIZES[name], (width, height), strict=True)
            elif name not in HANDLED:
                others[name] = text
        except (ValueError, KeyError, OverflowError):
            others[name] = text
    if "tnuid" in parameters:  # the tracker's goes before the collector's
        event["network_userid"] = parameters["tnuid"]
    if properties:
        event["properties"] = properties
    if others:
        event["parameters"] = others
    return event
