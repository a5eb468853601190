"""The statements of the docs and of messages: parsed in BigQuery's dialect, and run."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pyarrow as pa
import pytest
from bigquery_server import HOME, ROOT, BigQueryServer

from zap.bigquery.client import rest_client
from zap.bigquery.destination import TableSpec, ensure_table
from zap.bigquery.names import parse_table
from zap.errors import BigQueryError
from zap.jobs import load_archive, metric_rows
from zap.scoring import bigquery_output

PROJECT, DATASET = "shop-data", "shop-data.web"
DOCUMENTS = sorted((ROOT / "docs").glob("*.md"))
PARSE = """
import json, sys, sqlglot
from sqlglot.errors import ErrorLevel
for text in json.load(sys.stdin):
    for each in sqlglot.parse(text, dialect="bigquery", error_level=ErrorLevel.RAISE):
        assert not isinstance(each, sqlglot.exp.Command), each  # not understood
        print(type(each).__name__)
"""


def statements(path: Path) -> list[str]:
    """The blocks of SQL of a document."""
    return re.findall(r"^```sql\n(.*?)^```$", path.read_text(), re.M | re.S)


def parsed(texts: list[str]) -> list[str]:
    """The kinds of the statements, by sqlglot in the emulator's environment."""
    if not (HOME / ".installed").exists():
        pytest.skip("needs server: tests/servers/bigquery/install installs sqlglot")
    done = subprocess.run(
        [HOME / "bin" / "python", "-c", PARSE],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_the_statements_of_the_docs_are_bigquery_s(document: Path) -> None:
    texts = statements(document)
    if texts:
        assert len(parsed(texts)) >= len(texts)


def test_there_are_statements_and_the_parser_sees_what_is_wrong() -> None:
    assert len(statements(ROOT / "docs" / "bigquery.md")) >= 5
    with pytest.raises(AssertionError, match="ParseError"):
        parsed(["SELECT FROM WHERE"])


def test_the_statements_of_the_docs_run(bigquery: BigQueryServer) -> None:
    client = bigquery.client()
    client.create_dataset(DATASET, exists_ok=True)
    for name, spec in (
        ("predictions", bigquery_output.SPEC),
        ("evaluations", metric_rows.SPEC),
        ("events", load_archive.SPEC),
    ):
        table = parse_table(f"bigquery://{DATASET}.{name}")
        ensure_table(rest_client(PROJECT), table, spec)
    # Others' tables in other blocks are not here.
    texts = [
        text
        for text in statements(ROOT / "docs" / "bigquery.md")
        if set(re.findall(r"`[^`]+`", text))
        <= {f"`{DATASET}.{n}`" for n in ("predictions", "evaluations", "events")}
    ]
    assert len(texts) >= 5
    for text in texts:
        client.query(text.strip().rstrip(";")).result()


def test_the_statement_that_adds_columns_is_bigquery_s(
    bigquery: BigQueryServer,
) -> None:
    schema = bigquery_output.SPEC.schema
    few = pa.schema([field for field in schema if field.name in ("day", "subject")])
    name = parse_table(f"bigquery://{bigquery.new_dataset()}.predictions")
    client = rest_client(name.project)
    ensure_table(client, name, TableSpec(few, "day"))
    with pytest.raises(BigQueryError) as raised:
        ensure_table(client, name, TableSpec(schema, "day"))
    statement = str(raised.value).partition("Add them with: ")[2]
    assert parsed([statement]) == ["Alter"]
