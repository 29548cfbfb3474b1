# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files of a published library: covers, clips, waveforms and encodings.

A store with its library in a bucket makes none of these. It fetches each file
when it is first needed, checks it, and keeps it in the cache where a store
with a folder has it.
"""

import asyncio
import contextlib
import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from msrv.catalog.encodings.encoding_store import Encoding, EncodingStore
from msrv.catalog.model import Release
from msrv.catalog.published.layout import Blob, blob_key
from msrv.catalog.published.preparation import (
    TEXTS,
    WAVEFORMS,
    decode_texts,
)
from msrv.catalog.sound.analysis import AnalysisStore, SoundAnalysis
from msrv.catalog.texts.release_texts import (
    NO_TEXTS,
    ReleaseTexts,
    Texts,
    TextsUnreadable,
)
from msrv.files import make_private_folder, refuse_almost_full, write_file
from msrv.storage.model import Content, Gone
from msrv.storage.objects.bucket import Bucket
from msrv.storage.objects.errors import BucketError

log = logging.getLogger(__name__)

_AT_ONCE: Final = 4
_TEXT_SECONDS: Final = 2
_AWAY_SECONDS: Final = 10


class PublishedFiles:
    """Files of the current catalog, by their names."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        # A bucket that is silent holds these threads, and no other.
        self._threads = ThreadPoolExecutor(_AT_ONCE, "msrv-published-files")
        self.files: Mapping[str, Blob] = {}

    async def fetch(self, name: str) -> bytes | None:
        """Return a file; None if it wasn't published, or can't be had now."""
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._fetch, name
        )

    def _fetch(self, name: str) -> bytes | None:
        blob = self.files.get(name)
        if blob is None:
            return None
        try:
            found = self._bucket.read_blocking(
                blob_key(blob.sha256), max_bytes=blob.size_bytes
            )
        except BucketError as error:
            log.warning("%s can't be fetched: %s", name, error)
            return None
        if found is None or hashlib.sha256(found.data).digest() != blob.sha256:
            log.error("%s in the bucket isn't what was published", name)
            return None
        return found.data


class PublishedTexts(ReleaseTexts):
    """Lyrics and credits of a published library, a file for each release.

    A page waits for them only for a moment, and not at all for a while after
    they could not be had.
    """

    def __init__(self, files: PublishedFiles) -> None:
        super().__init__(None)
        self._files = files
        self._away_until = 0.0

    async def _load(self, release: Release) -> Texts:
        name = TEXTS + release.release_id
        if name not in self._files.files:
            return NO_TEXTS
        if time.monotonic() < self._away_until:
            raise TextsUnreadable
        data = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TEXT_SECONDS):
                data = await self._files.fetch(name)
        if data is None:
            self._away_until = time.monotonic() + _AWAY_SECONDS
            raise TextsUnreadable
        try:
            return decode_texts(data)
        except msgspec.MsgspecError as error:
            raise TextsUnreadable from error


class PublishedStorage:
    """Storage of files that only the publisher has. Implements Storage.

    Downloads don't use it: they read the bucket in ranges.
    """

    def open(self, content: Content) -> BinaryIO:
        """Raise Gone: nothing is made of originals here."""
        raise Gone(content.path)

    def is_verified(self, descriptor: int, content: Content) -> bool:  # noqa: ARG002
        """Return True: objects are named by their digests."""
        return True

    async def verify(
        self, content: Content, descriptor: int | None = None
    ) -> None:
        """Do nothing: objects are named by their digests."""


class PublishedAnalyses(AnalysisStore):
    """Waveforms of a published library, each fetched when it is needed."""

    def __init__(self, folder: Path, files: PublishedFiles) -> None:
        super().__init__(folder)
        self._files = files

    def load(self) -> None:
        """Read the names in the catalog."""
        names = (
            name.removeprefix(WAVEFORMS)
            for name in self._files.files
            if name.startswith(WAVEFORMS)
        )
        self.set_names(names)

    def tidy(self, masters: object) -> None:
        """Delete nothing: the folder is a cache."""

    async def fetch(self, master: str) -> SoundAnalysis | None:
        """Return an analysis, from the folder or else from the bucket.

        None without one, and where it can't be had now.
        """
        found, name = None, self.name_of(master)
        with contextlib.suppress(OSError):
            found = await asyncio.to_thread(self.read, master)
        if found is not None or name is None:
            return found
        data = await self._files.fetch(WAVEFORMS + name)
        if data is None:
            return None
        await asyncio.to_thread(self._save_file, name, data)
        try:
            return SoundAnalysis.from_json(data)
        except ValueError:
            return None

    def _save_file(self, name: str, data: bytes) -> None:
        try:
            make_private_folder(self.folder)
            refuse_almost_full(self.folder)
            write_file(self.folder / name, data, durable_name=False)
        except OSError as error:
            log.warning("waveforms can't be cached: %s", error)


class PublishedEncodings(EncodingStore):
    """Encodings of a published library; nothing is encoded here."""

    def __init__(self, folder: Path, files: PublishedFiles) -> None:
        super().__init__(folder)
        self.analyses = PublishedAnalyses(self.analyses.folder, files)

    def replace(self, encodings: Sequence[Encoding]) -> None:
        """Replace all encodings by those of another catalog."""
        self.set_encodings({each.key: each for each in encodings})
        self.analyses.load()

    def load(self) -> None:
        """Read nothing: the catalog has them."""

    def tidy(self, named: object, now: float) -> int:  # noqa: ARG002
        """Delete nothing; return 0."""
        return 0
