"""A subject's bad rows go, and do not come back with a batch that does."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from zap.collect.bad.forgetting import forget, names
from zap.collect.bad.listing import Wanted, counted, find
from zap.collect.bad.sink import BadSink
from zap.collect.event import BadRow
from zap.collect.record import encode_bad
from zap.collect.spool import Batch

NOW = 1_750_000_000_000_000


def batch(payloads: list[Any]) -> Batch:
    rows = [BadRow("segment.type", "Expected a type.", each) for each in payloads]
    records = [encode_bad(row, "shop", NOW) for row in rows]
    return Batch(0, records, len(records))


def payloads(folder: Path) -> list[Any]:
    return [each.row.payload for each in find(folder, Wanted(), {})]


def test_rows_of_a_subject_go_and_stay_away(tmp_path: Path) -> None:
    ann, bob = {"userId": "ann", "mail": "s3cr3t"}, {"userId": "bob"}
    BadSink(tmp_path).write(batch([ann, bob, ann]))
    assert forget(tmp_path, lambda row: names(row.payload, {"ann"})) == 2
    assert payloads(tmp_path) == [bob]
    text = b"".join(path.read_bytes() for path in tmp_path.rglob("*.*"))
    assert b"s3cr3t" not in text and b"ann" not in text
    BadSink(tmp_path).write(batch([ann, bob, ann]))
    assert payloads(tmp_path) == [bob], "a batch that comes again brings none back"
    assert forget(tmp_path, lambda row: names(row.payload, {"ann"})) == 0
    assert counted(tmp_path, Wanted())["unread"] == {"forgotten": 2}
    BadSink(tmp_path).write(batch([{"userId": "eve"}]))
    assert payloads(tmp_path) == [bob, {"userId": "eve"}], "another spool's number 0"


def test_a_sink_that_is_open_goes_on(tmp_path: Path) -> None:
    sink = BadSink(tmp_path)
    sink.write(batch([{"userId": "ann"}]))
    forget(tmp_path, lambda row: names(row.payload, {"ann"}))
    sink.write(batch([{"userId": "ann"}, {"userId": "bob"}]))
    assert payloads(tmp_path) == [{"userId": "bob"}]


def test_a_folder_that_is_not_there_holds_nobody(tmp_path: Path) -> None:
    assert forget(tmp_path / "bad", lambda row: True) == 0


texts = st.sampled_from(["ann", "annabel", "", "x", "5"])
trees = st.recursive(
    texts | st.integers(3, 6) | st.none() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=8,
)


@given(trees)
def test_a_payload_names_whom_its_json_names(tree: Any) -> None:
    found = [json.loads(part) for part in leaves_of(tree)]
    expected = any(leaf in ("ann", 5, "5") and leaf is not True for leaf in found)
    assert names(tree, {"ann", "5"}) == expected
    inside = json.dumps({"a": [tree]})
    coded = base64.urlsafe_b64encode(inside.encode()).decode().rstrip("=")
    assert names({"text": inside}, {"ann", "5"}) == expected
    assert names({"cx": coded}, {"ann", "5"}) == expected


def leaves_of(tree: Any) -> list[str]:
    """All texts and numbers, as JSON."""
    if isinstance(tree, dict):
        return [leaf for each in tree.values() for leaf in leaves_of(each)]
    if isinstance(tree, list):
        return [leaf for each in tree for leaf in leaves_of(each)]
    return [json.dumps(tree)]
