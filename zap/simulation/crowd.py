"""Who is there and what they do: devices, visits and events, as flat columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from zap.encoding.columns import BoolArray, IntArray
from zap.simulation.steps import Steps


@dataclass(frozen=True)
class VisitRows:
    """What is known of each visit; arrays of shape (visits,).

    Attributes:
        device: int64: row of the device.
        campaign: int64: index into ``CAMPAIGNS``.
        number: int64: which visit of the device it is, from 1.
        buyer: bool: whether an earlier visit of the device ended in a purchase.
        intent: int64: what the visitor wanted, index into ``INTENTS``; -1 for bots.
        bought: bool: whether this one did.
    """

    device: IntArray
    campaign: IntArray
    number: IntArray
    buyer: BoolArray
    intent: IntArray
    bought: BoolArray

    def __len__(self) -> int:
        return len(self.device)

    @classmethod
    def joined(cls, parts: Sequence[VisitRows]) -> VisitRows:
        """The visits of all parts after one another."""
        return cls(
            *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls))
        )


@dataclass(frozen=True)
class Devices:
    """The devices of the people of a block.

    Attributes:
        person: int64, shape (devices,): whose it is; -1 for a bot's.
        mobile: bool, shape (devices,).
        account: bool, shape (devices,): whether that person has an account.
    """

    person: IntArray
    mobile: BoolArray
    account: BoolArray

    def __len__(self) -> int:
        return len(self.person)


@dataclass(frozen=True)
class Crowd:
    """Everything that the people of a block do.

    Attributes:
        devices: theirs.
        visits: all their visits.
        steps: the events of the visits; ``steps.visit`` is a row of ``visits``.
        logged_in: bool, shape (events,): the event carries the person's user_id.
    """

    devices: Devices
    visits: VisitRows
    steps: Steps
    logged_in: BoolArray


def together(people: Crowd, bots: Crowd) -> Crowd:
    """People first, then bots, with rows counted on."""
    rows = replace(bots.visits, device=bots.visits.device + len(people.devices))
    steps = counted_on(bots.steps, len(people.visits), len(people.steps))
    both = [people.devices, bots.devices]
    return Crowd(
        Devices(
            np.concatenate([devices.person for devices in both]),
            np.concatenate([devices.mobile for devices in both]),
            np.concatenate([devices.account for devices in both]),
        ),
        VisitRows.joined([people.visits, rows]),
        Steps.joined([people.steps, steps]),
        np.concatenate([people.logged_in, bots.logged_in]),
    )


def counted_on(steps: Steps, visits: int, events: int) -> Steps:
    """The events behind so many visits and events of others."""
    previous = np.where(steps.previous < 0, -1, steps.previous + events)
    return replace(steps, visit=steps.visit + visits, previous=previous)
