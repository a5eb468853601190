"""Which subjects of the archive the log speaks of, told by keyed hashes.

The log holds a keyed hash of the name under which a prediction was asked for. Of a
person that is the id of a user or of a device, with or without the prefix that the
histories give it; so one hash may stand for several histories, and the moment of the
prediction says which one was known then.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from zap.datasets.recent import keyed_subject
from zap.encoding.subject_names import OF_DEVICE, OF_USER
from zap.histories.subjects import subject_hash


@dataclass
class Named:
    """The subjects that a log names.

    Attributes:
        key: the secret of the keyed hashes.
        keyed: the keyed hashes.
        owners: of persons: for each device the users that it was linked to.
        seen: those of the keyed hashes that were met.
    """

    key: bytes = field(repr=False)
    keyed: Collection[str]
    owners: Mapping[str, Sequence[str]] | None = None
    seen: set[str] = field(default_factory=set)
    _known: dict[str, bool] = field(default_factory=dict, repr=False)
    _devices: dict[str, list[str]] = field(default_factory=dict, repr=False)

    def with_owners(self, owners: Mapping[str, Sequence[str]]) -> Named:
        """The same for persons, whose devices are known by now."""
        devices: dict[str, list[str]] = {}
        for device, users in owners.items():
            for user in users:
                devices.setdefault(user, []).append(device)
        return replace(self, owners=owners, _devices=devices, _known={}, seen=set())

    def wants(self, name: str) -> bool:
        """Whether the events of a history are needed.

        Args:
            name: the subject's, as histories name it.
        """
        known = self._known.get(name)
        if known is None:
            met = [keyed for keyed in self._hashes(name) if keyed in self.keyed]
            self.seen.update(met)
            known = self._known[name] = bool(met)
        return known

    def rows_of(self, names: Sequence[str]) -> dict[str, list[int]]:
        """The rows that each keyed hash may stand for, the first choice first.

        Args:
            names: of the histories, one a row.
        """
        found: dict[str, list[tuple[int, int]]] = {}
        for row, name in enumerate(names):
            for rank, keyed in enumerate(self._hashes(name)):
                if keyed in self.keyed:
                    # A device's own history comes before its user's: it is told apart
                    # by when the two were linked.
                    found.setdefault(keyed, []).append((rank, row))
        return {keyed: [row for _, row in sorted(of)] for keyed, of in found.items()}

    def _hashes(self, name: str) -> list[str]:
        if self.owners is None:
            return [self._keyed(name)]
        plain = name.removeprefix(OF_USER).removeprefix(OF_DEVICE)
        own = [self._keyed(name), self._keyed(plain)]
        if not name.startswith(OF_USER):
            return own
        devices = self._devices.get(plain, [])
        linked = [
            self._keyed(f"{prefix}{d}") for d in devices for prefix in ("", OF_DEVICE)
        ]
        return [*own, *linked]

    def _keyed(self, name: str) -> str:
        return keyed_subject(self.key, subject_hash(name))
