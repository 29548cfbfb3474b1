# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""ZIP files as sources of an import, whoever made them.

The list of files is judged before anything is unpacked. Names never lead out
of the release's folder, and no more is unpacked than the list states.
"""

import io
import os
import stat
import struct
import zipfile
import zlib
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final, cast

from msrv.catalog.imports.source_files import (
    MAX_FILES,
    ImportRefused,
    Source,
    SourceFile,
    is_metadata,
    is_reserved,
    left_out,
    refuse_duplicates,
    safe_name,
)
from msrv.display_text import printable

_METHODS: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""Others need memory of a size that the file states."""
_IS_UTF8: Final = 0x800
_IS_ENCRYPTED: Final = 0x1
_IS_STRONGLY_ENCRYPTED: Final = 0x40
_MAX_RATIO: Final = 100
_FREE_RATIO_BYTES: Final = 256 << 20
"""Up to this size, any compression is plausible: text, and silence."""


_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""Errors of zipfile for ZIPs that are damaged, or made to look so."""


class DamagedFile(OSError):
    """A file of a ZIP that can't be unpacked."""


def is_zip(path: Path) -> bool:
    """Return whether a file starts as a ZIP does. Raises OSError.

    An MP3 with a ZIP at its end is an MP3.
    """
    with path.open("rb") as file:
        return file.read(4) in {b"PK\3\4", b"PK\5\6"}


def read_zip(path: Path, stack: ExitStack) -> Source:
    """Return the files of a ZIP. Raises ImportRefused and OSError."""
    where = printable(path.name)
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
    except (*_UNREADABLE, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise
        raise ImportRefused(f"{where} is not a valid ZIP: {error}") from None
    infos = [
        # Not `is_dir`, which fails for an empty name.
        each
        for each in archive.infolist()
        if not each.filename.endswith("/")
    ]
    if len(infos) > MAX_FILES:
        raise ImportRefused(f"{where} has over {MAX_FILES:,} files")
    found: list[tuple[list[str], zipfile.ZipInfo]] = []
    for info in infos:
        _check(where, info)
        found.append((_parts(where, info), info))
    _check_size(where, path, infos)
    found = _without_outer_folder(found)
    files, notes = [], []
    for parts, info in found:
        name = safe_name(parts)
        if name is None:
            notes += left_out(parts)
            continue
        if is_reserved(name):
            # A stranger's prices would be the seller's.
            notes.append(f"{printable(name)} was left out")
            continue
        files.append(SourceFile(name, info.file_size, _Opener(archive, info)))
    if not files:
        raise ImportRefused(f"{where} has no files")
    refuse_duplicates(where, [each.name for each in files])
    return Source(path, path.stem, tuple(files), tuple(notes))


def _check(where: str, info: zipfile.ZipInfo) -> None:
    """Raise ImportRefused for a file that is not unpacked on principle."""
    name = printable(info.filename)
    if info.flag_bits & (_IS_ENCRYPTED | _IS_STRONGLY_ENCRYPTED):
        raise ImportRefused(f"{where}: {name!r} is encrypted")
    if info.compress_type not in _METHODS:
        raise ImportRefused(
            f"{where}: {name!r} is compressed by an unusual method: unpack "
            "the ZIP, and import the folder"
        )
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        raise ImportRefused(f"{where}: {name!r} is not a regular file")


def _parts(where: str, info: zipfile.ZipInfo) -> list[str]:
    """Return the parts of a file's path. Raises ImportRefused."""
    # Python cuts a name at a NUL; the original has what was really written.
    name = _decoded(info)
    parts = name.replace("\\", "/").split("/")
    is_drive = len(parts[0]) == 2 and parts[0][1] == ":"
    if (
        "" in parts
        or is_drive
        or any(part.strip() in {".", ".."} for part in parts)
        or "\0" in info.orig_filename
    ):
        raise ImportRefused(
            f"{where}: {printable(info.orig_filename)!r} would be written "
            "outside of the release's folder"
        )
    return parts


def _decoded(info: zipfile.ZipInfo) -> str:
    """Return a name that may be UTF-8 without saying so."""
    name = info.filename
    if info.flag_bits & _IS_UTF8 or name.isascii():
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def _check_size(where: str, path: Path, infos: list[zipfile.ZipInfo]) -> None:
    """Raise ImportRefused for a ZIP whose size is only a trick."""
    unpacked = sum(info.file_size for info in infos)
    packed = path.stat().st_size
    if unpacked > _FREE_RATIO_BYTES and unpacked > _MAX_RATIO * packed:
        raise ImportRefused(
            f"{where} would be {unpacked // packed:,} times as large when "
            "unpacked, which is no music"
        )


def _without_outer_folder(
    found: list[tuple[list[str], zipfile.ZipInfo]],
) -> list[tuple[list[str], zipfile.ZipInfo]]:
    """Remove the folders that everything is in, whatever they are called.

    Files that a library ignores may be beside them.
    """
    while True:
        paths = [
            parts
            for parts, _ in found
            if not is_metadata(parts)
            and (len(parts) > 1 or safe_name(parts) is not None)
        ]
        paths = [
            each for each in paths if safe_name(each[:1]) is not None
        ] or paths
        outer = {each[0] for each in paths}
        if len(outer) != 1 or any(len(each) == 1 for each in paths):
            return found
        found = [
            (
                parts[1:] if len(parts) > 1 and parts[0] in outer else parts,
                info,
            )
            for parts, info in found
        ]


class _Opener:
    """Opens one file of a ZIP, and translates the errors of reading it."""

    def __init__(
        self, archive: zipfile.ZipFile, info: zipfile.ZipInfo
    ) -> None:
        self._archive = archive
        self._info = info

    def __call__(self) -> BinaryIO:
        try:
            return cast("BinaryIO", _Member(self._archive.open(self._info)))
        except _UNREADABLE as error:
            raise _damaged(error) from None


class _Member(io.RawIOBase):
    """File of a ZIP whose errors are OSErrors."""

    def __init__(self, file: object) -> None:
        self._inner = cast("io.BufferedIOBase", file)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        try:
            return self._inner.read(size)
        except _UNREADABLE as error:
            raise _damaged(error) from None

    def close(self) -> None:
        self._inner.close()
        super().close()


def _damaged(error: Exception) -> DamagedFile:
    return DamagedFile(os.EX_DATAERR, f"is damaged ({error})")
