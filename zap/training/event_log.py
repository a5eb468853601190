"""The losses of a training as TensorBoard reads them, epoch by epoch.

TensorBoard's file is TFRecords of a small message of protocol buffers. It is written
here, in a page, since a model of trees needs no TensorFlow, and since TensorFlow's own
writer appends, which no store of objects can: here the file is put anew after each
epoch, a hundred bytes longer. A training that resumes goes on with the file that is
there. The numbers of the fields are those of tensorflow/core/util/event.proto.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping

from zap.bundles.files import Where, files_at
from zap.datasets.tfrecord import frame
from zap.training.history import Epoch

FILE = "events.out.tfevents.0000000000.zap"
_DOUBLE, _VARINT, _BYTES, _FLOAT = 1, 0, 2, 5
_VERSION = b"brain.Event:2"


class EventLog:
    """One file of losses below a folder.

    Args:
        folder: of the local disk, or a URL of any store that fsspec knows.

    Raises:
        BundleError: the store refuses.
    """

    def __init__(self, folder: Where):
        self._files = files_at(folder)
        self._content = self._files.find(FILE) or frame(
            _field(1, _DOUBLE, struct.pack("<d", time.time()))
            + _field(3, _BYTES, _VERSION)
        )

    def epoch(self, epoch: Epoch) -> None:
        """Add the losses of an epoch.

        Raises:
            BundleError: the store refuses.
        """
        losses = {"loss/train": epoch.loss, "loss/validation": epoch.validation_loss}
        self._content += frame(scalars(epoch.epoch, losses, time.time()))
        self._files.replace(FILE, self._content)


def scalars(step: int, values: Mapping[str, float], seconds: float) -> bytes:
    """An event that holds numbers, as TensorFlow serializes it.

    Args:
        step: of the training.
        values: by their names.
        seconds: since 1970, when it was.
    """
    summary = b"".join(
        _field(
            1,
            _BYTES,
            _field(1, _BYTES, name.encode())
            + _field(2, _FLOAT, struct.pack("<f", value)),
        )
        for name, value in values.items()
    )
    return (
        _field(1, _DOUBLE, struct.pack("<d", seconds))
        + _field(2, _VARINT, _varint(step))
        + _field(5, _BYTES, summary)
    )


def _field(number: int, kind: int, content: bytes) -> bytes:
    """A field of a message; of bytes also their length."""
    length = _varint(len(content)) if kind == _BYTES else b""
    return _varint(number << 3 | kind) + length + content


def _varint(number: int) -> bytes:
    """A whole number from 0 on, seven bits a byte, the lowest first."""
    parts = []
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
