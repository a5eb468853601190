"""``zap generate`` as a script, for schedulers and runners."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from zap.cli.main import main as zap


def main(argv: Sequence[str] | None = None) -> int:
    """Run the stage; the arguments of the process if ``argv`` is None."""
    return zap(["generate", *(sys.argv[1:] if argv is None else argv)])


if __name__ == "__main__":
    sys.exit(main())
