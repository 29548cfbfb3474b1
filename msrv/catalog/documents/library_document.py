# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Library document: a loaded library as bytes, and back.

Its catalog is a catalog document. What is before it says of which files, as
their status was, the catalog is. A digest covers both, and the program that
wrote it: another version may read the same files differently.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from msrv import __version__
from msrv.catalog.config.store_config import StoreConfig
from msrv.catalog.documents.catalog_document import append_catalog
from msrv.catalog.library.found_files import FoundFile, Scan
from msrv.catalog.library.release_builder import BuiltRelease
from msrv.catalog.loaded_library import LoadedLibrary
from msrv.catalog.model import Catalog
from msrv.toml_file import Problem

_NAME: Final = b"MSRV stored library\n"
_DIGEST_BYTES: Final = 32
_SIZE_BYTES: Final = 8
_RECENT_NS: Final = 2_000_000_000
"""Within this time of a scan, two changes may have the same date."""


class StoredStatus(msgspec.Struct, frozen=True, array_like=True):
    """Status of a file or folder; `path` is relative to the library.

    The size of a folder is -1: it says nothing.
    """

    path: bytes
    size_bytes: int
    mtime_ns: int
    ctime_ns: int


class _Built(msgspec.Struct, frozen=True, array_like=True):
    """Release as it was built, without the release itself."""

    release_id: str
    source: bytes
    problems: tuple[Problem, ...]
    unpriced: int
    lines: tuple[tuple[bytes, int], ...]
    notes: tuple[str, ...]
    digest: bytes
    is_price_stated: bool


class LibraryHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything but the catalog, whose document follows."""

    root: bytes
    store: StoreConfig
    store_file: StoredStatus | None
    folders: tuple[StoredStatus, ...]
    configs: tuple[tuple[str, StoredStatus], ...]
    built: tuple[_Built, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


_HEAD_DECODER: Final = msgspec.msgpack.Decoder(LibraryHead)


def format_library(
    root: Path, loaded: LoadedLibrary, found: Scan
) -> tuple[bytes, bytearray]:
    """Return the file's digest, and its bytes.

    Raises ValueError, OverflowError, TypeError and OSError.
    """
    catalog = loaded.catalog
    recent_ns = found.started_at_ns - _RECENT_NS
    head = msgspec.msgpack.encode(
        LibraryHead(
            os.fsencode(root.resolve()),
            loaded.store,
            found.store and _status(found.store, recent_ns),
            tuple(
                StoredStatus(
                    os.fsencode(path), -1, *_certain(times, recent_ns)
                )
                for path, times in found.folder_times.items()
            ),
            tuple(_config_statuses(found, loaded.built, recent_ns)),
            tuple(_stored_releases(loaded.built, catalog)),
            loaded.problems,
            loaded.notes,
        )
    )
    buffer = bytearray(_NAME + bytes(_DIGEST_BYTES) + program_digest())
    buffer += len(head).to_bytes(_SIZE_BYTES) + head
    append_catalog(buffer, catalog)
    start = len(_NAME) + _DIGEST_BYTES
    with memoryview(buffer) as view:
        digest = hashlib.sha256(view[start:]).digest()
    buffer[len(_NAME) : start] = digest
    return digest, buffer


def parse_library(data: bytes) -> tuple[bytes, LibraryHead, memoryview]:
    """Return the file's digest and its two parts. Raises ValueError."""
    if not data.startswith(_NAME):
        raise ValueError("it is of another program")
    start = len(_NAME) + _DIGEST_BYTES
    body = memoryview(data)[start:]
    digest = hashlib.sha256(body).digest()
    if digest != data[len(_NAME) : start]:
        raise ValueError("it is damaged")
    if body[:_DIGEST_BYTES] != program_digest():
        raise ValueError("it is of another version of the store")
    start = _DIGEST_BYTES + _SIZE_BYTES
    end = start + int.from_bytes(body[_DIGEST_BYTES:start])
    return digest, _HEAD_DECODER.decode(body[start:end]), body[end:]


def _status(file: FoundFile, recent_ns: int) -> StoredStatus:
    times = _certain((file.mtime_ns, file.ctime_ns), recent_ns)
    return StoredStatus(os.fsencode(file.path), file.size_bytes, *times)


def _folder_statuses(found: Scan, recent_ns: int) -> Iterator[StoredStatus]:
    for path, times in found.folder_times.items():
        certain = _certain(times, recent_ns)
        yield StoredStatus(os.fsencode(path), -1, *certain)


def _certain(times: tuple[int, int], recent_ns: int) -> tuple[int, int]:
    """Return a status's times; others that no file has where they are recent.

    Of two changes at one time, the scan may have seen only the first.
    """
    return times if max(times) < recent_ns else (0, 0)


def _config_statuses(
    found: Scan, built: Mapping[str, BuiltRelease], recent_ns: int
) -> Iterator[tuple[str, StoredStatus]]:
    for folder in found.folders:
        made = built.get(folder.path)
        if folder.config and made and made.release:
            yield made.release.release_id, _status(folder.config, recent_ns)


def _stored_releases(
    built: Mapping[str, BuiltRelease], catalog: Catalog
) -> Iterator[_Built]:
    """Yield the releases that needn't be built again while they are the same.

    One that isn't in the catalog as it was built, because of a duplicate id,
    is built again.
    """
    for _, made in sorted(built.items()):
        release = made.release
        if (
            made.source is not None
            and release is not None
            and catalog.releases_by_id.get(release.release_id) is release
        ):
            yield _Built(
                release.release_id,
                made.source[0],
                made.problems,
                made.unpriced,
                tuple(
                    (os.fsencode(path), line)
                    for path, line in made.lines.items()
                ),
                made.notes,
                made.digest,
                made.is_price_stated,
            )


@cache
def program_digest() -> bytes:
    """Return a digest of what decides how a library is read.

    Another version may read the same files differently.
    """
    package = Path(__file__).parents[1]
    statuses = [
        (str(path.relative_to(package)), status.st_size, status.st_mtime_ns)
        for path in sorted(package.rglob("*.py"))
        for status in [path.stat()]
    ]
    text = repr((__version__, statuses))
    return hashlib.sha256(text.encode()).digest()
