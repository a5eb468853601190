"""The flex template: parameters that its launcher takes, and a recipe that fits."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from google_api import described

from zap.cli.main import build_parser

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "dataflow"
METADATA = json.loads((FOLDER / "metadata.json").read_text())
PARAMETERS = {each["name"]: each for each in METADATA["parameters"]}
VALUES = {
    "generator": (["shop_purchase", "my_shop.ask:Purchase"], ["a b", "x:y:z", ""]),
    "input": (["gs://b/raw/*.csv", "gs://b/a, gs://b/c"], ["raw.csv", "gs://b/a,c"]),
    "output": (["gs://my-bucket/x"], ["gs://my-bucket", "examples"]),
    "mapping": (["gs://b/shop.toml"], ["shop.toml", "gs://b/shop.json"]),
    "split": (
        ["subject", "subject:0.7,0.15,0.15", "time:2026-01-01,2026-02-01"],
        ["x"],
    ),
    "layout": (["visits", "instances"], ["rows"]),
    "compression": (["none", "gzip"], ["zstd"]),
    "shards": (["1", "400"], ["0", "-1", "1.5"]),
    "max_bad_share": (["0", "0.01", "1"], ["1.5", "-0.1", "2"]),
    "replace": (["true", "false"], ["yes"]),
    "check": (["true", "false"], ["no"]),
}


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_metadata_have_the_published_shape() -> None:
    assert list(described("dataflow.v1b3").misfits("TemplateMetadata", METADATA)) == []
    for each in PARAMETERS.values():
        assert each["label"] and each["helpText"].endswith("."), each["name"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_takes_what_fits_and_nothing_else(name: str) -> None:
    good, bad = VALUES[name]
    patterns = PARAMETERS[name]["regexes"]
    default = PARAMETERS[name].get("defaultValue")
    for value in [*good, *([default] if default else [])]:
        assert all(re.search(each, value) for each in patterns), value
    for value in bad:
        assert not all(re.search(each, value) for each in patterns), value


def test_the_command_takes_all_that_the_launcher_gives() -> None:
    launch = script("launch")
    given = [f"--{name}={good[0]}" for name, (good, _) in VALUES.items()]
    given[list(VALUES).index("mapping")] = "--mapping=shop.toml"
    beam = ["--runner=DataflowRunner", "--template_location=gs://b/t", "--project=p-1"]
    made = launch.arguments([*given, *beam], {"ZAP_IMAGE": "pkg.dev/zap:1"})
    args, rest = build_parser().parse_known_args(made)
    assert rest == [*beam, "--sdk_container_image=pkg.dev/zap:1"]
    assert (args.generator, args.input) == ("shop_purchase", ["gs://b/raw/*.csv"])
    assert (args.mapping, args.shards, args.max_bad_share) == ("shop.toml", 1, 0.0)
    assert (args.replace, args.no_check) == (True, False)


def test_several_inputs_and_an_image_of_ones_own() -> None:
    launch = script("launch")
    given = ["--input=gs://b/a, gs://b/c", "--check=false", "--sdk_container_image=x"]
    made = launch.arguments(given, {"ZAP_IMAGE": "y"})
    assert made == [
        *("generate", "--input", "gs://b/a", "gs://b/c", "--no-check"),
        "--sdk_container_image=x",
    ]


def test_the_folder_of_the_image_holds_what_the_recipe_copies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gcsfs")
    assert (
        script("prepare").main(
            ["--generator=made_shop:MadeShop", f"--folder={tmp_path}"]
        )
        == 0
    )
    recipe = (tmp_path / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.*)$", recipe, re.M):
        for name in line.split()[:-1]:
            assert (tmp_path / name).exists(), name
    pins = (tmp_path / "requirements.txt").read_text().split()
    names = {each.partition("==")[0] for each in pins}
    assert {"apache-beam", "google-cloud-dataflow-client", "rich", "mmh3"} <= names
    assert not [each for each in pins if each.startswith(("tensorflow==", "tfx"))]
    names = sorted(
        path.name.partition("-")[0] for path in (tmp_path / "wheels").iterdir()
    )
    assert names == ["tfx_bsl", "zap_predictions", "zap_user_code"]


def test_the_recipe_is_of_the_versions_that_are_tested() -> None:
    recipe = (FOLDER / "Dockerfile").read_text()
    limits = (FOLDER.parents[1] / "constraints.txt").read_text()
    (beam,) = re.findall(r"^ARG BEAM=(.*)$", recipe, re.M)
    assert f"apache-beam=={beam}\n" in limits
    froms: list[Any] = re.findall(r"^FROM (\S+)", recipe, re.M)
    assert all(":" in each or each.startswith("$") for each in froms)
    assert "latest" not in recipe
    if sys.version_info[:2] == (3, 11):
        assert "python:3.11-" in recipe


def test_a_generator_that_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare = script("prepare")
    assert prepare.main(["--generator=no_such", f"--folder={tmp_path}"]) == 2
    assert "Received: generator='no_such'" in capsys.readouterr().err
