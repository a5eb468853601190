"""The one door through which TensorFlow and Keras enter.

TensorFlow writes log lines to stderr while it loads and while it looks for devices, for
some of which there is no setting; so both happen here, with stderr closed to it, and
each module of this room takes it from here.
"""

from __future__ import annotations

import os
from typing import Any

from zap.errors import MissingExtraError, TrainingError
from zap.serving.stderr import silent_stderr
from zap.training.devices import set_up

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

try:
    with silent_stderr():
        import keras as _keras
        import tensorflow as _tensorflow
        from tensorflow.python.framework import convert_to_constants as _constants

        DEVICE = set_up(_tensorflow)
        _tensorflow.zeros(())  # looks for devices
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
as_constants: Any = _constants.convert_variables_to_constants_v2

__all__ = ["DEVICE", "as_constants", "keras", "tf"]
