# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Pointer to the current catalog, as it is read and moved in a bucket.

Apart from `upload` and `pruning`, which both need it.
"""

from msrv.catalog.published.layout import POINTER, BadDocument, Pointer
from msrv.proofs.keyring import Keyring
from msrv.storage.objects.bucket import Bucket
from msrv.storage.objects.errors import ObjectChanged, ObjectMissing

KnownPointer = tuple[Pointer | None, str | None]
"""The pointer and its tag; None where there is none."""


class PublicationError(Exception):
    """The library can't be published now; the text is one line."""


async def read_pointer(bucket: Bucket, keyring: Keyring) -> KnownPointer:
    """Return the pointer and its tag; None where there is none.

    Raises PublicationError for one that isn't signed by this NONCE, which
    must not be overwritten by mistake.
    """
    try:
        found = await bucket.read(POINTER)
    except ObjectMissing:
        return None, None
    assert found is not None  # noqa: S101 - it was read unconditionally
    try:
        return Pointer.decode(keyring, found.data), found.etag
    except BadDocument as error:
        raise PublicationError(
            f"{bucket.url}: {error}; is it another store's?"
        ) from None


async def move_pointer(
    bucket: Bucket, keyring: Keyring, pointer: Pointer, etag: str | None
) -> None:
    """Replace the pointer whose tag is `etag`, None for a first one.

    Raises PublicationError if it has been moved meanwhile.
    """
    try:
        await bucket.replace(POINTER, pointer.encode(keyring), etag)
    except ObjectChanged as error:
        raise PublicationError(
            "another catalog was published meanwhile: run this again"
        ) from error
