"""The log of losses, read by TensorFlow's own readers and messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorflow.core.util import event_pb2

from zap.training.backend import tf
from zap.training.event_log import FILE, EventLog, scalars
from zap.training.history import Epoch


def events(path: str) -> list[event_pb2.Event]:
    records = tf.data.TFRecordDataset(path).as_numpy_iterator()
    return [event_pb2.Event.FromString(record) for record in records]


def test_tensorflow_reads_every_epoch(tmp_path) -> None:
    log = EventLog(tmp_path / "logs")
    log.epoch(Epoch(1, 9, 0.5, 0.75, True))
    log.epoch(Epoch(2, 9, 0.25, 0.8, False))
    EventLog(tmp_path / "logs").epoch(Epoch(3, 9, 0.125, 0.5, True))  # one resumes
    first, *told = events(str(tmp_path / "logs" / FILE))
    assert first.file_version == "brain.Event:2"
    found = [
        (event.step, {v.tag: v.simple_value for v in event.summary.value})
        for event in told
    ]
    assert found == [
        (1, {"loss/train": 0.5, "loss/validation": 0.75}),
        (2, {"loss/train": 0.25, "loss/validation": pytest.approx(0.8)}),
        (3, {"loss/train": 0.125, "loss/validation": 0.5}),
    ]


@given(
    st.integers(0, 2**63 - 1),
    st.dictionaries(st.text(max_size=200), st.floats(width=32, allow_nan=False)),
    st.floats(0, 1e12),
)
def test_any_numbers_are_those_of_the_message(step, values, seconds) -> None:
    event = event_pb2.Event.FromString(scalars(step, values, seconds))
    assert (event.step, event.wall_time) == (step, seconds)
    assert {v.tag: v.simple_value for v in event.summary.value} == values
