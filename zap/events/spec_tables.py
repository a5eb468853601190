"""Checks the tables of a mapping file, each on its own, and makes their records."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.compute as pc

from zap.errors import MappingError
from zap.events.schema import PROPERTY_TYPES, check_property_name
from zap.events.specs import (
    FOLDS,
    TIME_UNITS,
    CsvOptions,
    FieldSpec,
    Observed,
    PropertySpec,
    SkipRule,
)
from zap.events.tables import TableReader, shown

IDENTITY_FIELDS = ("event_id", "anonymous_id", "user_id")
TIME_FIELDS = ("timestamp", "received_at")
WEB_FIELDS = ("url", "referrer", "user_agent")
MAPPED_FIELDS = (*IDENTITY_FIELDS, *TIME_FIELDS, "type", *WEB_FIELDS, "sequence")

_SAMPLE = datetime(2024, 5, 17, 10, 5, 3, 123456, tzinfo=UTC)


def read_csv(table: TableReader) -> CsvOptions:
    """The dialect of CSV files."""
    table.only("delimiter", "quote", "header", "columns", "missing", "decimal")
    options = CsvOptions(
        delimiter=table.character("delimiter") or ",",
        quote=table.character("quote", '"', may_be_empty=True),
        header=table.boolean("header", True),
        columns=table.texts("columns"),
        missing=table.texts("missing"),
        decimal=table.character("decimal", "."),
    )
    if options.decimal not in ".,":
        table.refuse("decimal", options.decimal, "'.' or ','")
    if options.delimiter == options.quote:
        table.refuse("quote", options.quote, "another character than the delimiter")
    if options.header == bool(options.columns):
        raise MappingError(
            "Expected columns exactly where the files have no header. Received: "
            f"csv.header={options.header}, csv.columns={list(options.columns)!r}. "
            "Name the columns and set header = false, or leave both out."
        )
    return options


def read_fields(
    table: TableReader, required: tuple[str, ...] = ("timestamp", "type")
) -> dict[str, FieldSpec]:
    """The canonical fields; the required ones are among them."""
    table.only(*MAPPED_FIELDS)
    specs = {}
    for name in MAPPED_FIELDS:
        if table.has(name):
            specs[name] = _field(name, table.table_or_column(name))
    for name in required:
        if name not in specs:
            raise MappingError(
                f"Expected fields.{name}, which every event has. Received: "
                f"fields={sorted(specs)!r}. Add it, as a column"
                + (' or {constant = "purchase"}.' if name == "type" else ".")
            )
    return specs


def _field(name: str, table: TableReader) -> FieldSpec:
    if name in TIME_FIELDS:
        return time_field(table)
    if name == "sequence":
        return FieldSpec(column=table.only("column").required_text("column"))
    table.only("column", "constant", "values", "prefixes", "default")
    table.exactly_one("column", "constant")
    return FieldSpec(
        column=table.text("column"),
        constant=table.text("constant"),
        values=table.pairs("values"),
        prefixes=table.pairs("prefixes"),
        default=table.text("default"),
    )


def time_field(table: TableReader) -> FieldSpec:
    """Where a time comes from."""
    table.only("column", "unit", "format")
    return FieldSpec(
        column=table.required_text("column"),
        unit=table.choice("unit", TIME_UNITS),
        format=_time_format(table),
    )


def _time_format(table: TableReader) -> str | None:
    form = table.text("format")
    if form is not None and "%" not in form:
        table.refuse("format", form, "a format like '%Y-%m-%d %H:%M:%S'")
    if form is not None and table.has("unit"):
        table.refuse("format", form, "a unit or a format, not both")
    _check_directives(table, "format", form)
    return form


def _check_directives(table: TableReader, key: str, form: str | None) -> None:
    """Refuse a form that Python cannot read back, such as %F or a second %Y.

    Arrow knows more directives than Python, which checks the early days of a month.
    """
    try:
        if form is not None:
            datetime.strptime(_SAMPLE.strftime(form), form)
    except (ValueError, re.error) as error:
        table.refuse(key, form, f"a form of strptime's own directives ({error})")


def read_properties(table: TableReader) -> dict[str, PropertySpec]:
    """The declared properties, in order."""
    specs = {}
    for name in table.names():
        check_property_name(name)
        specs[name] = _property(table.table_or_column(name))
    return specs


def _property(table: TableReader) -> PropertySpec:
    table.only("type", "column", "product", "fold", "unit", "format")
    fold = table.choice("fold", FOLDS) or "first"
    counts = fold == "count"
    kind = table.choice("type", PROPERTY_TYPES) or ("int" if counts else "string")
    spec = PropertySpec(
        type=kind,  # type: ignore[arg-type]
        column=table.text("column"),
        product=table.texts("product"),
        fold=fold,
        unit=table.choice("unit", TIME_UNITS),
        format=_time_format(table),
    )
    if not counts:
        table.exactly_one("column", "product")
    if counts and kind != "int":
        table.refuse("type", kind, "'int' for a count")
    if fold == "sum" and kind not in ("int", "float"):
        table.refuse("fold", fold, f"'int' or 'float' to sum, not {kind!r}")
    if table.has("product") and not spec.product:
        table.refuse("product", [], "the columns to multiply")
    if spec.product and kind not in ("int", "float"):
        table.refuse("product", list(spec.product), "type 'int' or 'float'")
    if kind != "timestamp" and (spec.unit or spec.format):
        table.refuse("unit or format", spec.unit or spec.format, "type 'timestamp'")
    return spec


def read_observed(table: TableReader) -> Observed:
    """The observed range."""
    table.only("from", "until", "partitions")
    partitions = table.text("partitions")
    _check_directives(table, "partitions", partitions)
    observed = Observed(_instant(table, "from"), _instant(table, "until"), partitions)
    if (observed.start is None) != (observed.until is None):
        table.refuse("from", observed.start, "both from and until")
    if (observed.start is None) == (partitions is None):
        table.refuse("partitions", partitions, "either from and until or partitions")
    if observed.start is not None and observed.until is not None:
        start, until = (_comparable(observed.start), _comparable(observed.until))
        if start >= until:
            table.refuse("until", observed.until, f"a time after {observed.start}")
    return observed


def _comparable(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _instant(table: TableReader, key: str) -> str | None:
    """A TOML date or time, or its ISO text, as ISO text."""
    value = table.take(key)
    if value is None:
        return None
    if isinstance(value, (date, datetime)):
        value = value.isoformat()
    try:
        time = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        table.refuse(key, value, "a date or a time like 1997-01-01")
    if not 1900 < time.year < 2200:
        table.refuse(key, value, "a time from 1901 to 2199")
    return str(value)


def read_skip(table: TableReader) -> SkipRule:
    """One rule for rows that are left out."""
    table.only("name", "field", "column", "is", "equals", "in", "matches")
    name = table.required_text("name")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        table.refuse("name", name, "letters, digits, _ and -, as a counter's name")
    presence = table.choice("is", ("missing", "present"))
    equals = table.scalar("equals")
    texts = table.scalars("in")
    if equals is not None and texts:
        table.refuse("equals", equals, "equals or in, not both")
    rule = SkipRule(
        name=name,
        field=table.text("field"),
        column=table.text("column"),
        missing=None if presence is None else presence == "missing",
        one_of=texts if equals is None else (equals,),
        matches=_regex(table),
    )
    table.exactly_one("field", "column")
    if (presence is not None) + bool(rule.one_of) + (rule.matches is not None) != 1:
        table.refuse("is", presence, "exactly one of is, equals, in and matches")
    return rule


def _regex(table: TableReader) -> str | None:
    pattern = table.text("matches")
    try:
        re.compile(pattern or "")
    except (re.error, OverflowError, RecursionError) as error:
        table.refuse("matches", pattern, f"a regular expression ({error})")
    return pattern


def check_rules(rules: Sequence[SkipRule], known: Collection[str]) -> None:
    """Refuse skip rules by a field that is not mapped, or of one name."""
    for rule in rules:
        if rule.field is not None and rule.field not in known:
            raise MappingError(
                "Expected a skip rule to name a mapped field or property. Received: "
                f"skip.field={shown(rule.field)}. Known: {', '.join(sorted(known))}; a "
                "column of the file is named with column=."
            )
    names = [rule.name for rule in rules]
    if len(set(names)) < len(names):
        raise MappingError(
            "Expected each skip rule to have its own name, since its rows are counted "
            f"under it. Received: skip.name={shown(names)}. Rename one."
        )


def zone_of(table: TableReader) -> str | None:
    """A time zone that Python and Arrow know, or None."""
    name = table.text("timezone")
    if name is None:
        return None
    try:
        zoneinfo.ZoneInfo(name)
        pc.assume_timezone(pa.scalar(0, pa.timestamp("us")), name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise MappingError(
            "Expected a time zone of the IANA list. Received: "
            f"timezone={shown(name)}. Write one like 'Europe/London' or 'UTC'."
        ) from error
    return name
