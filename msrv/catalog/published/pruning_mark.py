# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mark in a bucket while objects are deleted.

Publishing writes a catalog and then looks for the mark; pruning writes the
mark and then looks for catalogs. So, whatever happens at the same time, the
one sees the mark and stops, or the other sees the catalog and leaves its
objects. Buckets show what was written to all who read later.

Whoever deletes stops long before their mark is no longer heeded, which it
isn't if its process was killed.
"""

import contextlib
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Self

import msgspec

from msrv.catalog.published.current import PublicationError
from msrv.catalog.published.signed_documents import (
    sign_document,
    verify_document,
)
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring
from msrv.storage.objects.bucket import Bucket
from msrv.storage.objects.errors import ObjectChanged, ObjectMissing

KEY: Final = "pruning"
HELD_SECONDS: Final = 15 * 60
"""Time for which its owner may delete."""
HEEDED_SECONDS: Final = 60 * 60
"""Time for which others heed it."""
_TITLE: Final = "MSRV pruning 1"


class _Statement(msgspec.Struct, frozen=True):
    started_at: int
    owner: str


@dataclass(frozen=True, slots=True)
class PruningMark:
    """Mark of this process."""

    bucket: Bucket
    data: bytes
    ends_at: float

    async def require(self) -> None:
        """Raise PublicationError unless this process may still delete."""
        try:
            found = await self.bucket.read(KEY)
        except ObjectMissing:
            found = None
        is_own = found is not None and found.data == self.data
        if not is_own or time.time() > self.ends_at:
            raise PublicationError(
                "not everything was deleted, since it took too long: run this "
                "again"
            )

    @classmethod
    async def write(cls, bucket: Bucket, keyring: Keyring) -> Self:
        """Write it, unless there is another. Raises PublicationError."""
        etag = await _heeded_until(bucket, keyring)
        now = int(time.time())
        statement = _Statement(now, secrets.token_hex(16))
        data = sign_document(keyring, _TITLE, msgspec.json.encode(statement))
        try:
            await bucket.replace(KEY, data, etag)
        except ObjectChanged:
            raise PublicationError(
                "another process deletes objects there: run this again later"
            ) from None
        return cls(bucket, data, now + HELD_SECONDS)


@contextlib.asynccontextmanager
async def marked(
    bucket: Bucket, keyring: Keyring
) -> AsyncIterator[PruningMark]:
    """Hold the mark. Raises PublicationError if another process has it."""
    mark = await PruningMark.write(bucket, keyring)
    try:
        yield mark
    finally:
        with contextlib.suppress(PublicationError):
            await mark.require()
            await bucket.delete([KEY])


async def refuse_during_pruning(bucket: Bucket, keyring: Keyring) -> None:
    """Raise PublicationError while objects are deleted."""
    await _heeded_until(bucket, keyring)


async def _heeded_until(bucket: Bucket, keyring: Keyring) -> str | None:
    """Return the tag of a mark that is no longer heeded, None without one.

    Raises PublicationError for one that is heeded.
    """
    try:
        found = await bucket.read(KEY)
    except ObjectMissing:
        return None
    assert found is not None  # noqa: S101 - it was read unconditionally
    try:
        body = verify_document(keyring, _TITLE, found.data)
        statement = msgspec.json.decode(body, type=_Statement)
    except (Forged, msgspec.MsgspecError):
        raise PublicationError(
            f"{KEY} in {bucket.url} isn't a mark of this NONCE: delete it if "
            "no `msrv publish --prune` is running"
        ) from None
    left = statement.started_at + HEEDED_SECONDS - time.time()
    if left > 0:
        raise PublicationError(
            "objects are being deleted there by --prune: run this again when "
            f"that has ended, or in {left / 60:.0f} minutes if it was killed"
        )
    return found.etag
