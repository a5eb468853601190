"""Names in a registry: applications, versions, and who does something.

An application's name becomes a folder, so it can't hold what leads elsewhere.
"""

from __future__ import annotations

import getpass
import os
import re
from datetime import UTC, datetime

from zap.errors import RegistryError

APPLICATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
VERSION = re.compile(r"[0-9a-f]{16}")
LIVE, PREVIOUS = "live", "previous"
SHORTEST_PREFIX = 4


def checked_application(name: str) -> str:
    """The name, if it can be that of an application.

    Raises:
        RegistryError: it can't.
    """
    if not APPLICATION.fullmatch(name):
        raise RegistryError(
            "Expected an application's name of 1 to 64 letters, digits, _ and -, the "
            f"first a letter or digit. Received: application={name!r}. Choose another."
        )
    return name


def is_version(text: str) -> bool:
    """Whether a text is the whole of a version."""
    return VERSION.fullmatch(text) is not None


def user_name() -> str:
    """Who runs this process; its number where it has no name, as in some containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def now() -> str:
    """This moment in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
