# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Objects are deleted from a bucket of Ceph while others publish there."""

import asyncio
import hashlib
import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from msrv.catalog.model import Catalog, Shop
from msrv.catalog.published import pruning, pruning_mark, upload
from msrv.catalog.published.current import PublicationError, read_pointer
from msrv.catalog.published.layout import (
    BLOBS,
    PublishedLibrary,
    blob_key,
    blobs_of,
    catalog_key,
)
from msrv.catalog.published.upload import BlobSource, roll_back
from msrv.proofs.keyring import Keyring
from msrv.storage.objects.bucket import Bucket
from tests.storage.objects.ceph_server import CephServer

NOTHING = Catalog(Shop(), (), (), "", {}, {})
THEN = 1_800_000_000


@pytest.fixture(scope="module")
def address(ceph: CephServer) -> str:
    return ceph.create_bucket("pruned")


@pytest.fixture
def bucket(
    ceph: CephServer,
    address: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Bucket:
    for name, value in ceph.environ.items():
        monkeypatch.setenv(name, value)
    return Bucket.open(f"{address}/{request.node.name}")


def source(data: bytes) -> BlobSource:
    """Return a file with some bytes."""
    return BlobSource(
        hashlib.sha256(data).digest(),
        len(data),
        "text/plain",
        "file.txt",
        lambda: io.BytesIO(data),
    )


async def publish(
    bucket: Bucket,
    keyring: Keyring,
    number: int,
    *names: bytes,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> str:
    """Publish a library of some files, as of a second; return its name."""
    known = await read_pointer(bucket, keyring)
    library = PublishedLibrary(NOTHING, (), {}, THEN + number)
    done = await upload.publish(
        bucket,
        keyring,
        library,
        [source(each) for each in (*names, b"of %d" % number)],
        known=known,
        progress=progress,
    )
    return done.catalog


async def lacking(bucket: Bucket, keyring: Keyring) -> set[str]:
    """Return the keys that the current catalog needs and doesn't have."""
    pointer, _ = await read_pointer(bucket, keyring)
    assert pointer is not None
    found = await bucket.read(catalog_key(pointer.catalog))
    assert found is not None
    needed = {*map(blob_key, blobs_of(keyring, found.data))}
    return needed - {each.key async for each in bucket.list(BLOBS)}


async def wait_for_next_second() -> int:
    """Return the time once all objects until now are older."""
    before = int(time.time()) + 1
    while time.time() < before:  # noqa: ASYNC110 - a clock
        await asyncio.sleep(0.05)
    return before


async def test_what_is_deleted_while_it_is_published_is_uploaded_again(
    bucket: Bucket, keyring: Keyring
) -> None:
    await publish(bucket, keyring, 1, b"old")
    await publish(bucket, keyring, 2, b"other")
    before = await wait_for_next_second()
    deleted: list[tuple[int, int]] = []

    def delete_meanwhile(_done: int, _total: int) -> None:
        if not deleted:
            deleting = pruning.prune(bucket, keyring, before=before)
            with ThreadPoolExecutor() as thread:
                deleted.append(thread.submit(asyncio.run, deleting).result())

    # "old" is in the bucket, so only the other file is uploaded first.
    await publish(bucket, keyring, 3, b"old", progress=delete_meanwhile)
    assert deleted[0][0]
    assert await lacking(bucket, keyring) == set()


async def test_publishing_waits_for_the_end_of_deleting(
    bucket: Bucket, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await publish(bucket, keyring, 1)
    second = await publish(bucket, keyring, 2)
    async with pruning_mark.marked(bucket, keyring) as mark:
        for refused in (
            publish(bucket, keyring, 3),
            roll_back(bucket, keyring, THEN),
            pruning.prune(bucket, keyring, before=THEN),
        ):
            with pytest.raises(PublicationError, match="are being deleted"):
                await refused
        # Without changes there is nothing to wait for.
        assert await publish(bucket, keyring, 2) == second
        # A process that was killed left the mark.
        late = time.time() + pruning_mark.HEEDED_SECONDS + 1
        monkeypatch.setattr(time, "time", lambda: late)
        with pytest.raises(PublicationError, match="took too long"):
            await mark.require()
        assert await roll_back(bucket, keyring, THEN) == first
        async with pruning_mark.marked(bucket, keyring) as other:
            with pytest.raises(PublicationError, match="took too long"):
                await mark.require()
            await other.require()
    await publish(bucket, keyring, 4)


async def test_deleting_stops_when_another_catalog_is_published(
    bucket: Bucket, keyring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a version that doesn't know the mark."""
    await publish(bucket, keyring, 1, b"old")
    await publish(bucket, keyring, 2)
    before = await wait_for_next_second()
    require = pruning_mark.PruningMark.require

    async def unheeded(mark: pruning_mark.PruningMark) -> None:
        await require(mark)
        with monkeypatch.context() as patched:
            patched.setattr(pruning_mark, "HEEDED_SECONDS", -1)
            await publish(bucket, keyring, 3, b"old")

    with monkeypatch.context() as patched:
        patched.setattr(pruning_mark.PruningMark, "require", unheeded)
        with pytest.raises(PublicationError, match="meanwhile"):
            await pruning.prune(bucket, keyring, before=before)
    assert await lacking(bucket, keyring) == set()


async def test_current_catalog_is_whole_after_races(
    bucket: Bucket, keyring: Keyring
) -> None:
    rounds = range(12)
    for number in rounds:
        await publish(bucket, keyring, number, b"shared %d" % number)
    before = await wait_for_next_second()
    deleted = []

    async def delete(pause: float) -> None:
        await asyncio.sleep(pause)
        with suppress(PublicationError):
            deleted.append(await pruning.prune(bucket, keyring, before=before))

    async def publish_again(number: int, pause: float) -> None:
        await asyncio.sleep(pause)
        while True:
            with suppress(PublicationError):
                await publish(
                    bucket, keyring, 100 + number, b"shared %d" % number
                )
                return

    for number in rounds:
        await asyncio.gather(
            publish_again(number, 0.01 * (number % 4)),
            delete(0.01 * (number // 4)),
            delete(0.03),
        )
        assert await lacking(bucket, keyring) == set()
    assert sum(count for count, _ in deleted)
