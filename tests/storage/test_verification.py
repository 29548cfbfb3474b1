# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Verification of files whose status changed: each is hashed once."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from functools import partial

import pytest

from msrv.storage import verification
from msrv.storage.model import Gone, Unverified
from msrv.storage.verification import verified
from tests.storage.single_file_store import (
    SingleFileStore,
    apply_with_new_status,
    open_files,
    opened,
    restrict,
)


def hard_link(store: SingleFileStore) -> None:
    os.link(store.file, store.root / "linked.wav")


def touch(store: SingleFileStore) -> None:
    os.utime(store.file)


def upload_again(store: SingleFileStore) -> None:
    copy = store.file.with_name("copy")
    copy.write_bytes(b"sound")
    copy.replace(store.file)


def wild_date(store: SingleFileStore) -> None:
    os.utime(store.file, ns=(0, 9_300_000_000 * 10**9))


@pytest.mark.parametrize(
    "change", [restrict, hard_link, touch, upload_again, wild_date]
)
async def test_same_bytes_with_a_new_status_are_hashed_once(
    store: SingleFileStore,
    change: Callable[[SingleFileStore], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A chmod, hard link, touch or second upload costs one hashing.

    That is for any number of buyers, of which none is refused.
    """
    before = open_files()
    apply_with_new_status(store, change)
    with pytest.raises(Unverified):
        store.folder.open(store.content)
    hashed = 0
    real = verification._sha256

    def count(descriptor: int, is_stopping: Callable[[], bool]) -> bytes:
        nonlocal hashed
        hashed += 1
        return real(descriptor, is_stopping)

    monkeypatch.setattr(verification, "_sha256", count)
    found = await asyncio.gather(
        *(verified(store.folder, partial(opened, store)) for _ in range(9))
    )
    assert set(found) == {b"sound"}
    assert hashed == 1
    assert store.folder.locate(store.content) == b"A/a.wav"
    assert open_files() == before


async def test_file_deleted_before_it_is_hashed_is_gone(
    store: SingleFileStore,
) -> None:
    apply_with_new_status(store, restrict)
    with pytest.raises(Unverified):
        store.folder.open(store.content)
    store.file.unlink()
    with pytest.raises(Gone):
        await store.folder.verify(store.content)


async def test_hashing_continues_for_cancelled_callers(
    store: SingleFileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_with_new_status(store, restrict)
    begun, go = threading.Event(), threading.Event()
    real = verification._sha256

    def slow(descriptor: int, is_stopping: Callable[[], bool]) -> bytes:
        begun.set()
        assert go.wait(10)
        return real(descriptor, is_stopping)

    monkeypatch.setattr(verification, "_sha256", slow)
    first = asyncio.create_task(store.folder.verify(store.content))
    assert await asyncio.to_thread(begun.wait, 10)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go.set()
    await store.folder.verify(store.content)
    assert await opened(store) == b"sound"


async def test_closing_the_storage_stops_hashing(
    store: SingleFileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply_with_new_status(store, restrict)
    begun = threading.Event()

    def endless(_: int, is_stopping: Callable[[], bool]) -> bytes:
        begun.set()
        while not is_stopping():
            time.sleep(0.001)
        raise InterruptedError

    monkeypatch.setattr(verification, "_sha256", endless)
    waiting = asyncio.create_task(store.folder.verify(store.content))
    assert await asyncio.to_thread(begun.wait, 10)
    await asyncio.wait_for(store.folder.aclose(), 10)
    with pytest.raises(Gone):
        await waiting
