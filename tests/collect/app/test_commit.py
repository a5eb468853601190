"""Requests of one event loop on a real spool: one group, and to each its own answer."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from zap.collect.app.commit import Committer
from zap.collect.protocol import Fate, Unaccepted
from zap.collect.spool import Spool, SpoolReader


def committer(spool: Spool) -> Committer:
    return Committer(spool, timeout_s=60, retry_after_s=5)


def test_what_waits_is_one_group_and_wakes_the_loop_once(
    tmp_path: Path, slow_disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = slow_disk
    woken = []

    async def main(spool: Spool) -> None:
        loop = asyncio.get_running_loop()
        appends = committer(spool)
        first = appends.append([b"E0"])
        await loop.run_in_executor(None, begun.wait)
        others = [appends.append([b"Ea", b"E%d" % n]) for n in range(100)]
        real = loop.call_soon_threadsafe
        monkeypatch.setattr(
            loop, "call_soon_threadsafe", lambda *a: (woken.append(a), real(*a))
        )
        assert not any(each.done() for each in (first, *others))
        go_on.set()
        await asyncio.gather(first, *others)
        monkeypatch.undo()

    with Spool(tmp_path) as spool:
        asyncio.run(main(spool))
    records = SpoolReader(tmp_path).read(0).records
    assert records[::2] == [b"E0", *[b"E%d" % n for n in range(100)]]
    assert records[1::2] == [b"Ea"] * 100
    assert len(woken) == 2  # one for the first alone, one for the hundred
    blocks = (tmp_path / f"{0:020d}.spool").read_bytes().count(b"ZSB1")
    assert blocks == 2


def test_what_is_too_much_for_one_group_goes_in_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zap.collect.app.commit.GROUP_BYTES", 1_000)
    groups: list[int] = []

    async def main(spool: Spool) -> list[None]:
        appends = committer(spool)
        submit = spool.submit

        def noting(records: list[bytes], *given: Any) -> None:
            groups.append(sum(map(len, records)))
            submit(records, *given)

        monkeypatch.setattr(spool, "submit", noting)
        sizes = [400] * 10 + [5_000, 1]
        return await asyncio.gather(*[appends.append([b"E" * n]) for n in sizes])

    with Spool(tmp_path) as spool:
        assert asyncio.run(main(spool)) == [None] * 12
    assert groups == [1_200, 1_200, 1_200, 5_400, 1]
    kept = SpoolReader(tmp_path).read(0).records
    assert list(map(len, kept)) == [400] * 10 + [5_000, 1]


def test_one_who_is_cancelled_or_gone_holds_nobody_up(tmp_path: Path) -> None:
    async def cancels(spool: Spool) -> None:
        appends = committer(spool)
        appends.append([b"E0"]).cancel()
        await appends.append([b"E1"])

    async def leaves(spool: Spool) -> None:
        committer(spool).append([b"E2"])
        await asyncio.sleep(0)  # it is submitted, and the loop ends

    with Spool(tmp_path) as spool:
        asyncio.run(cancels(spool))
        asyncio.run(leaves(spool))
        assert spool.append([b"E3"]) == 3
    assert SpoolReader(tmp_path).read(0).records == [b"E0", b"E1", b"E2", b"E3"]


def test_each_of_a_failed_group_gets_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(spool: Spool) -> list[BaseException | None]:
        appends = committer(spool)
        both = [appends.append([b"E%d" % number]) for number in range(2)]
        return await asyncio.gather(*both, return_exceptions=True)

    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with Spool(tmp_path) as spool:
        with monkeypatch.context() as patched:
            patched.setattr(os, "fdatasync", full)
            one, other = asyncio.run(main(spool))
        assert isinstance(one, Unaccepted) and isinstance(other, Unaccepted)
        assert one is not other and one.fate is other.fate is Fate.FULL
        assert spool.append([b"E2"]) == 0
