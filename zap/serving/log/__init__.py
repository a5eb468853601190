"""The log of predictions: what was said of whom, from which events, to the bit."""

from __future__ import annotations

from zap.serving.log.entry import Logged, event_hashes
from zap.serving.log.forgetting import forget
from zap.serving.log.options import LogCounts, LogOptions
from zap.serving.log.prediction_log import PredictionLog
from zap.serving.log.reading import find, latest, read_log

__all__ = [
    "LogCounts",
    "LogOptions",
    "Logged",
    "PredictionLog",
    "event_hashes",
    "find",
    "forget",
    "latest",
    "read_log",
]
