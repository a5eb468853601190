"""The made-up site can be imported, and a whole run on it is shared."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "sites"))
pytest.importorskip("tensorflow")

from made_run import made_run  # noqa: F401
