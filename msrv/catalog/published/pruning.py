# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Deletion of what only old catalogs of a bucket need.

Others may publish and roll back meanwhile: `pruning_mark` says why nothing is
deleted that they rely on.
"""

import asyncio
from typing import Final

from msrv.catalog.published.current import (
    KnownPointer,
    PublicationError,
    read_pointer,
)
from msrv.catalog.published.layout import (
    BLOBS,
    CATALOGS,
    BadDocument,
    blob_key,
    blobs_of,
)
from msrv.catalog.published.pruning_mark import marked
from msrv.proofs.keyring import Keyring
from msrv.storage.objects.bucket import Bucket

_BATCH: Final = 1000
"""Objects that are deleted with one request."""


async def prune(
    bucket: Bucket,
    keyring: Keyring,
    *,
    before: int,
    dry_run: bool = False,
) -> tuple[int, int]:
    """Delete what only catalogs from before a time need.

    Returns the number of objects, and their bytes. The current catalog stays
    and those after it, and so does whatever was written after `before`, in
    Unix seconds. Nothing is deleted where a catalog that stays can't be read.
    Raises PublicationError and BucketError.
    """
    if dry_run:
        known = await read_pointer(bucket, keyring)
        old = await _unneeded(bucket, keyring, known, before)
        return len(old), sum(old.values())
    async with marked(bucket, keyring) as mark:
        known = await read_pointer(bucket, keyring)
        old = await _unneeded(bucket, keyring, known, before)
        # Catalogs first: one that is listed has all of its objects.
        keys = sorted(old, reverse=True)
        for start in range(0, len(keys), _BATCH):
            await mark.require()
            # Versions before this mark published in spite of it.
            if await read_pointer(bucket, keyring) != known:
                raise PublicationError(
                    "another catalog was published meanwhile: run this again"
                )
            await bucket.delete(keys[start : start + _BATCH])
    return len(old), sum(old.values())


async def _unneeded(
    bucket: Bucket, keyring: Keyring, known: KnownPointer, before: int
) -> dict[str, int]:
    """Return the keys and sizes of old catalogs, and of what none needs."""
    pointer, _ = known
    if pointer is None:
        raise PublicationError("nothing has been published there yet")
    needed: set[bytes] = set()
    old: dict[str, int] = {}
    async for entry in bucket.list(CATALOGS):
        name = entry.key.removeprefix(CATALOGS)
        # A later one may be about to become current.
        is_past = name < pointer.catalog
        if is_past and entry.modified_at.timestamp() < before:
            old[entry.key] = entry.size_bytes
            continue
        found = await bucket.read(entry.key)
        assert found is not None  # noqa: S101 - it was read unconditionally
        try:
            needed |= await asyncio.to_thread(blobs_of, keyring, found.data)
        except BadDocument as error:
            raise PublicationError(
                f"nothing is deleted, since {name} can't be read: {error}"
            ) from None
    keys = set(map(blob_key, needed))
    async for entry in bucket.list(BLOBS):
        if entry.key not in keys and entry.modified_at.timestamp() < before:
            old[entry.key] = entry.size_bytes
    return old
