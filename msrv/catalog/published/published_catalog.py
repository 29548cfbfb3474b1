# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Catalog of a library in a bucket, kept up to date while the block lasts.

The pointer is requested each second; only a changed one is sent. A catalog is
believed if this store's NONCE signed it, and its number isn't lower than that
of the last one. Whatever is wrong with the bucket, the last good catalog
stays, also after a restart: it is kept in the data folder.
"""

import asyncio
import hashlib
import logging
from pathlib import Path
from typing import Final, Self

import msgspec

from msrv.catalog.id_history import IdHistory
from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.loaded_library import LoadedLibrary
from msrv.catalog.parsing.parser import Parser
from msrv.catalog.published.layout import (
    POINTER,
    BadDocument,
    Pointer,
    PublishedLibrary,
    catalog_key,
)
from msrv.catalog.published.published_files import (
    PublishedEncodings,
    PublishedFiles,
)
from msrv.display_text import reason_of
from msrv.files import make_private_folder, write_file
from msrv.proofs.keyring import Keyring
from msrv.storage.objects.bucket import Bucket
from msrv.storage.objects.errors import BucketError
from msrv.tasks import Backoff

log = logging.getLogger(__name__)

FOLDER_NAME: Final = "published"
"""Folder of the last good catalog, in the data folder."""
POLL_SECONDS: Final = 1.0
_TIMEOUT_SECONDS: Final = 120.0
"""Limit of one look at the bucket, with the transfer of a catalog."""
_MAX_PAUSE_SECONDS: Final = 30.0
"""Pause after several failures: each may have transferred a catalog."""
_EMPTY_PAUSE_SECONDS: Final = 3.0
"""The same while there is no catalog, and so nothing is sold."""
_FILE_NAME: Final = "catalog"


class _Kept(msgspec.Struct, frozen=True):
    """Last good catalog, and the address of the bucket that it is from.

    All is in one file, so that a crash can't leave a part of it. Another
    bucket has serials and catalogs of its own.
    """

    bucket: str
    pointer: bytes
    catalog: bytes


class PublishedCatalog(LiveCatalog):
    """Catalog that was published to a bucket.

    `files` and `encodings` are replaced with it.
    """

    def __init__(
        self,
        bucket: Bucket,
        keyring: Keyring,
        data: Path,
        *,
        parser: Parser,
        files: PublishedFiles,
        encodings: PublishedEncodings,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        super().__init__(data, data, parser=parser)
        self._bucket = bucket
        self._keyring = keyring
        self._folder = data / FOLDER_NAME
        self._files = files
        self._encodings = encodings
        self._poll_seconds = poll_seconds
        self._pointer: Pointer | None = None
        self._etag: str | None = None

    @property
    def published_at(self) -> int | None:
        """Unix time at which the catalog was published; None without one."""
        return None if self._pointer is None else self._pointer.published_at

    async def __aenter__(self) -> Self:
        """Start, with the catalog of the last time if there is one."""
        self._history = await asyncio.to_thread(IdHistory.open, self._data)
        await asyncio.to_thread(self._load_last)
        self._tasks.start(self.run())
        return self

    async def run(self) -> None:
        """Look for another catalog until cancelled. No error ends it."""
        failures = 0
        backoff = Backoff(self._poll_seconds, _MAX_PAUSE_SECONDS)
        while True:
            try:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    await self._update()
                problem = ""
            except (BadDocument, BucketError) as error:
                problem = str(error)
            except TimeoutError:
                problem = "the bucket doesn't respond"
            except Exception as error:
                log.exception("the published catalog can't be read")
                problem = type(error).__name__
            self._report(problem)
            await asyncio.to_thread(self._write_sold)
            failures = failures + 1 if problem else 0
            pause = (
                backoff.seconds(failures) if failures else self._poll_seconds
            )
            if self._reading is None:
                pause = min(pause, _EMPTY_PAUSE_SECONDS)
            await asyncio.sleep(pause)

    def _report(self, problem: str) -> None:
        if problem and problem != self.problem:
            stays = "" if self._reading is None else "; the last one stays"
            log.error("the catalog can't be updated%s: %s", stays, problem)
        elif self.problem and not problem:
            log.info("the catalog can be updated again")
        self.problem = problem

    async def _update(self) -> None:
        """Read the catalog if there is another. Raises as `run` expects."""
        found = await self._bucket.read(POINTER, unless=self._etag)
        if found is None:
            return
        pointer = Pointer.decode(self._keyring, found.data)
        known = self._pointer
        if known is not None and pointer.serial < known.serial:
            raise BadDocument(
                f"the pointer is older than the last one: {pointer.serial}, "
                f"after {known.serial}"
            )
        if known is None or pointer.sha256 != known.sha256:
            read = await self._bucket.read(catalog_key(pointer.catalog))
            data = read.data if read is not None else b""
            library = await asyncio.to_thread(
                _decode, self._keyring, pointer, data
            )
            await asyncio.to_thread(self._save, found.data, data)
            self._replace(library)
            log.info("catalog %s is the current one", pointer.catalog)
        self._pointer, self._etag = pointer, found.etag

    def _replace(self, library: PublishedLibrary) -> None:
        self._files.files = library.files
        self._encodings.replace(library.encodings)
        self._reading = LoadedLibrary(library.catalog)
        self.scans += 1
        self._ready.set()

    def _save(self, pointer: bytes, catalog: bytes) -> None:
        """Keep a catalog for the next start, unless the disk is full."""
        try:
            make_private_folder(self._folder)
            kept = _Kept(self._bucket.url, pointer, catalog)
            write_file(self._folder / _FILE_NAME, msgspec.msgpack.encode(kept))
        except OSError as error:
            log.warning(
                "the catalog can't be kept in %s: %s",
                self._folder,
                reason_of(error),
            )

    def _load_last(self) -> None:
        """Use the catalog of the last time, if it is this bucket's."""
        try:
            pointer, data = _read_last(
                self._folder, self._bucket, self._keyring
            )
            self._replace(_decode(self._keyring, pointer, data))
            self._pointer = pointer
        except FileNotFoundError:
            return
        except (BadDocument, OSError) as error:
            log.warning("the last catalog isn't used: %s", error)


def _read_last(
    folder: Path, bucket: Bucket, keyring: Keyring
) -> tuple[Pointer, bytes]:
    """Return the pointer and the catalog of the last time.

    Raises OSError, and BadDocument for those of another bucket.
    """
    data = (folder / _FILE_NAME).read_bytes()
    try:
        kept = msgspec.msgpack.decode(data, type=_Kept)
    except msgspec.MsgspecError:
        raise BadDocument("it is damaged, or of another version") from None
    if kept.bucket != bucket.url:
        raise BadDocument(f"it is from {kept.bucket}")
    return Pointer.decode(keyring, kept.pointer), kept.catalog


def read_published(
    bucket: Bucket, keyring: Keyring, data: Path
) -> LoadedLibrary:
    """Return the published catalog, for a command. Blocks.

    Where the bucket is away, that is the one which a store has kept in the
    data folder. Raises BadDocument and BucketError.
    """
    folder = data / FOLDER_NAME
    try:
        found = bucket.read_blocking(POINTER)
        pointer = Pointer.decode(keyring, found.data if found else b"")
        read = bucket.read_blocking(catalog_key(pointer.catalog))
        document = read.data if read else b""
    except BucketError:
        try:
            pointer, document = _read_last(folder, bucket, keyring)
        except (OSError, BadDocument):
            document = b""
        if not document:
            raise
    return LoadedLibrary(_decode(keyring, pointer, document).catalog)


async def read_checked(
    bucket: Bucket, keyring: Keyring
) -> tuple[Pointer, bytes]:
    """Return the pointer, and its bytes, if its catalog is whole.

    Raises BadDocument and BucketError.
    """
    found = await bucket.read(POINTER)
    assert found is not None  # noqa: S101 - it was read unconditionally
    pointer = Pointer.decode(keyring, found.data)
    read = await bucket.read(catalog_key(pointer.catalog))
    data = read.data if read is not None else b""
    await asyncio.to_thread(_decode, keyring, pointer, data)
    return pointer, found.data


def _decode(
    keyring: Keyring, pointer: Pointer, data: bytes
) -> PublishedLibrary:
    if hashlib.sha256(data).hexdigest() != pointer.sha256:
        raise BadDocument(f"{pointer.catalog} isn't what was published")
    return PublishedLibrary.decode(keyring, data)
