"""A whole run on the made-up site is shared."""

import pytest

pytest.importorskip("tensorflow")

from made_run import made_run  # noqa: F401
