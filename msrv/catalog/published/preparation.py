# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Preparation of a library for replicas: all that is made from its files.

Replicas have neither the library nor ffmpeg, so covers in every width, clips,
encodings and waveforms are made before they are published. All of it stays in
the caches of the data folder, so that the next time only what is new is made.
"""

import asyncio
import hashlib
import io
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from msrv.catalog.covers import SHARED_WIDTH, WIDTHS, Covers
from msrv.catalog.encodings.encoding_plan import EncodingPlan
from msrv.catalog.encodings.encoding_store import Encoding, EncodingStore
from msrv.catalog.encodings.worker import EncodingWorker
from msrv.catalog.loaded_library import FixedCatalog
from msrv.catalog.metadata.cover_images import CoverError
from msrv.catalog.metadata.track_texts import TrackTexts
from msrv.catalog.model import Catalog, Cover, Item, Release
from msrv.catalog.parsing.errors import ParsingError
from msrv.catalog.previews import NoPreview, Previews
from msrv.catalog.published.layout import Blob, PublishedLibrary
from msrv.catalog.published.upload import BlobSource
from msrv.catalog.texts.release_texts import ReleaseTexts
from msrv.storage.local import LocalStorage
from msrv.storage.model import Content, StorageError

log = logging.getLogger(__name__)

COVERS: Final = "covers/"
TEXTS: Final = "texts/"
PREVIEWS: Final = "previews/"
WAVEFORMS: Final = "waveforms/"
_TYPES: Final = {
    "": "image/webp",
    ".avif": "image/avif",
    ".json": "application/json",
    ".mp3": "audio/mpeg",
    ".svg": "image/svg+xml",
}
_BYTES: Final = "application/octet-stream"
_POLL_SECONDS: Final = 0.2
_HASH_CHARS: Final = 64

Progress = Callable[[str, int, int], None]
"""Called with what is made, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class PreparedLibrary:
    """Library to publish, and the files of all its objects."""

    library: PublishedLibrary
    sources: tuple[BlobSource, ...]
    missing_encodings: int = 0


@dataclass(frozen=True, slots=True)
class LibraryTools:
    """Makers of files, and the folders where the files are kept.

    `cache` has the folders `covers` and `previews`.
    """

    storage: LocalStorage
    covers: Covers
    previews: Previews
    encodings: EncodingStore
    cache: Path
    ffmpeg: str | None
    jobs: int
    texts: ReleaseTexts


async def prepare(
    catalog: Catalog,
    tools: LibraryTools,
    now: int,
    progress: Progress = lambda _what, _done, _total: None,
) -> PreparedLibrary:
    """Make what is missing, and return the library with its files.

    A cover or a track that can't be converted is left out, as in a store.
    """
    await _make_covers(catalog, tools, progress)
    await _make_clips(catalog, tools, progress)
    missing = await _make_encodings(catalog, tools, progress)
    texts = await _read_texts(catalog, tools.texts)
    return await asyncio.to_thread(
        _collect, catalog, tools, texts, now, missing
    )


async def _make_covers(
    catalog: Catalog, tools: LibraryTools, progress: Progress
) -> None:
    covers = list(_covers(catalog))
    for number, cover in enumerate(covers):
        progress("covers", number, len(covers))
        for width in WIDTHS:
            for as_avif in (False, True):
                if as_avif and width == SHARED_WIDTH:
                    continue
                try:
                    await tools.covers.image(cover, width, as_avif=as_avif)
                except (CoverError, ParsingError, StorageError) as error:
                    log.warning(
                        "%r has no cover: %s", cover.content.path, error
                    )
                    break


async def _make_clips(
    catalog: Catalog, tools: LibraryTools, progress: Progress
) -> None:
    items = list(filter(tools.previews.is_offered, _items(catalog)))
    for number, item in enumerate(items):
        progress("previews", number, len(items))
        try:
            await tools.previews.clip(item)
        except NoPreview:
            continue  # the reason is logged


async def _make_encodings(
    catalog: Catalog, tools: LibraryTools, progress: Progress
) -> int:
    """Encode what is missing; return the number of those that failed."""
    planned = await asyncio.to_thread(
        lambda: EncodingPlan.of(catalog).encodings
    )
    if not planned:
        return 0
    worker = EncodingWorker(
        FixedCatalog(catalog),
        tools.storage,
        tools.covers,
        tools.encodings,
        ffmpeg=tools.ffmpeg,
        jobs=tools.jobs,
    )
    async with worker:
        while True:
            status = worker.progress.status
            progress("encodings", status.ready, status.wanted)
            if worker.progress.is_paused:
                break
            if status.wanted and not status.waiting:
                break
            if status.wanted and status.problem and not worker.is_encoding:
                break  # ffmpeg lacks the encoders of the others
            await asyncio.sleep(_POLL_SECONDS)
    return worker.progress.status.wanted - worker.progress.status.ready


async def _read_texts(
    catalog: Catalog, reader: ReleaseTexts
) -> dict[str, bytes]:
    """Return the lyrics and credits of all tracks, as files to publish."""
    found = {}
    for release in catalog.releases:
        texts = await reader.of(release)
        if texts:
            found[TEXTS + release.release_id] = msgspec.msgpack.encode(
                dict(texts)
            )
    return found


def decode_texts(data: bytes) -> dict[str, TrackTexts]:
    """Return the texts of a release in a file that was published.

    Raises msgspec.MsgspecError for anything else.
    """
    return msgspec.msgpack.decode(data, type=dict[str, TrackTexts])


def _collect(
    catalog: Catalog,
    tools: LibraryTools,
    texts: Mapping[str, bytes],
    now: int,
    missing: int,
) -> PreparedLibrary:
    """Return what there is now. Blocks."""
    encodings = _encodings(catalog, tools.encodings)
    encoded = LocalStorage(tools.encodings.folder)
    sources: dict[bytes, BlobSource] = {}
    for content in contents_of(catalog):
        sources.setdefault(content.sha256, _source(tools.storage, content))
    for each in encodings:
        sources.setdefault(each.content.sha256, _source(encoded, each.content))
    files: dict[str, Blob] = {}
    for folder, prefix, hashes in (
        (
            tools.cache / "covers",
            COVERS,
            {each.content.sha256.hex() for each in _covers(catalog)},
        ),
        (
            tools.cache / "previews",
            PREVIEWS,
            {each.content.sha256.hex() for each in _items(catalog)},
        ),
        (
            tools.encodings.analyses.folder,
            WAVEFORMS,
            {each.master for each in encodings},
        ),
    ):
        for path in _files_of(folder, hashes):
            source = _source_of_file(path)
            files[prefix + path.name] = Blob(source.sha256, source.size_bytes)
            sources.setdefault(source.sha256, source)
    for name, data in texts.items():
        source = _source_of_bytes(data)
        files[name] = Blob(source.sha256, source.size_bytes)
        sources.setdefault(source.sha256, source)
    return PreparedLibrary(
        PublishedLibrary(catalog, encodings, files, now),
        tuple(sources.values()),
        missing,
    )


def contents_of(catalog: Catalog) -> Iterator[Content]:
    """Yield the content of everything that can be bought or displayed."""
    for item in _items(catalog):
        yield item.content
        yield from item.alternatives
    for cover in _covers(catalog):
        yield cover.content


def _items(catalog: Catalog) -> Iterator[Item]:
    """Yield all items, former ones and extras included."""
    for entry in _entries(catalog):
        if isinstance(entry, Item):
            yield entry
        else:
            yield from (*entry.items, *entry.extras)


def _covers(catalog: Catalog) -> Iterator[Cover]:
    """Yield all pictures that pages and ZIPs have, each once."""
    found: dict[bytes, Cover] = {}
    for entry in _entries(catalog):
        if isinstance(entry, Release) and entry.cover is not None:
            found.setdefault(entry.cover.content.sha256, entry.cover)
    for picture in (
        *(each.picture for each in catalog.pages),
        *(each.picture for each in catalog.profiles),
    ):
        if picture is not None:
            found.setdefault(picture.content.sha256, picture)
    yield from found.values()


def _entries(catalog: Catalog) -> Iterator[Item | Release]:
    yield from catalog.releases
    yield from catalog.by_id.values()
    for release in catalog.releases:
        yield from release.former


def _encodings(catalog: Catalog, store: EncodingStore) -> tuple[Encoding, ...]:
    found = {}
    for planned in EncodingPlan.of(catalog).encodings:
        made = store.find(planned.source, planned.master, planned.recipe.name)
        if made is not None:
            found[made.key] = made
    return tuple(each for _, each in sorted(found.items()))


def _files_of(folder: Path, hashes: set[str]) -> Iterable[Path]:
    """Return the files of a cache whose names start with one of the hashes."""
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if path.name[:_HASH_CHARS] in hashes and path.is_file()
        )
    except FileNotFoundError:
        return ()


def _source(storage: LocalStorage, content: Content) -> BlobSource:
    return BlobSource(
        content.sha256,
        content.size_bytes,
        content.media_type,
        content.path,
        partial(storage.open_unverified, content),
    )


def _source_of_file(path: Path) -> BlobSource:
    """Return a file of a cache as an object. Blocks. Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        size_bytes = file.tell()
    return BlobSource(
        digest,
        size_bytes,
        _TYPES.get(path.suffix, _BYTES),
        path.name,
        lambda: path.open("rb"),
    )


def _source_of_bytes(data: bytes) -> BlobSource:
    digest = hashlib.sha256(data).digest()
    return BlobSource(
        digest, len(data), _BYTES, "data", partial(io.BytesIO, data)
    )
