"""When a sink has let go of what it read from the spool before.

Who forgets in the spool knows that nothing of the subject is read from there any more;
but the delivery may hold a batch that it read before. An archive has a note for that
(``zap.collect.archive.forgotten``). A store has none: it is emptied of the subject once
the batch has come to it.
"""

from __future__ import annotations

import time
from pathlib import Path

from zap.collect.delivery.alone import delivered_by_another
from zap.collect.delivery.report import now_us, read_report
from zap.collect.spool import Positions, SpoolReader

PATIENCE_S = 30.0
_STEP_S = 0.02


def let_go(spool: Path, name: str, patience_s: float = PATIENCE_S) -> bool:
    """Wait until a sink holds no batch that it read before now.

    It holds none where it has taken all there is, has gone on to the next batch, or has
    failed with this one: then it reads it again.

    Args:
        spool: its folder.
        name: of the sink.
        patience_s: how long it may take.

    Returns:
        Whether it is so.

    Raises:
        CollectError: the spool or the position can't be read.
    """
    positions, asked_us = Positions(spool), now_us()
    begin, end = positions.get(name), SpoolReader(spool).end
    until = time.monotonic() + patience_s
    while begin < end and delivered_by_another(spool):
        sinks = (read_report(spool) or {}).get("sinks", {})
        failed_us = sinks.get(name, {}).get("error_us") or 0
        if positions.get(name) != begin or failed_us > asked_us or name not in sinks:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(_STEP_S)
    return True
