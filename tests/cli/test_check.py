"""``zap check`` as people type it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from made_rows import made_rows, write_files

from zap.cli.main import main


@pytest.fixture
def argv(tmp_path: Path) -> list[str]:
    return ["--input", *write_files(tmp_path / "raw", made_rows(60)), "--rounds", "1"]


def test_a_verdict_that_can_be_read(argv, tmp_path: Path, capsys) -> None:
    certificate, plot = tmp_path / "c.json", tmp_path / "p.svg"
    more = ["--output", str(certificate), "--plot", str(plot)]
    assert main(["check", "made_shop:MadeShop", *argv, *more]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("made_shop: passed (")
    assert "passed   mutation: what comes after a cutoff changes nothing" in shown.out
    assert f"Certificate: {certificate}" in shown.out
    assert json.loads(certificate.read_text())["digest"] in shown.out
    assert plot.stat().st_size > 1_000
    assert shown.err == ""


@pytest.mark.parametrize(
    ("name", "verdict", "words"),
    [
        ("AtTheOutcome", "anticipates", "BeforeOutcome anticipates"),
        ("Peeks", "failed", "is_cutoff(self, past) knows more than the past"),
    ],
)
def test_an_answer_that_is_no_exits_with_1(argv, capsys, name, verdict, words) -> None:
    assert main(["check", f"made_leaks:{name}", *argv]) == 1
    assert words in capsys.readouterr().out
    assert main(["check", f"made_leaks:{name}", *argv, "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["verdict"] == verdict == said["certificate"]["verdict"]


def test_a_mistake_exits_with_2(argv, capsys) -> None:
    assert main(["check", "made_shop:MadeShop", *argv, "--events", "0"]) == 2
    assert "Received: events=0" in capsys.readouterr().err
    assert main(["check", "made_shop:MadeShop", *argv, "--plot", "p.txt"]) == 2
    said = capsys.readouterr()
    assert "Use .png or .svg" in said.err and not said.out
    assert main(["check", "no_such_thing"]) == 2


def test_bad_rows_are_no_events_to_prove(argv, tmp_path: Path, capsys) -> None:
    """A check of what is left when most of the rows are bad would say nothing."""
    rows = [{**row, "cart": "seven"} for row in made_rows(60)[:10]]
    bad = write_files(tmp_path / "bad", rows, 1)
    asked = ["check", "made_shop:MadeShop", "--rounds", "1", "--input"]
    assert main([*asked, *bad]) == 2
    said = capsys.readouterr().err
    assert "Received: 10 of 10 (property.cart.not_int 10). The first: " in said
    assert "line 1" in said and "cart='seven'" in said
    assert main([*asked, *argv[1:-2], *bad]) == 2
    assert main([*asked, *argv[1:-2], *bad, "--max-bad-share", "0.5"]) == 0


def test_a_method_that_raises_is_not_proven(tmp_path: Path, capsys) -> None:
    rows = made_rows(60)
    for row in rows[::7]:
        row["url"] = "https://shop.example/fragile"
    paths = write_files(tmp_path / "raw", rows)
    asked = ["check", "made_shop:Fragile", "--rounds", "1", "--input", *paths]
    assert main(asked) == 2
    said = capsys.readouterr().err
    assert "Expected the generator to raise on at most 1.0%" in said
    assert "in label(): KeyError: 'fragile'" in said
    assert main([*asked, "--max-bad-share", "1"]) == 0


def test_a_leak_stops_a_job_unless_it_is_not_checked(argv, tmp_path, capsys) -> None:
    output = tmp_path / "out" / "examples"
    job = ["generate", "--generator", "made_leaks:Peeks", *argv[:-2]]
    job += ["--output", str(output)]
    assert main(job) == 2
    assert "zap generate: Expected examples of peeks that know" in (
        capsys.readouterr().err
    )
    assert not output.parent.exists()
    assert main([*job, "--no-check"]) == 0
    shown = capsys.readouterr()
    assert "(by --no-check)" in shown.err and "not checked" in shown.out


def test_the_check_loads_no_beam(argv) -> None:
    import subprocess

    code = "import sys; from zap.cli.main import main; main(sys.argv[1:])\n"
    code += "print(*sorted({'apache_beam', 'tensorflow', 'matplotlib'} & "
    code += "set(sys.modules)), file=sys.stderr)"
    site = Path(__file__).parents[1] / "sites"
    done = subprocess.run(
        [sys.executable, "-c", code, "check", "made_shop:MadeShop", *argv],
        cwd=site,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr.strip()) == (0, "")
