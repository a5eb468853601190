"""The spool: what is acknowledged stands here, on the disk, until the sinks have it."""

from zap.collect.spool.forgetting import Forgotten, forget
from zap.collect.spool.options import SpoolFull, SpoolOptions, SpoolStatus, SpoolTaken
from zap.collect.spool.positions import Positions
from zap.collect.spool.reader import Batch, SpoolReader
from zap.collect.spool.spool import Spool
from zap.collect.spool.trimming import trim

__all__ = [
    "Batch",
    "Forgotten",
    "Positions",
    "Spool",
    "SpoolFull",
    "SpoolOptions",
    "SpoolReader",
    "SpoolStatus",
    "SpoolTaken",
    "forget",
    "trim",
]
