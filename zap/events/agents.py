"""Names the browser, the system and the device of a user agent.

The patterns are ua-parser's; they improve with every release, so the version belongs
to the fingerprint of an encoder: another release may give another family, and with it
another hash bucket.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from zap.errors import MissingExtraError

if TYPE_CHECKING:
    from ua_parser import Parser

MAX_AGENT_CHARS = 2048


@dataclass(frozen=True)
class Agent:
    """What an agent says about itself.

    Attributes:
        family: the browser or application ("Mobile Safari"), without its version.
        os: the operating system ("iOS"), without its version.
        device: the kind of device ("iPhone").

    A part that is not recognised is None.
    """

    family: str | None = None
    os: str | None = None
    device: str | None = None


def parse_agent(text: str) -> Agent:
    """Name the parts of a user agent.

    Args:
        text: the header as it was sent; only its first 2,048 characters count.

    Returns:
        The parts; all None for a text that says nothing.

    Raises:
        MissingExtraError: ua-parser is not installed.
    """
    if not text.strip():
        return Agent()
    return _parse(text[:MAX_AGENT_CHARS])


@functools.lru_cache(maxsize=8192)
def _parse(text: str) -> Agent:
    found = _parser().parse(text)
    return Agent(
        family=found.user_agent.family if found.user_agent else None,
        os=found.os.family if found.os else None,
        device=found.device.family if found.device else None,
    )


@functools.cache
def _parser() -> Parser:
    """The pure Python matcher, always the same one.

    ua-parser's own default takes the fastest engine that is installed; naming one keeps
    a server and a worker with different engines from ever differing.
    """
    try:
        from ua_parser import BasicResolver, Parser
        from ua_parser.loaders import load_builtins
    except ImportError as error:
        raise MissingExtraError("ua-parser", "serve") from error
    return Parser(BasicResolver(load_builtins()))


def agent_parser_version() -> str:
    """The versions of the parser and of its patterns, for fingerprints.

    Raises:
        MissingExtraError: ua-parser is not installed.
    """
    # Not the parser itself: it takes half a second to build.
    try:
        import ua_parser

        assert ua_parser
        return f"ua-parser {version('ua-parser')}, {version('ua-parser-builtins')}"
    except (ImportError, PackageNotFoundError) as error:
        raise MissingExtraError("ua-parser", "serve") from error
