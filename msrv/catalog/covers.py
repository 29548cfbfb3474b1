# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Covers: resized copies of pictures, in a few fixed widths, cached.

No URL can make the machine work at will: copies are made only in the widths
that the pages use, two at a time, and cached.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from msrv.catalog.embedded_covers import art_key
from msrv.catalog.metadata.cover_images import (
    CoverError,
    NotAPicture,
    PictureFormat,
)
from msrv.catalog.model import Cover
from msrv.catalog.parsing.errors import ParserCrashed
from msrv.catalog.parsing.parser import Parser
from msrv.display_text import reason_of
from msrv.files import refuse_almost_full, write_file
from msrv.storage.model import Content, Storage
from msrv.storage.verification import verified

log = logging.getLogger(__name__)

Fetch = Callable[[str], Awaitable[bytes | None]]
"""Returns a file that was published, None if there is none."""
FOLDER_NAME = "covers"
SHARED_WIDTH = 1200
"""Width of the copy for link previews: a JPEG, which all programs display."""
_PAGE_WIDTHS = (160, 320, 640, 960, 1280)
WIDTHS = (*_PAGE_WIDTHS, SHARED_WIDTH)
"""Widths of covers, in pixels."""


class UnsupportedWidth(CoverError):
    """Covers are only made in WIDTHS; `width` is the requested one."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.width = width


class CoverHeld(NotAPicture):
    """The picture crashed its parser, perhaps by chance; it is tried again."""


@dataclass(frozen=True, slots=True)
class CoverImage:
    """Resized copy of a cover, ready to send.

    `etag` is a strong entity tag with its quotes.
    """

    data: bytes
    media_type: str
    etag: str


# Part of every cached copy's name: increase it when copies change.
_VERSION = 2
_MEMORY_BYTES = 8 * 1024 * 1024
_MAX_CONCURRENT = 2

_Key = tuple[bytes, int, PictureFormat]


class Covers:
    """Resizer of covers, with a cache on disk and one in memory.

    `cache_dir` is created when it is first needed and may be emptied at any
    time; the most recently used copies are in memory too. A disk that is full
    or read-only costs time, not covers. `fetch` returns copies that were made
    elsewhere, by their names in the cache's folder. `parser` does the
    resizing; its owner closes it.
    """

    def __init__(
        self,
        storage: Storage,
        cache_dir: Path,
        parser: Parser,
        fetch: Fetch | None = None,
    ) -> None:
        self._fetch = fetch
        self._storage = storage
        self._parser = parser
        self._cache_dir = cache_dir
        self._in_memory: OrderedDict[_Key, CoverImage] = OrderedDict()
        self._in_memory_bytes = 0
        # By the file that is read, too: another with the same bytes may
        # exist where this one is missing.
        self._making: dict[
            tuple[Content, int, PictureFormat], asyncio.Task[CoverImage]
        ] = {}
        self._concurrency = asyncio.Semaphore(_MAX_CONCURRENT)
        self._warned = False

    async def image(
        self, cover: Cover, width: int, *, as_avif: bool = False
    ) -> CoverImage:
        """Return a cover that fits into a square of `width` pixels.

        It is a WebP, or an AVIF for browsers that support it; the one of
        SHARED_WIDTH is always a JPEG. It keeps its proportions and is never
        enlarged. Raises UnsupportedWidth for a `width` that isn't in WIDTHS,
        NotAPicture if the file can't be displayed, which is CoverHeld while
        that may be chance, ParsingError if no file can be, and Storage.open's
        Gone and Changed.
        """
        if width not in WIDTHS:
            raise UnsupportedWidth(width)
        form: PictureFormat = "AVIF" if as_avif else "WEBP"
        if width == SHARED_WIDTH:
            form = "JPEG"
        # All widths beyond the original's share one copy.
        largest = max(cover.width, cover.height)
        if width != SHARED_WIDTH:
            enough = (each for each in _PAGE_WIDTHS if each >= largest)
            width = min([width, *enough])
        key: _Key = (cover.content.sha256, width, form)
        if key in self._in_memory:
            self._in_memory.move_to_end(key)
            return self._in_memory[key]
        making = (cover.content, width, form)
        task = self._making.get(making)
        if task is None:
            task = asyncio.create_task(self._load_or_make(key, cover))
            self._making[making] = task
            task.add_done_callback(lambda _: self._making.pop(making))
            task.add_done_callback(lambda done: self._on_done(key, done))
        # wait() rather than await: when this request is cancelled, the task
        # continues for the others.
        await asyncio.wait((task,))
        return task.result()

    async def aclose(self) -> None:
        """Wait for the copies in progress: a thread can't be stopped."""
        await asyncio.gather(*self._making.values(), return_exceptions=True)

    def _on_done(self, key: _Key, task: asyncio.Task[CoverImage]) -> None:
        # Reading the exception marks it as retrieved, where no request waits.
        if (
            task.cancelled()
            or task.exception() is not None
            or key in self._in_memory
        ):
            return
        picture = task.result()
        self._in_memory[key] = picture
        self._in_memory_bytes += len(picture.data)
        while self._in_memory_bytes > _MEMORY_BYTES:
            _, oldest = self._in_memory.popitem(last=False)
            self._in_memory_bytes -= len(oldest.data)

    async def _load_or_make(self, key: _Key, cover: Cover) -> CoverImage:
        sha256, width, form = key
        suffix = ".avif" if form == "AVIF" else ""
        path = self._cache_dir / f"{sha256.hex()}-{width}-{_VERSION}{suffix}"
        cached = await asyncio.to_thread(_load, path)
        if cached is not None:
            return cached
        data = None
        if self._fetch is not None:
            data = await self._fetch(f"{FOLDER_NAME}/{path.name}")
        if data is None:
            async with self._concurrency:
                data = await verified(
                    self._storage,
                    lambda: asyncio.to_thread(
                        self._resize, cover, width, form
                    ),
                )
        try:
            await asyncio.to_thread(
                _save, path, data, is_copy=self._fetch is not None
            )
        except OSError as error:
            if not self._warned:
                self._warned = True
                log.warning(
                    "can't cache covers in %s, so they are made again after "
                    "each start: %s",
                    self._cache_dir,
                    reason_of(error),
                )
        return await asyncio.to_thread(_cover_image, data)

    def _resize(self, cover: Cover, width: int, form: PictureFormat) -> bytes:
        sha256 = cover.content.sha256
        if cover.is_embedded:
            sha256 = art_key(sha256)
        with self._storage.open(cover.content) as file:
            try:
                return self._parser.shrink(file, width, sha256, form)
            except ParserCrashed as error:
                kind = CoverHeld if error.is_retried else NotAPicture
                raise kind(f"it {error.reason}") from error


def _cover_image(data: bytes) -> CoverImage:
    digest = hashlib.sha256(data).hexdigest()
    if data.startswith(b"\xff\xd8"):
        media_type = "image/jpeg"
    elif data[4:12] == b"ftypavif":
        media_type = "image/avif"
    else:
        media_type = "image/webp"
    return CoverImage(data, media_type, f'"{digest[:32]}"')


def _save(path: Path, data: bytes, *, is_copy: bool) -> None:
    """Save a picture; a copy of the bucket's only while there is space."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_copy:
        refuse_almost_full(path.parent)
    write_file(path, data, durable_name=False)


def _load(path: Path) -> CoverImage | None:
    try:
        return _cover_image(path.read_bytes())
    except OSError:
        return None
