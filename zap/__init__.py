"""Zap turns raw user events into calibrated, served, monitored predictions.

Importing this package loads nothing else: each room of it is imported by name
(``zap.examples``, ``zap.encoding``, ...), so that a serving process never pays for
Beam or TensorFlow.
"""

__version__ = "0.1.0"
