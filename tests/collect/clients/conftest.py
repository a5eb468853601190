"""One collector for the tests of a module, for the protocol that it names PROTOCOL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collect.clients.shared import Since, running
from tests.collect.real_collector import RealCollector

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks all tests of real clients as slow: programs and browsers are started."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="module")
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealCollector]:
    with running(tmp_path_factory.mktemp("shared"), request.module.PROTOCOL) as one:
        yield one


@pytest.fixture
def collector(shared: RealCollector) -> Since:
    return Since(shared)
