"""The rows of a block as the two tables that go to disk.

Texts are columns of codes with a dictionary, which Parquet keeps; so a row costs a few
bytes, and no text is made for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zap.encoding.columns import BoolArray, IntArray
from zap.simulation import names
from zap.simulation.bots import KINDS
from zap.simulation.crowd import Crowd
from zap.simulation.flaws import (
    ABSURD_MS,
    ABSURD_TIME,
    FAULTS,
    NO_TIME,
    NO_TYPE,
    Sent,
)
from zap.simulation.shop import CAMPAIGNS, INTENTS
from zap.simulation.steps import BUY, FINE

PERSONS = 40_000
"""Most people of a block. Changing it changes every simulated event."""

EVENTS = ("page_view", "purchase")
# Written into every file.
LABEL = {b"simulated": b"true", b"made_by": b"zap simulate"}


@dataclass(frozen=True)
class Ids:
    """Texts that name things.

    Attributes:
        rows: of each row in order; a duplicate has that of its original.
        devices: the anonymous_id of each device.
        persons: the user_id of each person.
    """

    rows: pa.Array
    devices: pa.Array
    persons: pa.Array

    @classmethod
    def of(
        cls, seed: int, number: int, rows: IntArray, devices: int, persons: int
    ) -> Ids:
        """Names that no other block has, and devices' no other seed.

        Args:
            seed: of the simulation.
            number: of the block.
            rows: int64: each row's number within the block, below 2**32.
            devices: how many.
            persons: how many.
        """
        salts = names.mixed(np.array([2 * seed, 2 * seed + 1], np.uint64))
        block = number << 32
        return cls(
            names.hex_texts(block + rows),
            names.hex_texts(names.mixed((block + np.arange(devices)) ^ salts[0])),
            names.hex_texts(names.mixed((block + np.arange(persons)) ^ salts[1])),
        )


def events_table(
    random: np.random.Generator, crowd: Crowd, kind: IntArray, sent: Sent, ids: Ids
) -> pa.Table:
    """What a tracker would have sent.

    Args:
        random: the source of chance.
        crowd: people and bots of the block.
        kind: int64, shape (visits,): index into ``KINDS``.
        sent: the rows, in order.
        ids: the names of rows, devices and persons.
    """
    steps, visits, devices = crowd.steps, crowd.visits, crowd.devices
    event = sent.event
    visit = steps.visit[event]
    device = visits.device[visit]
    agents = names.agent_codes(
        random.integers(0, 2**31, len(devices)),
        devices.mobile,
        _declared_devices(crowd, kind),
    )
    url, referrer = _addresses(random, crowd, kind)
    page, fault = steps.page[event], sent.fault
    amount = np.round(5 + 60 * -np.log1p(-steps.item[event] / FINE), 2)
    columns = {
        "id": ids.rows,
        "anonymous_id": _coded(device, ids.devices),
        "user_id": _coded(devices.person[device], ids.persons, crowd.logged_in[event]),
        "timestamp": _times(steps.time_ms[event], fault),
        "received_at": pa.array(sent.received_ms),
        "event": _coded((page == BUY).astype(np.int8), EVENTS, fault != NO_TYPE),
        "url": _coded(url[event], names.addresses()),
        "referrer": _coded(referrer[event], names.addresses(), referrer[event] >= 0),
        "user_agent": _coded(agents[device], names.AGENTS),
        "campaign": _coded(visits.campaign[visit], CAMPAIGNS),
        "step": _coded(names.step_codes(steps, visits.campaign)[event], names.STEPS),
        "visit_number": pa.array(visits.number[visit].astype(np.int16)),
        "bought_before": pa.array(visits.buyer[visit]),
        "amount": pa.array(amount, mask=page != BUY),
    }
    return pa.table(columns).replace_schema_metadata(LABEL)


def truth_table(
    number: int, crowd: Crowd, kind: IntArray, sent: Sent, ids: Ids
) -> pa.Table:
    """What is known because it is a simulation, row by row; see ``events_table``."""
    steps, visits = crowd.steps, crowd.visits
    event = sent.event
    visit = steps.visit[event]
    person = crowd.devices.person[visits.device[visit]]
    intent = visits.intent[visit]
    columns = {
        "id": ids.rows,
        "probability": pa.array(steps.probability[event], mask=sent.fault >= NO_TIME),
        "bought": pa.array(visits.bought[visit]),
        "kind": _coded(kind[visit], KINDS),
        "intent": _coded(intent, INTENTS, intent >= 0),
        "person": pa.array(person + number * PERSONS, mask=person < 0),
        "visit": pa.array(visit + (number << 32)),
        "page_number": pa.array(steps.number[event]),
        "fault": _coded(sent.fault, FAULTS),
    }
    return pa.table(columns).replace_schema_metadata(LABEL)


def _addresses(
    random: np.random.Generator, crowd: Crowd, kind: IntArray
) -> tuple[IntArray, IntArray]:
    """Address and referrer of each event; int64, shape (events,)."""
    steps, visits = crowd.steps, crowd.visits
    first = steps.previous < 0
    landed = np.where(first, visits.campaign[steps.visit], 0)
    url = names.url_codes(steps.page, steps.item, landed)
    searched = (random.random(len(visits)) < 0.5) & (kind == 0)
    source = names.source_codes(visits.campaign, searched)
    referrer = np.where(first, source[steps.visit], url[steps.previous])
    return url, np.where(kind[steps.visit] == 1, -1, referrer)


def _declared_devices(crowd: Crowd, kind: IntArray) -> BoolArray:
    declared = np.zeros(len(crowd.devices), bool)
    declared[crowd.visits.device[kind == 1]] = True
    return declared


def _times(time_ms: IntArray, fault: IntArray) -> pa.Array:
    absurd = np.flatnonzero(fault == ABSURD_TIME)
    times = time_ms.copy()
    times[absurd] = np.resize(ABSURD_MS, len(absurd))
    return pa.array(times, mask=fault == NO_TIME)


def _coded(
    codes: NDArray[Any],
    texts: pa.Array | tuple[str, ...],
    valid: BoolArray | None = None,
) -> pa.DictionaryArray:
    """A column of texts by their codes; nothing where it is not valid."""
    mask = None if valid is None else ~valid
    indices = pa.array(codes.astype(np.int32), mask=mask)
    values = pa.array(texts) if isinstance(texts, tuple) else texts
    return pa.DictionaryArray.from_arrays(indices, values, safe=False)
