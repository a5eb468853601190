"""TFRecord framing against TensorFlow's own reader and writer."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zap.datasets.tfrecord import frame, masked_sum, read_records, write_records
from zap.errors import DatasetError

tf = pytest.importorskip("tensorflow")

RECORDS = [b"", b"a", b"tf.Example" * 40, bytes(range(256)), b"\x00" * 17]
TINY = [b"one", b"", b"\xfftwo"]


def written_by_tensorflow(path: Path, records: list[bytes], kind: str) -> bytes:
    with tf.io.TFRecordWriter(str(path), tf.io.TFRecordOptions(kind)) as writer:
        for record in records:
            writer.write(record)
    return path.read_bytes()


def read_by_tensorflow(path: Path, kind: str) -> list[bytes]:
    return [each.numpy() for each in tf.data.TFRecordDataset(str(path), kind)]


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_framing_has_the_bytes_of_tensorflow(
    tmp_path_factory: pytest.TempPathFactory, records: list[bytes]
) -> None:
    path = tmp_path_factory.getbasetemp() / "framing.tfrecord"
    assert b"".join(map(frame, records)) == written_by_tensorflow(path, records, "")


def test_the_sum_of_the_format_s_own_example() -> None:
    # CRC-32C of "123456789" is 0xe3069283 (RFC 3720); rotated and shifted by hand.
    rotated = (0xE3069283 >> 15 | 0xE3069283 << 17) & 0xFFFFFFFF
    assert masked_sum(b"123456789") == (rotated + 0xA282EAD8) & 0xFFFFFFFF


def test_a_written_file_is_read_by_both(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    size = write_records(str(path), RECORDS)
    assert size == path.stat().st_size
    assert read_by_tensorflow(path, "") == RECORDS
    assert list(read_records(str(path))) == RECORDS


def test_a_compressed_file_is_read_by_both(tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord.gz"
    size = write_records(str(path), RECORDS, "gzip")
    assert size == len(gzip.decompress(path.read_bytes()))
    assert read_by_tensorflow(path, "GZIP") == RECORDS
    assert list(read_records(str(path), "gzip")) == RECORDS


def test_files_of_tensorflow_are_read(tmp_path: Path) -> None:
    for compression, kind in (("none", ""), ("gzip", "GZIP")):
        path = tmp_path / compression
        written_by_tensorflow(path, RECORDS, kind)
        assert list(read_records(str(path), compression)) == RECORDS


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_equal_records_give_equal_files(tmp_path: Path, compression: str) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for path in (one, two):
        write_records(str(path), RECORDS, compression)
    assert one.read_bytes() == two.read_bytes()


def test_every_truncation_names_the_file(tmp_path: Path) -> None:
    whole = b"".join(map(frame, TINY))
    borders = {0, 19, 35}
    assert whole[19:35] == frame(b"")
    path = tmp_path / "cut.tfrecord"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        if length in borders:
            # A cut between two records is no damage to TFRecord: the manifest's
            # number of records tells (test_store.py).
            assert len(list(read_records(str(path)))) == sorted(borders).index(length)
            continue
        with pytest.raises(DatasetError, match=r"path=.*cut\.tfrecord.*truncated"):
            list(read_records(str(path)))


def test_every_flipped_byte_names_the_file(tmp_path: Path) -> None:
    whole = b"".join(map(frame, TINY))
    path = tmp_path / "flipped.tfrecord"
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x10
        path.write_bytes(bytes(changed))
        with pytest.raises(DatasetError, match=r"path=.*flipped\.tfrecord"):
            list(read_records(str(path)))


def test_damage_of_a_compressed_file_names_it(tmp_path: Path) -> None:
    path = tmp_path / "damaged.gz"
    write_records(str(path), RECORDS, "gzip")
    whole = path.read_bytes()
    damaged = [whole[:length] for length in range(1, len(whole))]
    for place in range(10, len(whole)):  # the ten bytes of the header say little
        changed = bytearray(whole)
        changed[place] ^= 0x55
        damaged.append(bytes(changed))
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(DatasetError, match=r"path=.*damaged\.gz"):
            list(read_records(str(path), "gzip"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"path=.*gone\.tfrecord, which is missing"):
        list(read_records(str(tmp_path / "gone.tfrecord")))
