# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Indexing of new and changed files: their hashes and metadata.

Apart from `file_index`, which stores the results, and from `loader`, whose
tests replace it.
"""

import hashlib
import io
import logging
import os
import zlib
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

from msrv.catalog.embedded_covers import art_key, measure_embedded_covers
from msrv.catalog.integrity.container_info import Container
from msrv.catalog.integrity.inspection import inspect_container
from msrv.catalog.library.file_index import (
    PARSER_CRASHED,
    FileIndex,
    IndexEntry,
)
from msrv.catalog.library.found_files import (
    FoundFile,
    FoundFolder,
    Scan,
    content_files,
)
from msrv.catalog.metadata.cover_images import ImageFacts, NotAPicture
from msrv.catalog.metadata.lyrics import SUFFIXES
from msrv.catalog.metadata.tags import MAX_SECONDS
from msrv.catalog.metadata.track_facts import read_track_facts
from msrv.catalog.names.media_types import VIDEOS
from msrv.catalog.parsing.errors import (
    ParserClosed,
    ParserCrashed,
    ParserUnavailable,
    ParsingError,
)
from msrv.catalog.parsing.parser import Parser
from msrv.catalog.scanning.read_batches import Unread, read_in_batches
from msrv.catalog.texts.lyrics_files import read_lyrics_facts
from msrv.display_text import printable, reason_of
from msrv.storage.model import FileIdentity
from msrv.toml_file import Problem

log = logging.getLogger(__name__)

_BLOCK_BYTES: Final = 1 << 20
_SMALL_BYTES: Final = 64 << 10
"""Size up to which a file is in memory, to be read once."""
_SAVE_BYTES: Final = 1 << 30
_SAVE_FILES: Final = 1000
"""Bounds on what is read again after a crash during the first load."""

BEING_CHANGED: Final = "is being changed; not offered yet"

Progress = Callable[[int, int, int, int], None]


class IndexingStopped(Exception):
    """Indexing was stopped, as the store stops."""


class _FileChanged(Exception):
    """The file changed while it was being read."""


def index_files(
    root: Path,
    index: FileIndex,
    folders: Iterable[FoundFolder],
    *,
    parser: Parser,
    stopping: Callable[[], bool],
    progress: Progress,
) -> dict[str, Problem]:
    """Read every new or changed file into the index.

    Return the problems of files that can't be read, by path. `progress` is
    called with the files read and their number, the bytes read and their
    total. A file that crashed its parser is retried once it may be. Raises
    IndexingStopped.
    """
    folders = tuple(folders)
    problems = {}
    unknown: list[Unread] = []
    for folder in folders:
        for file in content_files(folder):
            if not file.has_plausible_size:
                continue
            is_cover = file is folder.cover
            known = index.find(file)
            # A picture that was an extra is measured when it becomes the
            # cover.
            if (
                known is None
                or (is_cover and not known.facts)
                or (known.stops_parser and not parser.holds(known.sha256))
            ):
                unknown.append((file, is_cover))
            # A known file may have become unreadable since.
            elif not _is_readable(f"{root}/{file.path}"):
                problems[file.path] = _problem(
                    file, "can't be read: Permission denied"
                )
    total = sum(file.size_bytes for file, _ in unknown)
    done = saved = 0
    reading = read_in_batches(
        unknown,
        lambda file, is_cover: _read_file(
            root, file, stopping, parser, is_cover=is_cover
        ),
    )
    with closing(reading) as results:
        for count, (file, result) in enumerate(results, 1):
            if isinstance(result, Problem):
                problems[file.path] = result
            else:
                index.add(file.path, result)
            done += file.size_bytes
            if done - saved > _SAVE_BYTES or count % _SAVE_FILES == 0:
                index.save()
                saved = done
            progress(count, len(unknown), done, total)
    measure_embedded_covers(
        index,
        folders,
        lambda file, known: _measure_embedded_cover(
            root, file, known, parser, stopping
        ),
    )
    return problems


def update_index(
    index: FileIndex, found: Scan, others: Iterable[FoundFolder]
) -> None:
    """Save what was read, and remove the entries of deleted files.

    `others` are folders that are not among the releases.
    """
    index.save()
    # The files of a folder that can't be read now keep their entries, or
    # they would all be hashed again.
    if found.is_complete:
        index.retain(
            file.path
            for folder in (*found.folders, *others)
            for file in content_files(folder)
        )


def _measure_embedded_cover(
    root: Path,
    wanted: FoundFile,
    known: IndexEntry,
    parser: Parser,
    stopping: Callable[[], bool],
) -> ImageFacts | None:
    """Return the facts of a track's picture; None if it can't be read now.

    Raises NotAPicture and IndexingStopped.
    """
    if stopping():
        raise IndexingStopped
    path = root / wanted.path
    try:
        with open(path, "rb", opener=_open) as file:
            if _identity(file)[:3] != known.identity[:3]:
                return None
            return parser.measure(file, art_key(known.sha256))
    except ParserClosed as error:
        raise IndexingStopped from error
    except (OSError, ParsingError):
        return None


def _read_file(
    root: Path,
    wanted: FoundFile,
    stopping: Callable[[], bool],
    parser: Parser,
    *,
    is_cover: bool,
) -> IndexEntry | Problem:
    """Return a file's index entry, or a problem if it can't be read.

    The file must not change from the first byte to the last.
    """
    is_parsed = is_cover or wanted.is_track
    try:
        if is_parsed:
            parser.start()  # without one, each load would hash it again
        with open(
            f"{root}/{wanted.path}", "rb", _SMALL_BYTES, opener=_open
        ) as file:
            identity = _identity(file)
            # Without the inode, which some file systems assign anew.
            if identity[:3] != wanted.identity[:3]:
                raise _FileChanged
            content = _content(file, wanted, is_parsed=is_parsed)
            sha256, crc32 = _hash(content, stopping)
            facts = _read_facts(
                content, wanted, sha256, parser, is_cover=is_cover
            )
            if _identity(file) != identity:
                raise _FileChanged
    except IndexingStopped:
        raise
    except ParserClosed as error:
        raise IndexingStopped from error
    except ParserUnavailable as error:
        return _problem(wanted, f"can't be read: no parser: {error}")
    except _FileChanged:
        return _problem(wanted, BEING_CHANGED)
    except OSError as error:
        return _problem(wanted, f"can't be read: {reason_of(error)}")
    except Exception as error:
        # A bug of ours must not affect other files.
        log.exception("%s could not be read", printable(wanted.path))
        return _problem(wanted, f"could not be read: {error!r}; not offered")
    return IndexEntry.of(
        wanted._replace(inode=identity.inode), sha256, crc32, facts
    )


def _is_readable(path: str) -> bool:
    return os.access(
        path, os.R_OK, effective_ids=os.access in os.supports_effective_ids
    )


def _open(path: str, flags: int) -> int:
    # NONBLOCK: a FIFO in the file's place must not hang the thread.
    return os.open(path, flags | os.O_NONBLOCK)


def _content(
    file: BinaryIO, wanted: FoundFile, *, is_parsed: bool
) -> BinaryIO:
    """Return a file, or what is in it if it is small and has no parser."""
    if (
        is_parsed
        or wanted.suffix == ".pdf"
        or wanted.size_bytes > _SMALL_BYTES
    ):
        return file
    return io.BytesIO(file.read(_SMALL_BYTES))


def _hash(file: BinaryIO, stopping: Callable[[], bool]) -> tuple[bytes, int]:
    sha256, crc32 = hashlib.sha256(), 0
    size_bytes = file.seek(0, os.SEEK_END)
    file.seek(0)
    view = memoryview(bytearray(min(size_bytes + 1, _BLOCK_BYTES)))
    while count := file.readinto(view):  # type: ignore[attr-defined] # BinaryIO lacks what every file of bytes has
        if stopping():
            raise IndexingStopped
        sha256.update(view[:count])
        crc32 = zlib.crc32(view[:count], crc32)
    return sha256.digest(), crc32


def _identity(file: BinaryIO) -> FileIdentity:
    return FileIdentity.of(os.fstat(file.fileno()))


def _read_facts(
    file: BinaryIO,
    wanted: FoundFile,
    sha256: bytes,
    parser: Parser,
    *,
    is_cover: bool,
) -> dict[str, Any]:
    """Return a file's metadata; a broken file has the fact "broken"."""
    try:
        if is_cover:
            return asdict(parser.measure(file, sha256))
        if wanted.size_bytes:
            return _read_content_facts(file, wanted, sha256, parser)
    except NotAPicture as error:
        return {"broken": f"can't be used as a cover: {error.reason}"}
    except ParserCrashed as error:
        return {"broken": error.reason, PARSER_CRASHED: True}
    return {}


def _read_content_facts(
    file: BinaryIO, wanted: FoundFile, sha256: bytes, parser: Parser
) -> dict[str, Any]:
    """Return the metadata of a file for sale. Raises ParsingError."""
    container = inspect_container(file, wanted.suffix)
    if container is not None and container.missing:
        return {"broken": container.missing}
    if not wanted.is_track:
        return _read_other_facts(file, wanted, container, sha256, parser)
    return read_track_facts(
        file,
        wanted.suffix,
        container,
        lambda sound: parser.tags(sound, f"track{wanted.suffix}", sha256),
    )


def _read_other_facts(
    file: BinaryIO,
    wanted: FoundFile,
    container: Container | None,
    sha256: bytes,
    parser: Parser,
) -> dict[str, Any]:
    """Return the length of a video, or the number of pages of a PDF.

    It is sold without either, whatever happens to the parser.
    """
    if wanted.suffix in SUFFIXES:
        return read_lyrics_facts(file, wanted)
    if container is None:
        return {}
    seconds = container.duration_seconds
    if wanted.suffix in VIDEOS and seconds and seconds < MAX_SECONDS:
        return {"duration_seconds": seconds}
    if wanted.suffix == ".pdf":
        try:
            pages = parser.page_count(file, sha256)
        except ParserClosed:
            raise
        except ParsingError:
            return {}
        return {"pages": pages} if pages else {}
    return {}


def _problem(file: FoundFile, what: str) -> Problem:
    return Problem(printable(file.path), None, what)
