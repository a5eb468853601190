"""Tells which rows a skip rule names."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from zap.encoding.columns import BoolArray
from zap.errors import MappingError
from zap.events.cells import mask_of
from zap.events.specs import SkipRule


def rule_matches(rule: SkipRule, texts: pa.Array) -> BoolArray:
    """The rows that a rule names.

    Args:
        rule: the rule.
        texts: the texts that it looks at, null where there is none.

    Raises:
        MappingError: its pattern is none that RE2 knows.
    """
    if rule.missing is not None:
        absent = mask_of(pc.is_null(texts))
        return absent if rule.missing else ~absent
    if rule.one_of:
        return mask_of(pc.is_in(texts, value_set=pa.array(rule.one_of, pa.string())))
    try:
        return mask_of(pc.match_substring_regex(texts, rule.matches))
    except pa.ArrowInvalid as error:
        raise MappingError(
            "Expected a regular expression that RE2 knows (no look-around, no "
            f"back-references). Received: skip.matches={rule.matches!r} ({error}). "
            "Write it without these."
        ) from error
