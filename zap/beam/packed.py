"""Slices of a shard as compressed bytes, while they wait for the encoder to be fitted.

An encoder that is fitted on all training examples is known only when every shard has
been sliced. Until then slices wait, as little as they can be: arrays in the narrowest
type that holds them, compressed, beside a description in JSON. No pickles: what is read
back is numbers and texts in known classes, whatever is in the file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zap.datasets.variants import Cut, Variant
from zap.encoding.columns import Categorical, Cutoffs, Numeric
from zap.examples.slicing import Slices
from zap.histories.batch import HistoryBatch

CODEC = "lz4"
_HEADER = 8  # bytes of the description's length
_CLASSES: dict[str, type[Any]] = {
    known.__name__: known
    for known in (Categorical, Cut, Cutoffs, HistoryBatch, Numeric, Slices, Variant)
}


def pack(parts: Any) -> bytes:
    """Dataclasses, dictionaries, sequences, numbers, texts and arrays as bytes.

    Args:
        parts: what is to be packed; dataclasses must be of the known ones.
    """
    arrays: list[bytes] = []
    described = json.dumps(_described(parts, arrays)).encode()
    header = len(described).to_bytes(_HEADER, "little")
    return b"".join([header, described, *arrays])


def unpack(data: bytes) -> Any:
    """What was packed; sequences come back as tuples."""
    size = int.from_bytes(data[:_HEADER], "little")
    stop = _HEADER + size
    return _made(json.loads(data[_HEADER:stop]), memoryview(data)[stop:])


def _described(part: Any, arrays: list[bytes]) -> Any:
    if isinstance(part, np.ndarray):
        return {"array": _array(part, arrays)}
    if isinstance(part, np.generic):
        part = part.item()
    if is_dataclass(part):
        own = {
            each.name: _described(getattr(part, each.name), arrays)
            for each in fields(part)
        }
        return {"class": type(part).__name__, "fields": own}
    if isinstance(part, Mapping):
        counts = isinstance(part, Counter)
        items = {key: _described(value, arrays) for key, value in part.items()}
        return {"counts" if counts else "items": items}
    if isinstance(part, (list, tuple)):
        return [_described(each, arrays) for each in part]
    return part


def _array(array: NDArray[Any], arrays: list[bytes]) -> list[Any]:
    """Adds an array to the others; its place, sizes and types for the description."""
    narrow = _narrow(np.ascontiguousarray(array))
    packed: bytes = b""
    if narrow.size:
        packed = pa.compress(pa.py_buffer(narrow), CODEC, asbytes=True)
    start = sum(map(len, arrays))
    arrays.append(packed)
    types = [narrow.dtype.str, array.dtype.str]
    return [start, len(packed), narrow.nbytes, *types]


def _narrow(array: NDArray[Any]) -> NDArray[Any]:
    """Integers in the narrowest type that holds them."""
    if array.dtype.kind != "i" or not array.size:
        return array
    low, high = int(array.min()), int(array.max())
    for kind in (np.int8, np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return array.astype(kind, copy=False)
    return array


def _made(part: Any, arrays: memoryview) -> Any:
    if isinstance(part, list):
        return tuple(_made(each, arrays) for each in part)
    if not isinstance(part, dict):
        return part
    if "array" in part:
        start, size, raw, narrow, kind = part["array"]
        if not size:
            return np.zeros(0, kind)
        data = pa.decompress(arrays[start : start + size], raw, CODEC, asbytes=True)
        return np.frombuffer(data, narrow).astype(kind, copy=False)
    if "class" in part:
        own = {name: _made(each, arrays) for name, each in part["fields"].items()}
        return _CLASSES[part["class"]](**own)
    if "counts" in part:
        return Counter(part["counts"])
    return {name: _made(each, arrays) for name, each in part["items"].items()}
