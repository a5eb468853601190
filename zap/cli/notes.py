"""What a user should know of a finished job though nothing went wrong; on stderr."""

from __future__ import annotations

import sys
from collections.abc import Mapping


def note_observed(observed: Mapping[str, str]) -> None:
    """Warn where the observed range of the data was only estimated.

    Args:
        observed: as in a dataset's manifest: ``from``, ``until``, ``source``.
    """
    if observed["source"] != "estimated":
        return
    print(
        "warning: the mapping does not say for which time the data are complete. "
        f"Estimated from the events: observed={observed['from']} to "
        f"{observed['until']}; labels that look further were left out. Declare "
        "[observed] from and until, or partitions, in the mapping.",
        file=sys.stderr,
    )
