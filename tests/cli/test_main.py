"""Every command: its help, its JSON, and what it says of a user's mistakes."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from made_rows import FIRST, made_row, made_rows, write_rows
from made_run import MAPPING, MadeRun
from made_versions import made_bundle

import zap
from zap.bundles.registry import Registry
from zap.cli import main as cli
from zap.cli.command import Group
from zap.cli.main import COMMANDS, main

SITES = Path(__file__).parents[1] / "sites"
ROWS = made_rows(40)


def zap_process(*arguments: str, **more) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(SITES), str(Path(zap.__file__).parents[1])])
    return subprocess.run(
        [sys.executable, "-m", "zap.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=dict(os.environ, PYTHONPATH=path),
        **more,
    )


# What every command has.


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_has_an_example_that_can_be_parsed(command, capsys) -> None:
    with pytest.raises(SystemExit) as done:
        main([command.name, "--help"])
    shown = capsys.readouterr()
    assert done.value.code == 0 and shown.err == ""
    assert f"example:\n  {command.example}\n" in shown.out
    assert "--json" in shown.out
    words = command.example.split()
    assert words[:2] == ["zap", command.name]
    from zap.cli.main import build_parser

    args, rest = build_parser().parse_known_args(words[1:])
    assert args.command == command.name and rest == []


def test_help_of_all_names_every_command(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(
        command.name in shown and command.summary in shown for command in COMMANDS
    )


def test_the_version(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"zap {zap.__version__}\n"


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["fly"],
        ["new"],
        ["new", "x", "--fast"],
        ["train"],
        ["evaluate", "--bundle", "b"],
    ],
)
def test_a_wrong_command_line_exits_with_2(argv: list[str], capsys) -> None:
    with pytest.raises(SystemExit) as done:
        main(argv)
    shown = capsys.readouterr()
    assert done.value.code == 2
    assert shown.out == "" and "usage: zap" in shown.err


def test_help_is_quick_to_import() -> None:
    """A command imports what it needs when it runs."""
    program = (
        "import sys; from zap.cli.main import build_parser; build_parser(); "
        "print([m for m in ('tensorflow', 'apache_beam', 'pyarrow', 'numpy') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


EVERY = [
    each
    for command in COMMANDS
    for each in (command.commands if isinstance(command, Group) else [command])
]
PUBLISH_AT_THE_END = {"generate", "train", "evaluate", "verify", "check", "new"}
PUBLISH_AT_THE_END |= {"simulate", "snapshots", "analyse"}


def stopped(example: str, monkeypatch, capsys, run=None) -> str:
    """What a command says when Ctrl-C comes while it runs."""

    def pressed(args):
        raise KeyboardInterrupt

    def chosen(command):
        if isinstance(command, Group):
            return replace(command, commands=tuple(map(chosen, command.commands)))
        return replace(command, run=run or pressed)

    with monkeypatch.context() as patched:
        patched.setattr(cli, "COMMANDS", tuple(map(chosen, COMMANDS)))
        assert main(shlex.split(example)[1:]) == 130
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1
    return shown.err


@pytest.mark.parametrize("command", EVERY, ids=lambda command: command.name)
def test_ctrl_c_ends_with_what_is_true(command, monkeypatch, capsys) -> None:
    said = stopped(command.example, monkeypatch, capsys)
    assert said.endswith(f": stopped; {command.stopped}\n")
    nothing = "nothing was published" in said
    publishes = command in COMMANDS and command.name in PUBLISH_AT_THE_END
    assert nothing == publishes


def test_ctrl_c_after_a_deployment(tmp_path, monkeypatch, capsys) -> None:
    """The step was done, and what is said of it is true all the same."""
    registry = Registry(tmp_path, "shop")
    version = registry.add(made_bundle(tmp_path / "bundles", 0))

    def deployed(args):
        registry.deploy(args.version)
        raise KeyboardInterrupt

    line = f"zap models deploy {version}"
    said = stopped(line, monkeypatch, capsys, deployed)
    assert said == (
        "zap models deploy: stopped; it was done whole or not at all: zap models "
        "history says which\n"
    )
    assert registry.live() == version


# One folder in the place of another.


def test_a_dataset_is_no_bundle_and_a_bundle_no_dataset(
    made_run: MadeRun, tmp_path: Path, capsys
) -> None:
    dataset, bundle = str(made_run.work / "dataset"), str(made_run.work / "bundle")
    assert main(["verify", dataset]) == 2
    said = capsys.readouterr().err
    assert f"path={dataset}, which is a dataset of examples" in said
    assert "zap train" in said
    assert main(["train", "--examples", bundle, "--output", str(tmp_path / "b")]) == 2
    assert f"examples={bundle}, a bundle. Give the" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no such file. Correct it."),
        ("{", "Expecting property name"),
        ("[]", "it holds a list, not an object. Correct it."),
    ],
)
def test_settings_that_cannot_be_read(
    text, said, made_run: MadeRun, tmp_path: Path, capsys
) -> None:
    path = tmp_path / "c.json"
    if text is not None:
        path.write_text(text)
    examples = ["--examples", str(made_run.work / "dataset")]
    output = ["--output", str(tmp_path / "b"), "--config", str(path)]
    assert main(["train", *examples, *output]) == 2
    assert f"Received: config={path}: {said}" in capsys.readouterr().err


# Standard output that takes no more.


def listing(folder: Path, out: Any, *arguments: str) -> subprocess.CompletedProcess:
    """``zap models`` on a registry of one version, with its answer to ``out``."""
    Registry(folder / "models", "shop").add(made_bundle(folder / "bundles", 0))
    place = ["--registry", str(folder / "models")]
    return subprocess.run(
        [sys.executable, "-m", "zap.cli.main", "models", *arguments, *place],
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(os.environ, PYTHONPATH=str(Path(zap.__file__).parents[1])),
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list"], ""),
        (["list", "--json"], ""),
        (["show", "live", "--json"], "zap models show: Expected a version"),
    ],
    ids=" ".join,
)
def test_a_reader_that_has_left_is_no_trouble(arguments, said, tmp_path: Path) -> None:
    """``zap ... | true``: no traceback, and what is wrong is said all the same."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        done = listing(tmp_path, pipe, *arguments)
    assert done.returncode == 1
    assert done.stderr.startswith(said) and done.stderr.count("\n") == bool(said)


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["table", "json"])
def test_a_full_disk_behind_stdout_is_said(form, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = listing(tmp_path, full, "list", *form)
    assert done.returncode == 2
    assert done.stderr.startswith("zap models list: Expected a path that can be")
    assert "standard output" in done.stderr and done.stderr.count("\n") == 1


# The stages, one after another, as a user types them.


def only_json(text: str) -> dict:
    """The one JSON object on stdout."""
    assert text.count("\n") == 1 and text.endswith("\n")
    return json.loads(text)


def test_the_stages_one_by_one_are_the_whole_run(
    made_run: MadeRun, tmp_path: Path, capfd
) -> None:
    examples, bundle = str(tmp_path / "examples"), str(tmp_path / "bundle")
    generate = ["generate", "--generator", "made_shop:MadeShop", "--output", examples]
    generate += ["--split", "subject:0.6,0.2,0.2", "--input", *made_run.inputs]
    assert main([*generate, "--json"]) == 0
    made = only_json(capfd.readouterr().out)
    assert made["dataset"] == examples
    assert made["manifest"]["digest"] == made_run.dataset.manifest["digest"]
    train = ["train", "--examples", examples, "--output", bundle]
    train += ["--config", str(made_run.config), "--work-dir", str(tmp_path / "state")]
    assert main([*train, "--json"]) == 0
    trained = only_json(capfd.readouterr().out)
    assert trained == {
        "bundle": bundle,
        "device": {"kind": "CPU", "name": "", "there": 0},
        "metrics": made_run.result.metrics,
    }
    evaluate = ["evaluate", "--bundle", bundle, "--json"]
    assert main([*evaluate, "--examples", examples]) == 0
    assert only_json(capfd.readouterr().out) == made_run.result.metrics
    raw = ["--generator", "made_shop:MadeShop", "--input", *made_run.inputs]
    assert main([*evaluate, *raw]) == 0
    every = sum(s["examples"] for s in made["manifest"]["splits"].values())
    assert only_json(capfd.readouterr().out)["n"] == every


def test_the_whole_run_prints_one_object_and_nothing_else(
    made_run: MadeRun, tmp_path: Path
) -> None:
    done = zap_process(
        *("run", "made_shop:MadeShop", "--input", *made_run.inputs),
        *("--output", tmp_path / "work", "--config", made_run.config),
        *("--split", "subject:0.6,0.2,0.2", "--json"),
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    found = only_json(done.stdout)
    assert found["metrics"] == made_run.result.metrics
    assert Path(found["report"]).stat().st_size > 10_000
    assert Path(found["bundle"], "COMPLETED").is_file()


def test_what_people_see(made_run: MadeRun, tmp_path: Path, capsys) -> None:
    report = str(tmp_path / "r" / "report.html")
    argv = ["evaluate", "--bundle", str(made_run.work / "bundle"), "--examples"]
    argv += [str(made_run.work / "dataset"), "--report", report]
    assert main(argv) == 0
    shown = capsys.readouterr()
    assert "will this visit end in a purchase?" in shown.out
    assert f"Report: {report}" in shown.out.replace("\n", "")
    assert shown.err == ""
    assert "the test split" in Path(report).read_text()


def test_new_says_what_to_do_next(tmp_path: Path, capsys) -> None:
    assert main(["new", "signup", "--output", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "zap run signup:Signup --input" in shown
    assert main(["new", "other", "--output", str(tmp_path), "--json"]) == 0
    files = only_json(capsys.readouterr().out)["files"]
    assert all(Path(path).is_file() for path in files)


def test_an_estimated_range_is_warned_of(made_run: MadeRun, tmp_path, capsys) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text(Path(MAPPING).read_text().partition("[observed]")[0])
    argv = ["generate", "--generator", "made_shop:MadeShop", "--mapping", str(mapping)]
    argv += ["--input", *made_run.inputs, "--json"]
    assert main([*argv, "--output", str(tmp_path / "d")]) == 0
    shown = capsys.readouterr()
    assert only_json(shown.out)["manifest"]["observed"]["source"] == "estimated"
    assert shown.err.startswith("warning: the mapping does not say")
    assert "Declare [observed]" in shown.err
    argv = ["run", *argv[2:], "--output", str(tmp_path / "w")]
    assert main([*argv, "--config", str(made_run.config)]) == 0
    assert "warning: the mapping does not say" in capsys.readouterr().err


# Mistakes: one clear message, exit code 2, and nothing left at the output.


class Mistakes:
    """Runs a command that must be refused, and looks at what it left."""

    def __init__(self, folder: Path, capfd):
        self.folder, self._capfd = folder, capfd
        self.output = str(folder / "out" / "examples")

    def generate(self, *paths: str, name: str = "MadeShop", more=()) -> str:
        argv = ["generate", "--generator", f"made_shop:{name}", "--output", self.output]
        return self.refused(*argv, *more, "--input", *map(str, paths))

    def refused(self, *argv: str) -> str:
        """What stderr says; it is also in the JSON."""
        before = self._files()
        self._capfd.readouterr()
        assert main([*argv]) == 2
        shown = self._capfd.readouterr()
        assert shown.out == ""
        assert shown.err.startswith(f"zap {argv[0]}: ")
        assert shown.err.count("\n") == 1, shown.err
        assert "Traceback" not in shown.err and "Received: " in shown.err
        assert self._files() == before
        assert main([*argv, "--json"]) == 2
        said = only_json(self._capfd.readouterr().out)
        assert f"zap {argv[0]}: {said['message']}\n" == shown.err
        assert self._files() == before
        return shown.err

    def rows(self, rows: list[dict]) -> str:
        return write_rows(self.folder / "events.jsonl", rows)

    def _files(self) -> list[Path]:
        return sorted(self.folder.rglob("*"))


@pytest.fixture
def mistakes(tmp_path: Path, capfd) -> Mistakes:
    return Mistakes(tmp_path, capfd)


def test_a_missing_file(mistakes: Mistakes) -> None:
    said = mistakes.generate(mistakes.folder / "gone.jsonl")
    assert "gone.jsonl', which names none. Check the path" in said


def test_an_empty_file(mistakes: Mistakes) -> None:
    path = mistakes.folder / "empty.csv"
    path.touch()
    said = mistakes.generate(path)
    assert "empty.csv', which is empty. Remove it" in said


def test_a_wrong_column_in_the_mapping(mistakes: Mistakes) -> None:
    mapping = mistakes.folder / "m.toml"
    mapping.write_text(Path(MAPPING).read_text().replace('"visitor"', '"visitr"'))
    path = mistakes.folder / "events.csv"
    lines = [",".join(ROWS[0]), *(",".join(map(str, r.values())) for r in ROWS[:9])]
    path.write_text("\n".join(lines).replace("\x00", ""))
    said = mistakes.generate(path, more=["--mapping", str(mapping)])
    assert "column='visitr' (did you mean 'visitor'?)" in said
    assert "The file has: 'id', 'visitor', 'time'" in said
    # A JSON object need not have every key: only the job's end can tell.
    said = mistakes.generate(mistakes.rows(ROWS), more=["--mapping", str(mapping)])
    assert "Check the column that the mapping gives for anonymous_id" in said


def test_times_that_cannot_be_read(mistakes: Mistakes) -> None:
    said = mistakes.generate(mistakes.rows([dict(r, time="Tuesday") for r in ROWS]))
    assert "timestamp.unparsable" in said and "events.jsonl line 1" in said
    assert "time='Tuesday'" in said and "declare format" in said


def test_times_with_and_without_a_zone(mistakes: Mistakes) -> None:
    rows = [
        dict(r, time=r["time"][:19]) if i % 3 == 0 else r for i, r in enumerate(ROWS)
    ]
    said = mistakes.generate(mistakes.rows(rows))
    assert "timestamp.no_zone" in said and "add timezone to the mapping" in said


def test_a_truncated_file(mistakes: Mistakes) -> None:
    path = mistakes.folder / "events.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(ROWS).encode())[:-30])
    assert "events.jsonl.gz' (OSError: Truncated" in mistakes.generate(path)


def test_a_generator_that_raises_on_a_subject(mistakes: Mistakes) -> None:
    later = FIRST + timedelta(minutes=1)
    more = [
        made_row("glass", FIRST, "page_view", "/page/1"),
        made_row("glass", later, "page_view", "/fragile"),
    ]
    path = mistakes.rows([*ROWS, *more])
    said = mistakes.generate(path, name="Fragile")
    assert "subject='glass' in label(): KeyError: 'fragile'" in said
    assert "raise --max-bad-share" in said
    argv = ["generate", "--generator", "made_shop:Fragile", "--output", mistakes.output]
    assert main([*argv, "--input", path, "--max-bad-share", "0.05"]) == 0


@pytest.mark.parametrize("split", ["subjects", "subject:0.5,0.5", "time:a,b"])
def test_an_unknown_split(mistakes: Mistakes, split: str) -> None:
    said = mistakes.generate(mistakes.rows(ROWS), more=["--split", split])
    assert "Received: " in said


def test_options_that_nobody_knows(mistakes: Mistakes) -> None:
    path = mistakes.rows(ROWS)
    said = mistakes.generate(path, more=["--colour=blue"])
    assert "Received: --colour" in said
    said = mistakes.generate(path, more=["--direct_num_workers=two"])
    assert "invalid int value: 'two'" in said
    said = mistakes.generate(path, more=["--runner=DirectRunner"])
    assert "which may choose another" in said


def test_an_unknown_generator(mistakes: Mistakes) -> None:
    argv = ["--output", mistakes.output]
    said = mistakes.refused("generate", "--generator", "cdnow", *argv)
    assert "There are: advertiser_churn, cdnow_orders, cdnow_repurchase" in said
    said = mistakes.refused("generate", "--generator", "made_shop:Made", *argv)
    assert "It defines: MadeShop" in said


def test_an_output_that_cannot_be(mistakes: Mistakes) -> None:
    path = mistakes.rows(ROWS)
    mistakes.output = path
    assert "does not exist yet" in mistakes.generate(path)
    mistakes.output = f"{path}/inside"
    assert "that can be made" in mistakes.generate(path)


@pytest.mark.parametrize(
    ("name", "words"),
    [("NeverBuys", "no positive labels"), ("AlwaysBuys", "all labels are positive")],
)
def test_labels_of_one_class(made_run: MadeRun, mistakes, name, words) -> None:
    examples = str(mistakes.folder / "examples")
    argv = ["generate", "--generator", f"made_shop:{name}", "--output", examples]
    argv += ["--split", "subject:0.6,0.2,0.2", "--input", *made_run.inputs]
    assert main(argv) == 0
    bundle = str(mistakes.folder / "bundle")
    said = mistakes.refused("train", "--examples", examples, "--output", bundle)
    assert words in said and "Check the label" in said


def copied(made_run: MadeRun, folder: Path) -> Path:
    return Path(shutil.copytree(made_run.work / "dataset", folder / "examples"))


def test_a_truncated_tfrecord(made_run: MadeRun, mistakes: Mistakes) -> None:
    examples = copied(made_run, mistakes.folder)
    part = examples / "train" / "part-00000.tfrecord"
    part.write_bytes(part.read_bytes()[:-9])
    argv = ["--examples", str(examples), "--output", str(mistakes.folder / "b")]
    said = mistakes.refused("train", *argv)
    assert f"path={part}: it is truncated within a record. Generate" in said
    part.unlink()
    assert "which is missing" in mistakes.refused("train", *argv)


def test_a_dataset_that_is_not_complete(made_run: MadeRun, mistakes: Mistakes) -> None:
    examples = copied(made_run, mistakes.folder)
    (examples / "COMPLETED").unlink()
    argv = ["--examples", str(examples), "--output", str(mistakes.folder / "b")]
    assert "a directory without COMPLETED: its job" in mistakes.refused("train", *argv)
    bundle = str(made_run.work / "bundle")
    said = mistakes.refused("evaluate", "--bundle", bundle, "--examples", str(examples))
    assert "without COMPLETED" in said
    shutil.rmtree(examples)
    assert "no such directory" in mistakes.refused("train", *argv)


def test_a_bundle_of_another_encoder(made_run: MadeRun, mistakes: Mistakes) -> None:
    bundle = ["--bundle", str(made_run.work / "bundle")]
    other = ["--generator", "made_shop:OtherInstance", "--input", *made_run.inputs]
    said = mistakes.refused("evaluate", *bundle, *other)
    assert "made for another encoder" in said and "train anew" in said
    examples = str(mistakes.folder / "examples")
    assert main(["generate", *other, "--output", examples]) == 0
    said = mistakes.refused("evaluate", *bundle, "--examples", examples)
    assert "another encoder" in said


def test_a_damaged_bundle(made_run: MadeRun, mistakes: Mistakes) -> None:
    bundle = Path(shutil.copytree(made_run.work / "bundle", mistakes.folder / "bundle"))
    model = bundle / "model.tflite"
    model.write_bytes(model.read_bytes()[:-1])
    argv = ["--bundle", str(bundle), "--examples", str(made_run.work / "dataset")]
    assert "model.tflite has changed" in mistakes.refused("evaluate", *argv)
    shutil.rmtree(bundle)
    assert "does not exist" in mistakes.refused("evaluate", *argv)


def test_an_output_that_is_taken(made_run: MadeRun, mistakes: Mistakes) -> None:
    work = str(made_run.work)
    argv = ["--input", *made_run.inputs, "--output", work]
    said = mistakes.refused("run", "made_shop:MadeShop", *argv)
    assert "pass --replace to replace an earlier run" in said
    mistakes.output = f"{work}/dataset"
    assert "pass --replace" in mistakes.generate(*made_run.inputs)
    train = ["--examples", f"{work}/dataset", "--output", f"{work}/bundle"]
    assert "pass --replace" in mistakes.refused("train", *train)


def test_a_report_that_cannot_be_written(made_run: MadeRun, mistakes) -> None:
    (mistakes.folder / "file").touch()
    work = made_run.work
    argv = ["--bundle", f"{work}/bundle", "--examples", f"{work}/dataset"]
    report = ["--report", str(mistakes.folder / "file" / "report.html")]
    assert "a path that can be" in mistakes.refused("evaluate", *argv, *report)


def test_settings_that_do_not_exist(made_run: MadeRun, mistakes: Mistakes) -> None:
    config = mistakes.folder / "config.json"
    config.write_text('{"unit": 3}')
    argv = ["--examples", f"{made_run.work}/dataset", "--config", str(config)]
    said = mistakes.refused("train", *argv, "--output", str(mistakes.folder / "b"))
    assert "Received: unit=3" in said


@pytest.mark.parametrize("option", ["--output", "--work-dir", "--log-dir"])
def test_a_place_that_cannot_be_is_told_before_training(
    option: str, made_run: MadeRun, mistakes: Mistakes, monkeypatch
) -> None:
    monkeypatch.setattr("zap.jobs.train.train_bundle", lambda *_, **__: 1 // 0)
    (mistakes.folder / "file").touch()
    places = {"--output": str(mistakes.folder / "b")}
    places[option] = str(mistakes.folder / "file" / "below")
    argv = ["--examples", f"{made_run.work}/dataset"]
    said = mistakes.refused("train", *argv, *itertools.chain(*places.items()))
    assert f"{mistakes.folder}/file is not a folder" in said


def test_a_mistake_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = zap_process(
        *("generate", "--generator", "made_shop:MadeShop", "--input", "gone.csv"),
        *("--output", "examples"),
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("zap generate: Expected at least one file")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


HEAVY = """
import sys
from zap.cli.main import main
code = main(sys.argv[1:])
print(code, [m for m in ("apache_beam", "tensorflow", "keras") if m in sys.modules])
"""


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("run cdnow_repurchase --input gone.csv --output w", "gone.csv"),
        ("run cdnow_repurchase --config gone.json --output w", "gone.json"),
        ("run cdnow_repurchase --output taken", "output=taken"),
        ("run cdnow_repurchase --output w --split odd", "split="),
        ("run cdnow_repurchase --output w --split none", '"by": "none"'),
        ("run cdnow_repurchase --output w --split subject:0.8,0.2,0", "a share"),
        ("run cdnow_repurchase --output w --max-bad-share 2", "max_bad_share=2"),
        ("generate --generator cdnow --output d", "There are:"),
        ("generate --generator cdnow_repurchase --output d --shards 0", "shards=0"),
        ("generate --generator cdnow_repurchase --output taken", "output=taken"),
        ("score shop --input gone.csv --at 2024-01-01 --output o", "that is live"),
        ("follow shop --input gone --mapping gone.toml --output o", "gone.toml"),
        ("evaluate --bundle gone --examples gone", "gone"),
        ("train --examples gone --output b", "examples=gone"),
        ("tune --examples gone --output b", "examples=gone"),
        ("check cdnow_repurchase --mapping gone.toml", "gone.toml"),
        ("verify gone", "gone"),
        ("retrain shop --config gone.json", "gone.json"),
        ("retrain shop --until tomorrow", "tomorrow"),
    ],
)
def test_a_plain_mistake_is_told_before_what_is_slow_to_import(
    command: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    done = subprocess.run(
        [sys.executable, "-c", HEAVY, *shlex.split(command)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(zap.__file__).parents[1])},
    )
    assert (done.stdout, said in done.stderr) == ("2 []\n", True), done.stderr
