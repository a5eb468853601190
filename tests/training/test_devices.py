"""What is asked of TensorFlow where it finds accelerators, and where it does not.

There is no accelerator here: a stand-in takes down what it is told.
"""

from __future__ import annotations

from unittest import mock

import pytest

from zap.training.backend import DEVICE
from zap.training.devices import Device, set_up


def machine(accelerators: int) -> mock.Mock:
    found = [f"gpu{at}" for at in range(accelerators)]
    tensorflow = mock.Mock()
    tensorflow.config.list_physical_devices.side_effect = {"GPU": found}.get
    details = {"device_name": "NVIDIA L4", "compute_capability": (8, 9)}
    tensorflow.config.experimental.get_device_details.return_value = details
    return tensorflow


def test_a_processor_is_left_as_it_is() -> None:
    tensorflow = machine(0)
    assert set_up(tensorflow) == Device() == DEVICE
    assert [call[0] for call in tensorflow.config.mock_calls] == [
        "list_physical_devices"
    ]


def test_accelerators_are_set_up_for_equal_results() -> None:
    tensorflow = machine(2)
    device = set_up(tensorflow)
    asked = tensorflow.config.experimental
    assert asked.set_memory_growth.call_args_list == [
        mock.call("gpu0", True),
        mock.call("gpu1", True),
    ]
    asked.enable_tensor_float_32_execution.assert_called_once_with(False)
    asked.enable_op_determinism.assert_called_once_with()
    assert device.said == "GPU (NVIDIA L4, one of 2)"


@pytest.mark.parametrize(
    ("device", "said"),
    [
        (Device(), "CPU"),
        (Device("GPU", "NVIDIA L4", 1), "GPU (NVIDIA L4)"),
        (Device("GPU", "", 1), "GPU (name unknown)"),
    ],
)
def test_it_is_said_in_words(device: Device, said: str) -> None:
    assert device.said == said and Device(**device.to_dict()) == device
