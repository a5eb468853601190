"""The device that a model is trained on, set up so that equal work gives equal weights.

An accelerator is used where TensorFlow finds one, and nothing else changes: its memory
is taken as it is needed, its operations are those that add in a fixed order, and its
matrix products keep all bits of a float32. By default it would round their inputs to
10 bits (TF32), so that the trained model and its frozen form, which runs on a
processor, would differ by more than ``zap.training.freeze`` allows. Half precision is
used nowhere.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

GPU, CPU = "GPU", "CPU"


@dataclass(frozen=True)
class Device:
    """What trains.

    Attributes:
        kind: "GPU" or "CPU".
        name: of an accelerator, as its maker calls it; of a processor "".
        there: accelerators that the machine has. One of them is used.
    """

    kind: str = CPU
    name: str = ""
    there: int = 0

    @property
    def said(self) -> str:
        """The device in words."""
        if self.kind == CPU:
            return "CPU"
        others = f", one of {self.there}" if self.there > 1 else ""
        return f"{self.kind} ({self.name or 'name unknown'}{others})"

    def to_dict(self) -> dict[str, Any]:
        """The device as a JSON object."""
        return asdict(self)


def set_up(tensorflow: Any) -> Device:
    """Set TensorFlow's devices up; to be called before it uses any.

    Args:
        tensorflow: the package.

    Returns:
        The device that it will train on.
    """
    config = tensorflow.config
    accelerators = config.list_physical_devices(GPU)
    for each in accelerators:
        # Or it takes all memory of the device at once, also what others use.
        config.experimental.set_memory_growth(each, True)
    if not accelerators:
        return Device()
    config.experimental.enable_tensor_float_32_execution(False)
    config.experimental.enable_op_determinism()
    details = config.experimental.get_device_details(accelerators[0])
    name = str(details.get("device_name", ""))
    return Device(GPU, name, len(accelerators))
