"""Names of tables."""

from __future__ import annotations

from datetime import date

import pytest

from zap.bigquery.names import TableName, is_bigquery, parse_table
from zap.errors import BigQueryError


def test_a_name_has_three_parts() -> None:
    name = parse_table("bigquery://shop-data.web.page_views")
    assert name == TableName("shop-data", "web", "page_views")
    assert name.id == "shop-data.web.page_views"
    assert name.url == "bigquery://shop-data.web.page_views"
    assert name.sql == "`shop-data.web.page_views`"
    assert name.path == "projects/shop-data/datasets/web/tables/page_views"
    assert name.partition(date(2026, 1, 31)) == f"{name.id}$20260131"


def test_the_dots_of_a_domain_belong_to_the_project() -> None:
    name = parse_table("bigquery://example.com:shop-data.web.events")
    assert name.project == "example.com:shop-data"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("bigquery://shop-data.web", "three parts"),
        ("bigquery://web.events", "three parts"),
        ("gs://shop-data.web.events", "three parts"),
        ("bigquery://SHOP.web.events", "project"),
        ("bigquery://shop-data.we-b.events", "dataset"),
        ("bigquery://shop-data.web.ev`ents", "table"),
        ("bigquery://shop-data.web.events$20260131", "table"),
        ("bigquery://shop-data.web.", "table"),
        ("bigquery://shop-data.web.events_*", "one table"),
        ("bigquery://shop-data.web.ev*nts", "table"),
    ],
)
def test_a_wrong_name_is_told_with_its_part(text: str, part: str) -> None:
    with pytest.raises(BigQueryError, match=part) as raised:
        parse_table(text)
    assert "Received: " in str(raised.value)


def test_several_tables_are_named_only_where_they_may_be() -> None:
    name = parse_table("bigquery://shop-data.analytics_1.events_*", wildcard=True)
    assert name.is_wildcard
    assert name.sql == "`shop-data.analytics_1.events_*`"


def test_a_path_of_files_is_no_table() -> None:
    assert not is_bigquery("gs://bucket/events") and not is_bigquery("events.csv")
    assert is_bigquery("bigquery://shop-data.web.events")
