# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Upload of a library: blobs first, then its catalog, and the pointer last.

What the pointer names is always complete, whenever the upload is killed; the
next one continues with what is missing. Two uploads at the same time end with
one pointer, and an error for the other. `pruning` may delete at any time what
no catalog names, so a catalog is written first, and then its blobs are listed
once more.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Final

from msrv.catalog.published.current import (
    KnownPointer,
    PublicationError,
    move_pointer,
    read_pointer,
)
from msrv.catalog.published.layout import (
    BLOBS,
    CATALOGS,
    BadDocument,
    Pointer,
    PublishedLibrary,
    blob_key,
    blobs_of,
    catalog_key,
    catalog_name,
    is_catalog_name,
)
from msrv.catalog.published.pruning_mark import refuse_during_pruning
from msrv.display_text import printable
from msrv.downloads.representation import content_disposition
from msrv.proofs.keyring import Keyring
from msrv.storage.model import Changed, StorageError
from msrv.storage.objects.bucket import SINGLE_BYTES, Bucket
from msrv.storage.objects.errors import BucketError

AT_ONCE: Final = 8
"""Uploads at the same time."""
_SMALL: Final = 1024 * 1024
_DOCUMENT: Final = {"Content-Type": "application/octet-stream"}

Progress = Callable[[int, int], None]
"""Called with the bytes that are uploaded, and the bytes that are to be."""


@dataclass(frozen=True, slots=True)
class BlobSource:
    """File that is to be an object.

    `open` blocks, and raises StorageError and OSError; its bytes are verified.
    Errors name the `path`.
    """

    sha256: bytes
    size_bytes: int
    media_type: str
    path: str
    open: Callable[[], BinaryIO]

    @property
    def file_name(self) -> str:
        """Name for whoever downloads the object from the bucket itself."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Publication:
    """Result of publishing.

    `blobs` are the objects of the library, of which `uploaded` were missing.
    `catalog` is the name of the current catalog; `is_new` is False where
    nothing had changed.
    """

    blobs: int
    uploaded: int
    uploaded_bytes: int
    catalog: str
    is_new: bool


async def publish(
    bucket: Bucket,
    keyring: Keyring,
    library: PublishedLibrary,
    sources: Sequence[BlobSource],
    *,
    known: KnownPointer,
    progress: Progress = lambda _done, _total: None,
    dry_run: bool = False,
) -> Publication:
    """Upload what the bucket lacks, and make the library the current one.

    `known` is the pointer as it was before the library was read: a catalog
    that was published since is newer, and not replaced. With `dry_run`
    nothing is written. Raises PublicationError, BucketError.
    """
    wanted = {each.sha256: each for each in sources}
    pointer, etag = known
    missing = await _missing(bucket, wanted)
    total = sum(each.size_bytes for each in missing)
    blobs = frozenset(wanted)
    # Equal libraries have equal digests, whenever they are published.
    content = await asyncio.to_thread(
        lambda: hashlib.sha256(
            replace(library, published_at=0).encode(keyring, blobs)
        ).hexdigest()
    )
    result = Publication(
        len(wanted), len(missing), total, pointer.catalog if pointer else "",
        is_new=pointer is None or pointer.content != content,
    )  # fmt: skip
    if dry_run:
        return result
    await _upload_all(bucket, missing, progress)
    if not result.is_new:
        return result
    library = replace(
        library, published_at=_time_after(pointer, library.published_at)
    )
    document = await asyncio.to_thread(library.encode, keyring, blobs)
    name = catalog_name(document, library.published_at)
    await bucket.create(catalog_key(name), document, _DOCUMENT)
    await refuse_during_pruning(bucket, keyring)
    await _upload_all(bucket, await _missing(bucket, wanted), progress)
    await move_pointer(
        bucket,
        keyring,
        Pointer(
            serial=_next_serial(pointer, library.published_at),
            catalog=name,
            sha256=hashlib.sha256(document).hexdigest(),
            content=content,
            published_at=library.published_at,
            previous=pointer.catalog if pointer else "",
        ),
        etag,
    )
    return replace(result, catalog=name)


async def roll_back(
    bucket: Bucket, keyring: Keyring, now: int, name: str | None = None
) -> str:
    """Make an earlier catalog the current one again; return its name.

    By default, that is the one that it replaced, or else the one before it
    in time. Raises PublicationError and BucketError.
    """
    pointer, etag = await read_pointer(bucket, keyring)
    if pointer is None:
        raise PublicationError("nothing has been published there yet")
    names = await catalog_names(bucket)
    if name is None and pointer.previous in names:
        name = pointer.previous
    elif name is None:
        earlier = [each for each in names if each < pointer.catalog]
        if not earlier:
            raise PublicationError(
                f"no catalog is older than {pointer.catalog}"
            )
        name = earlier[-1]
    elif name not in names:
        raise PublicationError(f"there is no catalog {name!r}")
    found = await bucket.read(catalog_key(name))
    assert found is not None  # noqa: S101 - it was read unconditionally
    try:
        blobs = await asyncio.to_thread(blobs_of, keyring, found.data)
    except BadDocument as error:
        raise PublicationError(f"{name}: {error}") from None
    # Anew, so that it is of today for whoever deletes old ones.
    await bucket.upload(catalog_key(name), iter([found.data]), _DOCUMENT)
    await refuse_during_pruning(bucket, keyring)
    present = {each.key async for each in bucket.list(BLOBS)}
    lacking = sum(blob_key(each) not in present for each in blobs)
    if lacking:
        raise PublicationError(
            f"{name} can't be used any more: {lacking:,} of its objects have "
            "been deleted"
        )
    await move_pointer(
        bucket,
        keyring,
        Pointer(
            serial=_next_serial(pointer, now),
            catalog=name,
            sha256=hashlib.sha256(found.data).hexdigest(),
            content="",
            published_at=_time_after(pointer, now),
        ),
        etag,
    )
    return name


def _next_serial(pointer: Pointer | None, now: int) -> int:
    """Return the serial of the pointer that replaces another.

    It is at least a time, so that a prefix that is begun anew, after one with
    the same address, is newer than that.
    """
    return max(pointer.serial + 1 if pointer else 1, now)


def _time_after(pointer: Pointer | None, now: int) -> int:
    """Return the time of what replaces a pointer: later, by any clock."""
    return max(pointer.published_at + 1 if pointer else 0, now)


async def catalog_names(bucket: Bucket) -> list[str]:
    """Return the names of all catalogs, the oldest first."""
    names = [
        entry.key.removeprefix(CATALOGS)
        async for entry in bucket.list(CATALOGS)
    ]
    return sorted(filter(is_catalog_name, names))


async def _missing(
    bucket: Bucket, wanted: Mapping[bytes, BlobSource]
) -> list[BlobSource]:
    """Return what the bucket lacks, or has in another size."""
    present = {each.key: each.size_bytes async for each in bucket.list(BLOBS)}
    return [
        each
        for each in wanted.values()
        if present.get(blob_key(each.sha256)) != each.size_bytes
    ]


async def _upload_all(
    bucket: Bucket, missing: Sequence[BlobSource], progress: Progress
) -> None:
    total = sum(each.size_bytes for each in missing)
    done = 0
    queue = iter(missing)

    async def work() -> None:
        nonlocal done
        for source in queue:
            await _upload(bucket, source)
            done += source.size_bytes
            progress(done, total)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(work())
    except* (PublicationError, BucketError) as errors:
        raise _first(errors) from None


def _first(errors: BaseExceptionGroup[Exception]) -> BaseException:
    found: BaseException = errors
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found


async def _upload(bucket: Bucket, source: BlobSource) -> None:
    key = blob_key(source.sha256)
    attributes = {
        "Content-Type": source.media_type,
        "Content-Disposition": content_disposition(
            source.file_name, "attachment"
        ),
    }
    parts = _verified_parts(source)
    if source.size_bytes > SINGLE_BYTES:
        await bucket.upload(key, parts, attributes)
        return
    data = await asyncio.to_thread(lambda: b"".join(parts))
    if not await bucket.create(key, data, attributes):
        # Damaged: it has another size, or another upload was first.
        await bucket.upload(key, iter([data]), attributes)


def _verified_parts(source: BlobSource) -> Iterator[bytes]:
    """Yield a file's bytes, the last of them only if all are right. Blocks.

    Raises PublicationError for another file than the one that was hashed.
    """
    sha256 = hashlib.sha256()
    held_back = b""
    name = printable(source.path)
    changed = PublicationError(f"{name} has changed meanwhile: run this again")
    try:
        with source.open() as file:
            while part := file.read(_SMALL):
                sha256.update(part)
                if held_back:
                    yield held_back
                held_back = part
    except Changed:
        raise changed from None
    except (StorageError, OSError) as error:
        raise PublicationError(
            f"{name} is missing or can't be read"
        ) from error
    if sha256.digest() != source.sha256:
        raise changed
    yield held_back
