"""Covers: smaller copies of artwork, made once for each of a few widths.

No address can set the machine to work: a copy is made only in the widths
that the pages use, few at a time, and kept.
"""

import asyncio
import hashlib
import logging
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from msrv.catalog.embedded_covers import art_key
from msrv.catalog.metadata.cover_images import ArtworkError, NotAPicture
from msrv.catalog.model import Artwork
from msrv.catalog.parsing.errors import ParserCrashed
from msrv.catalog.parsing.parser import Parser
from msrv.files import write_file
from msrv.storage.model import Content, Storage
from msrv.storage.verification import verified

log = logging.getLogger(__name__)

WIDTHS = (160, 320, 640, 1280)
"""The widths in pixels that covers are made in."""


class UnsupportedWidth(ArtworkError):
    """Covers are made in WIDTHS and in no other; `width` is what was asked."""

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.width = width


@dataclass(frozen=True, slots=True)
class CoverImage:
    """A copy of a cover, ready to send.

    `etag` is a strong entity tag with its quotes.
    """

    data: bytes
    media_type: str
    etag: str


# Part of every cached copy's name: raise it when copies are made otherwise.
_RECIPE = 2
_MEDIA_TYPE = "image/webp"
_HOT_BYTES = 8 * 1024 * 1024
_MADE_AT_ONCE = 2

_Key = tuple[bytes, int]


class Covers:
    """Makes smaller copies of covers, once each, and keeps them.

    They are kept in `cache_dir`, which is made when it is
    first needed and may be emptied at any time; the last asked for are in
    memory too. A disk that is full or read-only costs time, not covers.
    `parser` makes them; who gives it closes it.
    """

    def __init__(
        self, folder: Storage, cache_dir: Path, parser: Parser
    ) -> None:
        self._folder = folder
        self._parser = parser
        self._cache_dir = cache_dir
        self._hot: OrderedDict[_Key, CoverImage] = OrderedDict()
        self._hot_bytes = 0
        # By the file that is read, too: another with the same bytes may be
        # there where this one is away.
        self._making: dict[tuple[Content, int], asyncio.Task[CoverImage]] = {}
        self._places = asyncio.Semaphore(_MADE_AT_ONCE)
        self._complained = False

    async def cover(self, artwork: Artwork, width: int) -> CoverImage:
        """Give a cover that fits into a square of `width` pixels.

        It keeps its proportions and is never enlarged. Raises UnsupportedWidth
        where `width` is none of WIDTHS, NotAPicture where the file can't be
        shown, ParsingError where no file can be, and Storage.open's Gone and
        Changed.
        """
        if width not in WIDTHS:
            raise UnsupportedWidth(width)
        # All widths that the original doesn't fill are one copy.
        largest = max(artwork.width, artwork.height)
        width = min([width, *(each for each in WIDTHS if each >= largest)])
        key = (artwork.content.sha256, width)
        if key in self._hot:
            self._hot.move_to_end(key)
            return self._hot[key]
        making = (artwork.content, width)
        task = self._making.get(making)
        if task is None:
            task = asyncio.create_task(self._made(key, artwork))
            self._making[making] = task
            task.add_done_callback(lambda _: self._making.pop(making))
            task.add_done_callback(lambda done: self._finish(key, done))
        # To wait is not to await: when this visitor goes away, the task
        # still runs for the others.
        await asyncio.wait((task,))
        return task.result()

    async def aclose(self) -> None:
        """Wait for what is being made: a thread can't be stopped."""
        await asyncio.gather(*self._making.values(), return_exceptions=True)

    def _finish(self, key: _Key, task: asyncio.Task[CoverImage]) -> None:
        # Looking at the error says that it was seen, where nobody waits.
        if (
            task.cancelled()
            or task.exception() is not None
            or key in self._hot
        ):
            return
        picture = task.result()
        self._hot[key] = picture
        self._hot_bytes += len(picture.data)
        while self._hot_bytes > _HOT_BYTES:
            _, coldest = self._hot.popitem(last=False)
            self._hot_bytes -= len(coldest.data)

    async def _made(self, key: _Key, artwork: Artwork) -> CoverImage:
        sha256, width = key
        path = self._cache_dir / f"{sha256.hex()}-{width}-{_RECIPE}.webp"
        kept = await asyncio.to_thread(_kept, path)
        if kept is not None:
            return kept
        async with self._places:
            data = await verified(
                self._folder,
                lambda: asyncio.to_thread(self._make, artwork, width),
            )
        try:
            await asyncio.to_thread(_save, path, data)
        except OSError as error:
            if not self._complained:
                self._complained = True
                log.warning(
                    "covers can't be cached in %s, so they are made anew "
                    "after each start: %s",
                    self._cache_dir,
                    error.strerror,
                )
        return await asyncio.to_thread(_picture, data)

    def _make(self, artwork: Artwork, width: int) -> bytes:
        sha256 = artwork.content.sha256
        if artwork.is_embedded:
            sha256 = art_key(sha256)
        with self._folder.open(artwork.content) as file:
            try:
                return self._parser.shrink(file, width, sha256)
            except ParserCrashed as error:
                raise NotAPicture(f"it {error.reason}") from error


def _picture(data: bytes) -> CoverImage:
    digest = hashlib.sha256(data).hexdigest()
    return CoverImage(data, _MEDIA_TYPE, f'"{digest[:32]}"')


def _save(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, data, durable_name=False)


def _kept(path: Path) -> CoverImage | None:
    try:
        return _picture(path.read_bytes())
    except OSError:
        return None
