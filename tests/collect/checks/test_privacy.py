"""What must not be written is searched for in the bytes that were.

Secrets are planted in requests, which real protocols read; then events and bad rows are
checked and brought to a real spool, whose files are searched, also as base64 and in
URLs' encoding.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.collect.checks import names
from zap.collect.checks.checks import Checks
from zap.collect.checks.keyed import keyed
from zap.collect.checks.settings import CheckSettings, PrivacySettings
from zap.collect.event import BadRow, Event
from zap.collect.protocol import Request
from zap.collect.protocols import PROTOCOLS
from zap.collect.record import encode_bad, encode_event
from zap.collect.spool import Spool
from zap.errors import CollectError

KEY = "0123456789abcdef0123456789abcdef"
NOW = 1_750_000_000_000_000
SECRET = re.compile(rb"s3cr3t\w*")
SNOWPLOWS = "iglu:com.snowplowanalytics.snowplow"
ADDRESS = "203.0.113.77"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASH_KEY", KEY)


def checks_of(folder: Path = Path(), schemas: str = "", **named: Any) -> Checks:
    if named.get("hash"):
        named["hash_key_env"] = "HASH_KEY"
    privacy = PrivacySettings(**named)
    return Checks({"shop": CheckSettings(schemas=schemas, privacy=privacy)}, folder)


def written(
    folder: Path, checks: Checks, events: list[Event], bad: list[BadRow]
) -> bytes:
    """All bytes of a spool that events and bad rows were brought to."""
    kept, wrong = checks.apply("shop", events)
    rows = [*checks.bad("shop", bad), *wrong]
    records = [encode_event(event) for event in kept]
    records += [encode_bad(row, "shop", NOW) for row in rows]
    with Spool(folder) as spool:
        if records:
            spool.append(records)
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def readings(text: bytes) -> Iterator[bytes]:
    """Bytes, and what is in them as base64 at any place."""
    yield text
    for found in re.findall(rb"[A-Za-z0-9+/_-]{8,}", text):
        usual = found.replace(b"-", b"+").replace(b"_", b"/")
        for begin in range(4):
            part = usual[begin : begin + (len(usual) - begin) // 4 * 4]
            yield base64.b64decode(part)


def secrets_in(text: bytes) -> set[bytes]:
    return {each for read in readings(text) for each in SECRET.findall(read)}


def coded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


URL = f"https://shop.example/?email=s3cr3t_q&page=2&next={quote('/x?email=s3cr3t_n')}"
PERSON = {"email": "s3cr3t_mail", "phone": "s3cr3t_phone", "plan": "free"}
SEGMENT: dict[str, Any] = {
    "type": "track",
    "event": "Order",
    "messageId": "m1",
    "userId": "s3cr3t_user",
    "anonymousId": "s3cr3t_anon",
    "properties": {**PERSON, "url": URL, "total": 5, "of": "s3cr3t_user"},
    "context": {
        "ip": ADDRESS,
        "traits": PERSON,
        "page": {"url": URL, "referrer": URL, "search": "?email=s3cr3t_s&a=1"},
    },
}
ALIAS = {
    "type": "alias",
    "userId": "s3cr3t_user",
    "previousId": "s3cr3t_prev",
    "plan": "free",
    "anonymousId": "s3cr3t_anon",
}
IDENTIFY = {
    **{name: SEGMENT[name] for name in ("userId", "anonymousId", "context")},
    "type": "identify",
    "traits": PERSON,
    "user_id": "s3cr3t_twin",
}
SNOWPLOW = {
    "e": "ue",
    "eid": "e1",
    "uid": "s3cr3t_user",
    "duid": "s3cr3t_anon",
    "ip": ADDRESS,
    "url": URL,
    "refr": URL,
    "ue_px": coded(
        {
            "schema": f"{SNOWPLOWS}/unstruct_event/jsonschema/1-0-0",
            "data": {
                "schema": "iglu:com.acme/order/jsonschema/1-0-0",
                "data": {**PERSON, "by": "s3cr3t_user"},
            },
        }
    ),
    "co": json.dumps(
        {
            "schema": f"{SNOWPLOWS}/contexts/jsonschema/1-0-0",
            "data": [{"schema": "iglu:com.acme/user/jsonschema/1-0-0", "data": PERSON}],
        }
    ),
}
POSTHOG = {
    "event": "order",
    "uuid": "0190a3f0-0000-7000-8000-000000000000",
    "distinct_id": "s3cr3t_user",
    "properties": {
        **PERSON,
        "$device_id": "s3cr3t_anon",
        "$is_identified": True,
        "$current_url": URL,
        "$referrer": URL,
        "$ip": ADDRESS,
        "$set": PERSON,
    },
}
ZAP = {
    "type": "Order",
    "event_id": "z1",
    "user_id": "s3cr3t_user",
    "anonymous_id": "s3cr3t_anon",
    "url": URL,
    "referrer": URL,
    "properties": {**PERSON, "by": ["s3cr3t_user"]},
    "traits": PERSON,
    "context": {"ip": ADDRESS},
}
RULES: dict[str, Any] = {
    "drop": ["*.email", 'contexts."com.acme/user"', "traits.phone"],
    "hash": ["user_id", "anonymous_id", "*.phone"],
    "truncate_addresses": True,
    "drop_query": ["email"],
}


def posted(protocol: str, events: list[Any]) -> tuple[list[Event], list[BadRow]]:
    """What a protocol makes of events, as its clients send them."""
    schema = f"{SNOWPLOWS}/payload_data/jsonschema/1-0-4"
    path, body = {
        "segment": ("/v1/batch", {"batch": events}),
        "rudderstack": ("/v1/batch", {"batch": events}),
        "snowplow": (
            "/com.snowplowanalytics.snowplow/tp2",
            {"schema": schema, "data": events},
        ),
        "posthog": ("/batch/", {"api_key": "k", "batch": events}),
        "zap": ("/v1/collect", {"key": "k", "events": events}),
    }[protocol]
    request = Request("POST", path, b"", {}, json.dumps(body).encode(), NOW, ADDRESS)
    parsed = PROTOCOLS[protocol]().parse(request)
    for event in parsed.events:
        event["source"] = "shop"
    return list(parsed.events), list(parsed.bad)


SENT = [
    *[(name, each) for name in ("segment", "rudderstack") for each in (SEGMENT, ALIAS)],
    ("segment", IDENTIFY),
    ("rudderstack", IDENTIFY),
    ("snowplow", SNOWPLOW),
    ("posthog", POSTHOG),
    ("zap", ZAP),
]


def test_the_plants_are_found_without_rules(tmp_path: Path) -> None:
    for number, (protocol, sent) in enumerate(SENT):
        folder = tmp_path / str(number)
        text = written(folder, checks_of(), *posted(protocol, [sent]))
        assert len(secrets_in(text)) >= 3


@pytest.mark.parametrize(("protocol", "sent"), SENT)
def test_nothing_of_an_event_is_written_that_must_not(
    tmp_path: Path, protocol: str, sent: dict[str, Any]
) -> None:
    events, bad = posted(protocol, [sent])
    assert events and not bad
    text = written(tmp_path, checks_of(**RULES), events, bad)
    assert secrets_in(text) == set() and ADDRESS.encode() not in text
    assert keyed(KEY.encode(), "s3cr3t_user").encode() in text


def broken(sent: dict[str, Any]) -> list[Any]:
    """The event in ways that no protocol takes."""
    without = {
        name: value
        for name, value in sent.items()
        if name not in ("type", "event", "e", "uuid")
    }
    ways: list[Any] = [without, {**sent, "type": 5, "event": 5, "e": "zz"}, [sent]]
    if "ue_px" in sent:
        ways.append({**sent, "ue_px": sent["ue_px"][:-3]})
        ways.append({**sent, "co": sent["co"][:-1]})
        ways.append({**sent, "dtm": "s3cr3t_time", "tr_tt": "1"})
    ways.append({**without, "more": json.dumps(json.dumps(sent))})
    ways.append({**without, "more": coded(sent), "text": json.dumps({"a": sent})})
    return ways


@pytest.mark.parametrize(("protocol", "sent"), SENT)
def test_nothing_of_a_bad_row_is_written_that_must_not(
    tmp_path: Path, protocol: str, sent: dict[str, Any]
) -> None:
    ways = [each for each in broken(sent) if "s3cr3t_time" not in str(each)]
    events, bad = posted(protocol, ways)
    assert len(bad) >= len(ways) - 2
    text = written(tmp_path, checks_of(**RULES), events, bad)
    assert secrets_in(text) == set() and ADDRESS.encode() not in text
    assert any(b"plan" in read for read in readings(text)), "what may stay stays"


def test_what_was_received_is_not_told(tmp_path: Path) -> None:
    events, bad = posted("snowplow", [{**SNOWPLOW, "dtm": "s3cr3t_time"}])
    rules = {**RULES, "drop": [*RULES["drop"], "dvce_created_tstamp"]}
    text = written(tmp_path, checks_of(**rules), events, bad)
    assert bad and secrets_in(text) == set()


@pytest.mark.parametrize("protocol", ["segment", "rudderstack"])
def test_a_call_that_is_too_large_is_looked_into(tmp_path: Path, protocol: str) -> None:
    large = {**SEGMENT, "filler": "x" * (5 << 20)}
    events, bad = posted(protocol, [large])
    assert not events and bad[0].reason.endswith(".too_large")
    text = written(tmp_path, checks_of(**RULES), events, bad)
    assert not SECRET.search(text) and b'"plan"' in text


def test_what_fits_no_schema_is_as_private(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    schema = {"properties": {"phone": {"const": "s3cr3t_phone"}, "of": False}}
    (tmp_path / "s" / "Order.properties.json").write_text(json.dumps(schema))
    events, bad = posted("segment", [SEGMENT])
    checks = checks_of(tmp_path, "s", **RULES)
    assert checks.apply("shop", events)[1][0].reason == "schema.invalid"
    text = written(tmp_path / "spool", checks, events, bad)
    assert secrets_in(text) <= {b"s3cr3t_phone"}, "which the schema itself tells"
    keys = {"drop": ["*.email", "*.phone"], "hash": RULES["hash"][:2]}
    schema["properties"] = {"of": False, "phone": False}
    (tmp_path / "s" / "Order.properties.json").write_text(json.dumps(schema))
    rules = {**RULES, **keys}
    text = written(tmp_path / "two", checks_of(tmp_path, "s", **rules), events, bad)
    assert secrets_in(text) == set()


keys = st.sampled_from(["a", "b", "traits", "context", "user_id", "email"])
trees = st.dictionaries(
    keys,
    st.recursive(
        st.none() | st.integers(0, 9) | st.text("xyz", max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
        ),
        max_leaves=10,
    ),
    max_size=5,
)
places = st.lists(keys, min_size=1, max_size=3).map(tuple)
rules = st.lists(st.tuples(places, st.booleans()), max_size=4, unique_by=lambda r: r[0])


def planted(tree: Any, parts: tuple[str, ...], secret: str) -> None:
    """Put a secret at a place, making the way to it."""
    while isinstance(tree, list):
        tree.append({})
        tree = tree[-1]
    if len(parts) == 1:
        tree[parts[0]] = secret
        return
    if not isinstance(tree.get(parts[0]), dict | list):
        tree[parts[0]] = {}
    planted(tree[parts[0]], parts[1:], secret)


@settings(max_examples=150)
@given(tree=trees, chosen=rules, anywhere=st.booleans())
def test_whatever_the_rules_their_values_are_not_written(
    tree: Any, chosen: list[tuple[tuple[str, ...], bool]], anywhere: bool
) -> None:
    named: dict[str, list[str]] = {"drop": [], "hash": []}
    for number, (parts, drops) in enumerate(chosen):
        path = f"*.{parts[-1]}" if anywhere else ".".join(parts)
        named["drop" if drops else "hash"].append(path)
        planted(tree, parts, f"s3cr3t_{number}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HASH_KEY", KEY)
        try:
            checks = checks_of(drop=named["drop"], hash=named["hash"])
        except CollectError:
            return  # a place is in another: the rules contradict
    event = {**tree, "event_id": "1", "type": "t", "timestamp": 1, "received_at": 2}
    before = copy.deepcopy(event)
    kept, _ = checks.apply("shop", [event])
    assert event == before
    [row] = checks.bad("shop", [BadRow("x", "", tree)])
    text = encode_event(kept[0]) + encode_bad(row, "shop", 1)
    assert not SECRET.search(text)
    assert checks.apply("shop", kept)[0] == kept, "twice is once"
    assert checks.bad("shop", [row]) == [row]


def test_the_same_person_has_the_same_hash_everywhere() -> None:
    checks = checks_of(hash=["user_id", "anonymous_id"])
    events = posted("segment", [SEGMENT, ALIAS])[0]
    events += posted("snowplow", [SNOWPLOW])[0] + posted("posthog", [POSTHOG])[0]
    kept, _ = checks.apply("shop", events)
    assert {event["user_id"] for event in kept} == {keyed(KEY.encode(), "s3cr3t_user")}
    [order, alias, snowplow, posthog] = kept
    anonymous = keyed(KEY.encode(), "s3cr3t_anon")
    assert order["anonymous_id"] == snowplow["anonymous_id"] == anonymous
    assert posthog["anonymous_id"] == anonymous
    assert alias["anonymous_id"] == keyed(KEY.encode(), "s3cr3t_prev")


def test_a_type_or_id_that_is_a_persons_too_stays() -> None:
    checks = checks_of(hash=["user_id"])
    event = {"event_id": "x", "type": "x", "user_id": "x", "properties": {"by": "x"}}
    hashed = keyed(KEY.encode(), "x")
    expected = {**event, "user_id": hashed, "properties": {"by": hashed}}
    assert checks.apply("shop", [event])[0] == [expected]


def test_text_that_no_one_can_look_into_is_withheld() -> None:
    row = BadRow("segment.json", "Expected JSON. Received: x.", '{"email": "s3cr3t')
    [found] = checks_of(truncate_addresses=True).bad("shop", [row])
    assert "withheld" in found.payload and found.detail == "Expected JSON."
    assert checks_of().bad("shop", [row]) == [row], "without rules it stays"


def test_a_payload_deeper_than_can_be_walked_is_withheld() -> None:
    deep: Any = "s3cr3t"
    for _ in range(900):
        deep = {"a": deep}
    checks = checks_of(drop=["*.email"])
    assert "withheld" in checks.bad("shop", [BadRow("x", "", deep)])[0].payload
    kept, bad = checks.apply("shop", [{"type": "t", "properties": deep}])
    assert not kept and bad[0].reason == "too_deep" and "withheld" in bad[0].payload


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ({"drop": ["traits"], "hash": ["traits.email"]}, "either dropped or hashed"),
        ({"drop": ["user_id"], "hash": ["user_id"]}, "either dropped or hashed"),
        ({"drop": ["*.email"], "hash": ["traits.email"]}, "either dropped or hashed"),
        ({"drop": ["event_id"]}, "the collector itself needs"),
        ({"hash": ["a..b"]}, "Expected a path"),
        ({"drop_query": [""]}, "names of URL parameters"),
    ],
)
def test_wrong_rules_are_refused(named: dict[str, Any], told: str) -> None:
    with pytest.raises(CollectError, match=told) as caught:
        checks_of(**named)
    assert "source=shop" in str(caught.value) and "Received: " in str(caught.value)


def test_a_source_without_rules_gives_back_what_it_was_given() -> None:
    checks = checks_of()
    events = [SEGMENT]
    assert checks.apply("shop", events)[0] is events
    rows = [BadRow("x", "", SEGMENT)]
    assert checks.bad("shop", rows) is rows


def test_long_keys_are_not_kept_in_memory() -> None:
    checks = Checks({"shop": CheckSettings(privacy=PrivacySettings(drop=["*.email"]))})
    before = names._kept.cache_info().currsize
    for number in range(50):
        keys = {f"{number}{'k' * 1_000}": "x", f"{'E' * 1_000}mail": "y", "Email": "z"}
        kept, bad = checks.apply("shop", [{"type": "seen", "properties": keys}])
        assert len(kept[0]["properties"]) == 2 and not bad
    assert names._kept.cache_info().currsize <= before + 4


def test_a_schema_that_is_no_text_describes_nothing() -> None:
    checks = Checks({"shop": CheckSettings(privacy=PrivacySettings(drop=["*.email"]))})
    sent = {"schema": {"schema": ["iglu:a/email/"]}, "data": {"email": "x", "b": 1}}
    row = BadRow("zap.type", "Expected a type.", sent)
    assert checks.bad("shop", [row])[0].payload == {**sent, "data": {"b": 1}}
