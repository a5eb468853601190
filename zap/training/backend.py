"""The one door through which TensorFlow and Keras enter.

TensorFlow writes log lines to stderr while it loads, for some of which there is no
setting; so it is imported here, with stderr closed to it, and each module of this room
takes it from here.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Any

from zap.errors import MissingExtraError, TrainingError


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps TensorFlow's log lines off stderr.

    Its C++ parts write to the descriptor itself, some before they look at any setting.
    Exceptions are not touched.
    """
    kept, silent = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(silent, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silent)


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

try:
    with quiet():
        import keras as _keras
        import tensorflow as _tensorflow
        from tensorflow.python.framework import convert_to_constants as _constants
except ImportError as error:
    raise MissingExtraError("tensorflow", "train") from error

if _keras.backend.backend() != "tensorflow":
    raise TrainingError(
        "Expected Keras to run on TensorFlow. "
        f"Received: KERAS_BACKEND={_keras.backend.backend()!r}. "
        "Unset KERAS_BACKEND, or set it to tensorflow."
    )

# Typed as Any: neither package has complete annotations.
keras: Any = _keras
tf: Any = _tensorflow
convert_variables_to_constants_v2: Any = _constants.convert_variables_to_constants_v2

__all__ = ["convert_variables_to_constants_v2", "keras", "quiet", "tf"]
