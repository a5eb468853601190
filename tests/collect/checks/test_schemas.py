"""JSON Schemas, judged by the jsonschema package, which shares no code with ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zap.collect.checks.checks import Checks
from zap.collect.checks.schemas import Schemas
from zap.collect.checks.settings import CheckSettings
from zap.errors import CollectError

names = st.sampled_from(["total", "name", "items", "inner"])
leaves = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats(-5, 5)
    | st.sampled_from(["", "a", "abc", "2025-01-02T03:04:05Z", "x@a.example"])
)
instances = st.dictionaries(
    names,
    st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
        ),
        max_leaves=8,
    ),
    max_size=4,
)
types = st.sampled_from(
    ["null", "boolean", "integer", "number", "string", "array", "object"]
)
simple = st.fixed_dictionaries(
    {},
    optional={
        "type": types | st.lists(types, min_size=1, max_size=3, unique=True),
        "enum": st.lists(leaves, min_size=1, max_size=3),
        "const": leaves,
        "minimum": st.integers(-3, 3),
        "exclusiveMaximum": st.integers(-3, 3),
        "multipleOf": st.integers(1, 3),
        "minLength": st.integers(0, 3),
        "maxLength": st.integers(0, 3),
        "pattern": st.sampled_from(["^a", "b", "c$"]),
        "minItems": st.integers(0, 2),
        "uniqueItems": st.booleans(),
        "minProperties": st.integers(0, 2),
        "required": st.lists(names, max_size=2, unique=True),
    },
)
schemas = st.recursive(
    simple | st.booleans(),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(names, inner, max_size=3),
            "additionalProperties": inner,
            "items": inner,
            "not": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
        },
    ),
    max_leaves=6,
)


def event_of(properties: Any, type_: str = "Order") -> dict[str, Any]:
    return {"event_id": "1", "timestamp": 1, "type": type_, "properties": properties}


def write(folder: Path, **files: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for name, schema in files.items():
        (folder / f"{name}.json").write_text(json.dumps(schema))
    return folder


@settings(max_examples=150)
@given(schema=schemas, instance=instances)
def test_events_fit_as_another_validator_says(
    tmp_path_factory: pytest.TempPathFactory, schema: Any, instance: Any
) -> None:
    folder = tmp_path_factory.getbasetemp() / "schemas"
    write(folder, **{"Order.properties": schema})
    checks = Checks({"shop": CheckSettings(schemas=str(folder))})
    event = event_of(instance)
    kept, bad = checks.apply("shop", [event])
    fits = jsonschema.Draft202012Validator(schema).is_valid(instance)
    assert (len(kept), len(bad)) == ((1, 0) if fits else (0, 1))
    if bad:
        assert bad[0].reason == "schema.invalid" and bad[0].payload == event
        assert bad[0].detail


def test_the_whole_event_and_a_part_are_both_checked(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "s",
        **{
            "Order": {"required": ["user_id"]},
            "Order.properties": {"required": ["total"]},
            "identify.traits": {"properties": {"plan": {"enum": ["free", "paid"]}}},
        },
    )
    found = Schemas(folder)
    assert found.types == ["Order", "identify"]
    assert found.problem(event_of({"total": 1}) | {"user_id": "u"}) is None
    assert "user_id" in str(found.problem(event_of({"total": 1})))
    told = found.problem(event_of({}) | {"user_id": "u"})
    assert told is not None and told.startswith("properties: ") and "total" in told
    nothing = {"event_id": "1", "type": "Order", "user_id": "u"}
    assert found.problem(nothing) is not None, "no properties are empty ones"
    traits = {"event_id": "1", "type": "identify", "traits": {"plan": "gold"}}
    assert str(found.problem(traits)).startswith("traits.plan: ")


def test_a_type_of_any_name_has_its_file(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "s",
        **{
            "Order Completed": True,
            "a%2Fb": True,
            "v1%2Eproperties": True,
            "x.y": True,
            "%5Fown": True,
        },
    )
    assert Schemas(folder).types == [
        "Order Completed",
        "_own",
        "a/b",
        "v1.properties",
        "x.y",
    ]


def test_formats_are_checked(tmp_path: Path) -> None:
    schema = {"properties": {"at": {"format": "date-time"}, "m": {"format": "email"}}}
    found = Schemas(write(tmp_path / "s", **{"Order.properties": schema}))
    good = {"at": "2025-01-02T03:04:05Z", "m": "x@a.example"}
    assert found.problem(event_of(good)) is None
    told = str(found.problem(event_of({"at": "yesterday", "m": "x"})))
    assert "properties.at: " in told and "properties.m: " in told


def test_files_may_share_parts(tmp_path: Path) -> None:
    folder = write(
        tmp_path / "s",
        _money={"type": "object", "required": ["currency"]},
        **{"Order.properties": {"properties": {"total": {"$ref": "_money.json"}}}},
    )
    found = Schemas(folder)
    assert found.problem(event_of({"total": {"currency": "EUR"}})) is None
    assert "currency" in str(found.problem(event_of({"total": {}})))


def test_what_does_not_fit_is_told_shortly(tmp_path: Path) -> None:
    schema = {"additionalProperties": {"maxLength": 1}}
    found = Schemas(write(tmp_path / "s", **{"Order.properties": schema}))
    told = found.problem(event_of({f"k{i}": "x" * 10_000 for i in range(50)}))
    assert told is not None and len(told) < 2_000 and told.endswith("and more")


def test_a_type_without_schema_and_a_bad_event_go_where_it_is_said(
    tmp_path: Path,
) -> None:
    folder = str(write(tmp_path / "s", **{"Order.properties": {"required": ["total"]}}))
    wrong, other = event_of({}), event_of({}, "Other")

    def applied(**named: Any) -> tuple[list[Any], list[str]]:
        checks = Checks({"shop": CheckSettings(schemas=folder, **named)})
        kept, bad = checks.apply("shop", [wrong, other])
        return list(kept), [row.reason for row in bad]

    assert applied() == ([other], ["schema.invalid"])
    reasons = ["schema.invalid", "schema.unknown_type"]
    assert applied(unknown_types="bad") == ([], reasons)
    kept, bad = applied(on_invalid="keep")
    assert not bad and kept[1] == other
    assert "total" in kept[0].pop("schema_errors") and kept[0] == wrong
    assert "schema_errors" not in wrong
    checks = Checks({"shop": CheckSettings(schemas=folder)})
    assert checks.apply("blog", [wrong]) == ([wrong], [])


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("Order.json", "{", "Order.json"),
        ("Order.json", "[]", "an object"),
        ("Order.json", '{"type": "objct"}', "objct"),
        ("Order.json", '{"pattern": "("}', "regex"),
        ("Order.json", '{"format": "emial"}', "emial"),
        ("Order.json", '{"$ref": "_no.json"}', "_no.json"),
        ("Order.json", '{"$ref": "https://schemas.invalid/a.json"}', "Retrieval"),
        ("_shared.json", '{"$ref": "https://schemas.invalid/a.json"}', "schemas.inv"),
        ("Order.json", '{"$schema": "https://schemas.invalid/d"}', "schemas.invalid"),
        ("Orde%72.json", "{}", "one schema for each type"),
        ("notes.txt", "{}", ""),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, name: str, text: str, told: str) -> None:
    folder = write(tmp_path / "s", **({"Order": {}} if name.endswith("n") else {}))
    (folder / name).write_text(text)
    with pytest.raises(CollectError) as caught:
        Schemas(folder)
    assert "Received: " in str(caught.value) and told in str(caught.value)


def test_hidden_files_are_nobodys(tmp_path: Path) -> None:
    folder = write(tmp_path / "s", Order={})
    (folder / ".#Order.json").write_text("half a fi")
    assert Schemas(folder).types == ["Order"]


def test_a_folder_that_is_missing_is_told_with_its_source(tmp_path: Path) -> None:
    settings_ = {"shop": CheckSettings(schemas="nowhere")}
    with pytest.raises(CollectError, match=r"source=shop: .*nowhere"):
        Checks(settings_, tmp_path)
