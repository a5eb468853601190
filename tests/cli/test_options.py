"""Options that a command does not have, whatever else is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from zap.cli.main import build_parser, main
from zap.cli.options import Parser, meant, unknown


@pytest.mark.parametrize(
    ("argv", "slip", "wanted"),
    [
        (["follow", "shop", "--inptu", "archive"], "--inptu", "--input"),
        (["store", "rebuild", "--inptu=archive"], "--inptu", "--input"),
        (["train", "--example", "d", "--output", "b"], "--example", "--examples"),
        (["run", "cdnow_repurchase", "--outptu", "w"], "--outptu", "--output"),
        (["run", "cdnow_repurchase", "--max_bad_share=1"], "", "--max-bad-share"),
        (["simulate", "--ouput", "--json"], "--ouput", "--output"),
    ],
)
def test_a_slip_is_told_before_what_is_missing(
    argv: list[str], slip: str, wanted: str, capsys: Any
) -> None:
    with pytest.raises(SystemExit) as done:
        main(argv)
    said = capsys.readouterr().err
    assert done.value.code == 2
    assert f"unrecognized arguments: {slip}" in said
    assert f"(did you mean {wanted}?)" in said and "required" not in said


def test_an_option_that_is_like_none_is_told_alone(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--fast", "--quick=1"])
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith("error: unrecognized arguments: --fast --quick")


def test_values_are_no_options() -> None:
    own = ["--at", "--input"]
    given = ["--at", "2024", "--input=--x", "-v", "--a value", "--", "--late"]
    assert unknown(given, own) == []
    assert unknown(["--at", "--att", "--x=1"], own) == ["--att", "--x"]


def commands_with_beam() -> Iterator[Parser]:
    """The parsers of commands whose other options go to Beam."""
    (choices,) = (a.choices for a in build_parser()._actions if a.dest == "command")
    assert isinstance(choices, dict)
    for parser in choices.values():
        command = parser.get_default("chosen")
        if command is not None and command.takes_beam_options:
            yield parser


def test_no_option_of_beams_is_taken_for_a_slip() -> None:
    """By the list that Beam itself has of them."""
    from apache_beam.options.pipeline_options import (
        PipelineOptions,
        _BeamArgumentParser,
    )

    theirs = _BeamArgumentParser()
    for cls in [PipelineOptions, *PipelineOptions.__subclasses__()]:
        cls._add_argparse_args(theirs)
    names = {name for a in theirs._actions for name in a.option_strings}
    names = {name for name in names if name.startswith("--")}
    parsers = [*commands_with_beam()]
    assert len(names) > 100 and len(parsers) > 3
    for parser in parsers:
        own = [*parser._option_string_actions]
        refused = {n for n in unknown(sorted(names), own) if meant(n, own) is not None}
        assert refused <= {"--dry_run"}, parser.prog  # that one is ours, misspelt
