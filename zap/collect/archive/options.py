"""Bounds of an archive."""

from __future__ import annotations

from dataclasses import dataclass

from zap.errors import CollectError


@dataclass(frozen=True)
class ArchiveOptions:
    """Bounds of an archive.

    Attributes:
        ids_days: how long an event's id is known, so that it is not taken twice.
        tidy_s: seconds between looks for files to merge.
        keep_merged_s: seconds for which files stay that were merged, for readers who
            listed them before.
        most_bytes: of a merged file.
    """

    ids_days: int = 30
    tidy_s: float = 30
    keep_merged_s: float = 6 * 3600
    most_bytes: int = 256 << 20

    def __post_init__(self) -> None:
        for name, least in (("ids_days", 1), ("tidy_s", 0), ("keep_merged_s", 0)):
            value = getattr(self, name)
            if not value >= least:
                raise CollectError(
                    f"Expected an archive's {name} of at least {least}. "
                    f"Received: {name}={value!r}. Correct the setting."
                )
