"""A mapping finds in an archived event of Snowplow what it finds in the export's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.collect.protocols.asked import RECEIVED_US, asked, batch, contexts
from tests.collect.protocols.asked import described as entity
from zap.collect.archive.rows import archive_batch
from zap.collect.protocols.snowplow import Snowplow
from zap.events.archive_rows import read_archived
from zap.events.mapping import EventMapping
from zap.events.reading import read_source
from zap.events.snowplow_columns import COLUMNS
from zap.events.sources import list_sources

CONTEXTS = contexts(
    entity("iglu:com.acme/product/jsonschema/1-0-0", {"sku": "a1", "of": {"n": 2.5}}),
    entity("iglu:com.acme/product/jsonschema/1-0-1", {"sku": "b2"}),
    entity("iglu:org.w3/Timing/jsonschema/1-0-0", {"start": 5, "ok": True}),
)
PROPERTIES = {
    "sku": "contexts.com.acme/product.sku",
    "inner": "contexts.com.acme/product.of.n",
    "start": "contexts.org.w3/Timing.start",
    "ok": "contexts.org.w3/Timing.ok",
    "none": "contexts.com.acme/other.sku",
    "visit": "domain_sessionidx",
    "kind": "event",
}


def mapping(form: str, **more: Any) -> EventMapping:
    return EventMapping.from_dict({"format": form, "properties": PROPERTIES, **more})


@pytest.mark.parametrize("form", ["archive", "snowplow"])
def test_contexts_have_one_name_in_both(form: str, tmp_path: Path) -> None:
    parameters = {"e": "pv", "eid": "1", "co": CONTEXTS, "vid": "3", "duid": "d"}
    if form == "archive":
        (event,) = Snowplow().parse(asked(batch(parameters))).events
        read = read_archived(archive_batch([(7, event)]), mapping(form))
    else:
        cells = {"event_id": "1", "event": "page_view", "event_name": "page_view"}
        cells |= {"contexts": CONTEXTS, "domain_sessionidx": "3", "domain_userid": "d"}
        cells["collector_tstamp"] = "2023-11-14 22:13:25.250"
        line = "\t".join(cells.get(name, "") for name in COLUMNS)
        (tmp_path / "e.tsv").write_text(line + "\n")
        (source,) = list_sources([str(tmp_path / "e.tsv")], mapping(form))
        (read,) = read_source(source, mapping(form))
    assert not read.dead
    (found,) = read.events.to_pylist()
    wanted = {"sku": "a1", "inner": "2.5", "start": "5", "ok": "true", "none": None}
    assert {name: found[name] for name in PROPERTIES} == {
        **wanted,
        "visit": "3",
        "kind": "page_view",
    }
    assert (found["anonymous_id"], found["type"]) == ("d", "page_view")
    assert found["timestamp"].timestamp() == RECEIVED_US / 1e6
