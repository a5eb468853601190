"""``zap models``: every subcommand on real bundles, as a user types them."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest
from made_run import SETTINGS, MadeRun

from zap.bundles.bundle import write_bundle
from zap.cli.main import build_parser, main
from zap.cli.models import COMMAND
from zap.jobs.train import train_bundle
from zap.training.config import ModelConfig

DOCS = Path(__file__).parents[2] / "docs" / "models.md"
NAMES = ["list", "show", "compare", "history", "add", "deploy", "revert"]
NAMES += ["archive", "unarchive"]


@pytest.fixture(scope="module")
def bundles(made_run: MadeRun, tmp_path_factory) -> list[str]:
    """Two models of one dataset, with other settings."""
    other = tmp_path_factory.mktemp("other") / "bundle"
    config = ModelConfig.from_dict({**SETTINGS, "units": 4, "epochs": 1})
    train_bundle(made_run.dataset, other, config)
    return [str(made_run.work / "bundle"), str(other)]


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """Runs ``zap models ...`` in a folder of its own; gives what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ZAP_REGISTRY", raising=False)

    def run(line: str, code: int = 0) -> str:
        assert main(["models", *shlex.split(line)]) == code
        shown = capsys.readouterr()
        assert code == 0 or shown.err.count("\n") == 1
        return shown.out if code == 0 else shown.err

    return run


@pytest.fixture
def two(typed, bundles) -> list[str]:
    """Two versions that were added, none live."""
    found = [json.loads(typed(f"add {path} --json")) for path in bundles]
    assert all(one["new"] and one["application"] == "made_shop" for one in found)
    return [one["version"] for one in found]


def as_json(typed, line: str) -> dict:
    text = typed(f"{line} --json")
    assert text.count("\n") == 1
    return json.loads(text)


# Help.


def test_the_commands_are_all_there_and_in_the_docs() -> None:
    assert [command.name for command in COMMAND.commands] == NAMES
    words = DOCS.read_text()
    assert [name for name in NAMES if f"zap models {name}" not in words] == []


def test_a_bundle_is_added_and_made_live_at_once(typed, bundles) -> None:
    first = as_json(typed, f"add {bundles[0]} --deploy")
    assert first["new"] and first["deployment"]["live"] == first["version"]
    again = as_json(typed, f"add {bundles[0]} --deploy")
    assert not again["new"] and not again["deployment"]["new"]
    said = typed(f"add {bundles[1]} --deploy")
    assert f"is live; before it {first['version']}" in said


@pytest.mark.parametrize("command", COMMAND.commands, ids=lambda each: each.name)
def test_help_has_an_example_that_can_be_parsed(command, capsys) -> None:
    with pytest.raises(SystemExit) as done:
        main(["models", command.name, "--help"])
    shown = capsys.readouterr().out
    assert done.value.code == 0
    assert f"example:\n  {command.example}\n" in shown
    assert all(option in shown for option in ("--json", "--registry", "--application"))
    words = shlex.split(command.example)
    assert words[:3] == ["zap", "models", command.name]
    args, rest = build_parser().parse_known_args(words[1:])
    assert args.chosen is command and rest == []


@pytest.mark.parametrize("line", ["", "fly", "deploy", "compare a", "list --fast"])
def test_a_wrong_command_line_exits_with_2(line: str, capsys) -> None:
    with pytest.raises(SystemExit) as done:
        main(["models", *line.split()])
    assert done.value.code == 2
    assert "usage: zap" in capsys.readouterr().err


# A life: added, deployed, compared, reverted, put away.


def test_add_says_what_it_did(typed, bundles, two) -> None:
    said = typed(f"add {bundles[0]}")
    assert said == f"Was there already: made_shop {two[0]} in models/made_shop\n"
    said = typed(f"add {bundles[0]} --application shop-eu --by ada --reason 'for EU'")
    assert said == f"Added shop-eu {two[0]} in models/shop-eu\n"
    found = as_json(typed, f"show {two[0]} --application made_shop")
    assert found["status"] == "" and found["parent"] is None
    found = as_json(typed, f"show {two[0]} --application shop-eu")
    assert (found["who"], found["why"]) == ("ada", "for EU")


def test_deploy_revert_and_the_log(typed, two) -> None:
    a, b = two
    assert typed(f"deploy {a} --by ada") == f"{a} is live; before it none\n"
    assert typed(f"deploy {b[:6]}") == f"{b} is live; before it {a}\n"
    assert typed(f"deploy {b}") == f"{b} is live already; nothing was done\n"
    said = typed(f"revert --from {b} --by bob --reason 'AUC fell'")
    assert said == f"{a} is live; before it {b}\n"
    assert typed(f"revert --from {b}") == f"{a} is live already; nothing was done\n"
    log = as_json(typed, "history")["log"]
    assert [(e["action"], e["live"]) for e in log] == [
        ("deploy", a),
        ("deploy", b),
        ("revert", a),
    ]
    assert (log[0]["who"], log[2]["who"], log[2]["why"]) == ("ada", "bob", "AUC fell")
    shown = typed("history")
    assert shown.index("revert") < shown.index("deploy")
    assert "AUC fell" in shown and a[:8] in shown
    result = as_json(typed, "revert")
    assert result["new"] and result["live"] == result["entry"]["version"] == b


def test_archive_and_back(typed, two) -> None:
    a, b = two
    typed(f"deploy {a}")
    assert typed(f"archive {b} --reason old") == f"{b} is archived\n"
    again = typed(f"archive {b[:8]}")
    assert again == f"{b[:8]} is archived already; nothing was done\n"
    assert "zap models unarchive" in typed(f"deploy {b}", 2)
    assert "Deploy another first" in typed("archive live", 2)
    listed = as_json(typed, "list")["applications"]["made_shop"]
    assert {one["version"]: one["status"] for one in listed} == {
        a: "live",
        b: "archived",
    }
    assert typed(f"unarchive {b}") == f"{b} is back from the archive\n"
    typed(f"deploy {b}")


def test_list_and_show_say_how_good_a_version_is(typed, two, made_run) -> None:
    typed(f"deploy {two[0]}")
    metrics = made_run.result.metrics
    first = as_json(typed, "list")["applications"]["made_shop"][1]
    assert (first["version"], first["status"]) == (two[0], "live")
    assert (first["value"], first["low"], first["high"]) == (
        metrics["auc"],
        metrics["auc_low"],
        metrics["auc_high"],
    )
    shown = typed("list")
    assert f"AUC {metrics['auc']:.3f}" in shown and two[1][:8] in shown
    found = as_json(typed, "show live")
    assert found["metrics"] == metrics
    assert found["dataset"] == made_run.dataset.manifest["digest"]
    assert found["settings"]["units"] == SETTINGS["units"]
    assert found["lineage"] == [two[0]]
    assert "1. deploy" in typed("show live")


def test_lineage_goes_back_to_the_first(typed, two, bundles) -> None:
    root = "elsewhere"
    a, b = two
    typed(f"add {bundles[0]} --registry {root}")
    typed(f"add {bundles[1]} --registry {root} --parent {a}")
    assert as_json(typed, f"show {b} --registry {root}")["lineage"] == [b, a]
    assert a in typed(f"show {b} --registry {root}")


def test_compare_names_what_differs(typed, two, made_run) -> None:
    found = as_json(typed, f"compare {two[0]} {two[1]}")
    assert found["versions"] == two
    assert found["metrics"][0] == made_run.result.metrics
    assert all(found["same"].values())
    assert found["settings"] == {
        "epochs": [SETTINGS["epochs"], 1],
        "units": [SETTINGS["units"], 4],
    }
    assert found["packages"] == {}
    rows = {name: pair for name, *pair in found["measures"]}
    auc = made_run.result.metrics["auc"]
    assert rows["AUC"][0].startswith(f"{auc:.3f} (") and len(rows) >= 8
    assert "the same examples" in found["says"]
    shown = typed(f"compare {two[0]} {two[1]} --plot new/compare.png")
    assert "settings: units" in shown and "Average precision" in shown
    assert "Chart: new/compare.png" in shown
    assert Path("new/compare.png").read_bytes()[:4] == b"\x89PNG"


def test_history_draws(typed, two) -> None:
    for version in (*two, *two):
        typed(f"deploy {version}")
    typed("revert")
    assert typed("history --plot history.svg").endswith("Chart: history.svg\n")
    assert "<svg" in Path("history.svg").read_text()
    write_bundle("bare", {"model": b""}, {"application": "made_shop"})
    bare = as_json(typed, "add bare")["version"]
    said = typed("history --plot history.svg")
    assert said.endswith(f"Chart: history.svg (without {bare[:8]}: no AUC)\n")
    assert as_json(typed, "history --plot history.svg")["not_drawn"] == [bare]


# Where the registry is, and mistakes.


def test_the_registry_of_the_environment(typed, two, monkeypatch, tmp_path) -> None:
    typed(f"deploy {two[0]}")
    monkeypatch.setenv("ZAP_REGISTRY", str(tmp_path / "models"))
    os.chdir("/")
    assert as_json(typed, "show live")["version"] == two[0]
    monkeypatch.setenv("ZAP_REGISTRY", "memory://nothing-here")
    assert typed("list").startswith("No versions in memory://nothing-here. Add one")
    assert as_json(typed, "list") == {
        "registry": "memory://nothing-here",
        "applications": {},
    }


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("show zzzz", "There are: "),
        ("show live", "zap models deploy"),
        ("revert", "zap models deploy"),
        ("revert --from VERSION", "that is live"),
        ("deploy 0000", "Expected one version of made_shop"),
        ("compare live previous", "that is live"),
        ("show live --application other", "There are: made_shop"),
        ("list --application ../x", "application's name"),
        ("list --registry nowhere://x", "that fsspec knows"),
        ("add nothing", "does not exist"),
        ("history --plot a.nothing", "Use .png or .svg"),
        ("show live --registry gone", "none; add one with zap models add"),
    ],
)
def test_mistakes(typed, two, line: str, words: str) -> None:
    said = typed(line.replace("VERSION", two[0]), 2)
    assert words in said and said.startswith(f"zap models {line.split()[0]}: ")


def test_several_applications_need_a_name(typed, two, bundles) -> None:
    typed(f"add {bundles[1]} --application other")
    assert "There are: made_shop, other" in typed("show live", 2)
    assert set(as_json(typed, "list")["applications"]) == {"made_shop", "other"}
    assert set(as_json(typed, "list --application other")["applications"]) == {"other"}


def test_a_damaged_version_is_listed_with_the_reason(typed, two) -> None:
    folder = Path("models/made_shop/versions")
    (folder / two[0] / "bundle.json").write_text("{}")
    (folder / two[1] / "metrics.json").write_text("{}")
    problems = {
        one["version"]: one["problem"]
        for one in as_json(typed, "list")["applications"]["made_shop"]
    }
    assert "bundle.json or COMPLETED has changed" in problems[two[0]]
    assert "metrics.json has changed" in problems[two[1]]
    assert "has changed" in typed("list")
    assert "has changed" in typed(f"deploy {two[0]}", 2)
    assert "metrics.json has changed" in typed(f"compare {two[1]} {two[1]}", 2)
    assert "with metrics to draw" in typed("history --plot x.png", 2)
