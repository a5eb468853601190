"""What a source may ask to be checked and kept back, as `collect.toml` says it.

The settings of a source inherit from `CheckSettings`, so these keys stand beside its
others under ``[sources.NAME]``. Paths and names are checked when they are read: a rule
that is misspelt would be a rule that is not there.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class PrivacySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must not be written as it came; ``[sources.NAME.privacy]``.

    A path is dotted (``traits.email``), goes through lists, and quotes a key that has
    dots itself (``contexts."com.acme/user".email``). ``*.email`` is that key wherever
    it is.

    Attributes:
        drop: paths that are taken out.
        hash: paths whose values become a keyed hash: the same value has the same hash,
            so that joins and persons still work.
        hash_key_env: the environment variable with the key of the hash.
        hash_key_file: or the file with it.
        truncate_addresses: keep the network of IP addresses only, IPv4 /24, IPv6 /48.
        drop_query: names of URL parameters that are taken out of every URL.
    """

    drop: list[str] = []
    hash: list[str] = []
    hash_key_env: str = ""
    hash_key_file: str = ""
    truncate_addresses: bool = False
    drop_query: list[str] = []


class CheckSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done to the events of a source before they are written.

    Attributes:
        schemas: folder of JSON Schemas by type; empty checks none.
        on_invalid: events that do not fit become bad rows, or are kept with what is
            wrong in ``schema_errors``.
        unknown_types: the same of types that have no schema.
        privacy: what must not be written as it came.
    """

    schemas: str = ""
    on_invalid: Literal["bad", "keep"] = "bad"
    unknown_types: Literal["keep", "bad"] = "keep"
    privacy: PrivacySettings = PrivacySettings()
