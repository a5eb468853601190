"""The made-up site can be imported."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "sites"))
sys.path.append(str(Path(__file__).parents[2]))
