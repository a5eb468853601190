"""What all tests share: the real data, and skips that count as failures in CI.

A skip says what was missing, and begins with it: "needs server: ...", "needs extra:
..." or "needs data: ...". On a developer's machine that is honest. In CI, where
everything can be installed, a skip of the first two kinds would hide that nothing was
tested, so it fails there (``--strict-skips``, on when the variable CI is "true").
"""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

# Before the first import of what reads them: TensorFlow's notices, a drawing backend
# without a display, and no search for an accelerator.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import hypothesis
import pytest

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So it is below a shell that started this in the background, and in all that is
    # started here; but tests press Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)

IN_CI = os.environ.get("CI", "").lower() in ("1", "true")
FAILS_IN_CI = ("needs server:", "needs extra:", "could not import ")

# No deadline: a timed assertion fails on a busy machine. In CI the examples are the
# same at each run; by hand each run tries new ones.
hypothesis.settings.register_profile(
    "zap", deadline=None, derandomize=IN_CI, print_blob=True
)
hypothesis.settings.load_profile("zap")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that is too large, or not free, to be committed."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ZAP_SHARED_DATA") or beside)
    if not folder.is_dir():
        pytest.skip(
            f"needs data: expected a folder at {folder}; "
            "set ZAP_SHARED_DATA to where the real data are"
        )
    return folder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--strict-skips``."""
    parser.addoption(
        "--strict-skips",
        action="store_true",
        default=IN_CI,
        help="fail where a test is skipped because a server or an extra is missing",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turns a skip of a test into a failure where that is asked for."""
    report = yield
    return _judge(report, item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Turns a skip of a whole module into a failure where that is asked for."""
    report = yield
    return _judge(report, collector.config)


def _judge(report: Any, config: pytest.Config) -> Any:
    """The report, failed if it is a skip that ``--strict-skips`` does not allow."""
    if not (config.getoption("strict_skips") and report.skipped):
        return report
    if hasattr(report, "wasxfail") or not isinstance(report.longrepr, tuple):
        return report
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if reason.startswith(FAILS_IN_CI):
        report.outcome = "failed"
        report.longrepr = f"A skip that --strict-skips does not allow: {reason}"
    return report
