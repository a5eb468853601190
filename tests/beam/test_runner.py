"""The runner that is named is the one that runs, and no option is misspelt."""

from __future__ import annotations

import pytest
from apache_beam.options.pipeline_options import DirectOptions, StandardOptions
from apache_beam.runners.portability.fn_api_runner.fn_runner import FnApiRunner

from zap.beam.runner import make_pipeline, parse_options, shares_disk
from zap.errors import InputError


@pytest.mark.parametrize(
    "args", [[], ["--runner=FnApiRunner"], ["--runner=fnapirunner"]]
)
def test_local_work_runs_on_fn_api_runner(args: list[str]) -> None:
    assert type(make_pipeline(args).runner) is FnApiRunner


@pytest.mark.parametrize("name", ["DirectRunner", "direct", "SwitchingDirectRunner"])
def test_a_runner_that_may_choose_another_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"Received: runner={name}, which may choose"):
        make_pipeline([f"--runner={name}"])


def test_an_unknown_runner_is_named() -> None:
    with pytest.raises(InputError, match="Received: runner=NoSuchRunner"):
        make_pipeline(["--runner=NoSuchRunner"])


def test_options_reach_beam() -> None:
    args = ["--direct_num_workers", "3", "--direct_running_mode=multi_processing"]
    options = make_pipeline(args).options.view_as(DirectOptions)
    assert options.direct_num_workers == 3
    assert options.direct_running_mode == "multi_processing"


def test_threads_that_may_mix_up_elements_are_refused() -> None:
    with pytest.raises(InputError, match="direct_running_mode=multi_threading"):
        make_pipeline(["--direct_running_mode=multi_threading"])


@pytest.mark.parametrize(
    ("args", "named"),
    [
        (["--layuot=instances"], "--layuot"),
        (["--layuot", "instances"], "--layuot"),
        (["--fast"], "--fast"),
        (["events.jsonl"], "events.jsonl"),
        (["--direct_num_workers=2", "events.jsonl"], "events.jsonl"),
    ],
)
def test_a_slip_of_the_pen_is_refused(args: list[str], named: str) -> None:
    with pytest.raises(InputError, match=f"Received: {named}"):
        parse_options(args)


@pytest.mark.parametrize("value", ["--direct_num_workers=two", "--direct_num_workers"])
def test_a_value_that_does_not_fit_is_refused(value: str, capfd) -> None:
    with pytest.raises(InputError, match="argument --direct_num_workers"):
        parse_options([value])
    assert capfd.readouterr().err == ""


def test_another_runner_may_have_options_of_its_own() -> None:
    options = parse_options(["--runner=FlinkRunner", "--some_job_server_option=1"])
    assert options.view_as(StandardOptions).runner == "FlinkRunner"


EXTERNAL = ("--environment_type=EXTERNAL", "--environment_config=there:50000")


@pytest.mark.parametrize(
    ("args", "shared"),
    [
        ([], True),
        (["--direct_num_workers=2"], True),
        (["--runner=PrismRunner"], True),
        (["--runner=PrismRunner", "--job_endpoint=there:8073"], False),
        (["--runner=PrismRunner", *EXTERNAL], False),
        (["--runner=FlinkRunner", "--flink_master=there:8081"], False),
        (["--runner=FlinkRunner", "--flink_master=[local]"], False),
        (["--runner=PortableRunner", "--job_endpoint=embed"], False),
    ],
)
def test_places_on_a_disk_travel_only_where_all_workers_share_it(
    args: list[str], shared: bool
) -> None:
    assert shares_disk(make_pipeline(args)) is shared
