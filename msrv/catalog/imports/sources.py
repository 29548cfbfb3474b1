# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sources of an import: ZIPs, folders and single files, all alike.

Nothing is written here, and no file's content is parsed.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from msrv.catalog.imports.source_files import (
    MAX_DEPTH,
    MAX_FILES,
    ImportRefused,
    Source,
    SourceFile,
    is_reserved,
    left_out,
    refuse_duplicates,
    safe_name,
)
from msrv.catalog.imports.zip_source import is_zip, read_zip
from msrv.catalog.library.found_files import RELEASE_TOML
from msrv.catalog.names.ignored_names import is_ignored
from msrv.display_text import printable


def open_source(path: Path, stack: ExitStack) -> Source:
    """Return the source at a path; `stack` closes what it holds open.

    Raises ImportRefused and OSError.
    """
    if path.is_dir():
        return _read_folder(path)
    if not path.is_file():
        path.stat()  # raises OSError where there is nothing
        raise ImportRefused(
            f"{printable(str(path))} is neither a file nor a folder"
        )
    if is_zip(path):
        return read_zip(path, stack)
    if path.suffix.lower() == ".zip":
        raise ImportRefused(f"{printable(str(path))} is not a ZIP")
    name = safe_name([path.name])
    if name is None or is_reserved(name):
        raise ImportRefused(
            f"{printable(str(path))} is a file that a library ignores"
        )
    return Source(
        path,
        path.stem,
        (_file_at(path, name, path.stat().st_size),),
        is_single=True,
    )


def _read_folder(path: Path) -> Source:
    """Return the files of a folder. Links are left out."""
    files: list[SourceFile] = []
    notes: list[str] = []
    where = printable(path.name or str(path))
    for parts, entry in _walk(path, (), notes):
        name = safe_name(parts)
        if name is None:
            notes += left_out(parts)
            continue
        if is_reserved(name) and name != RELEASE_TOML:
            notes.append(f"{printable(name)} was left out")
            continue
        size = entry.stat(follow_symlinks=False).st_size
        files.append(_file_at(Path(entry.path), name, size))
        if len(files) > MAX_FILES:
            raise ImportRefused(f"{where} has over {MAX_FILES:,} files")
    if not files:
        raise ImportRefused(f"{where} has no files")
    refuse_duplicates(where, [each.name for each in files])
    title = path.resolve().name
    return Source(path, title, tuple(files), tuple(notes))


def _walk(
    folder: Path, above: tuple[str, ...], notes: list[str]
) -> Iterator[tuple[tuple[str, ...], "os.DirEntry[str]"]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda each: each.name)
    for entry in entries:
        parts = (*above, entry.name)
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISREG(mode):
            yield parts, entry
        elif is_ignored(entry.name):
            if stat.S_ISDIR(mode) and entry.name.startswith("."):
                notes.append(f"{printable('/'.join(parts))} was left out")
        elif stat.S_ISDIR(mode) and len(parts) <= MAX_DEPTH:
            yield from _walk(Path(entry.path), parts, notes)
        else:
            what = "a link" if stat.S_ISLNK(mode) else "not a regular file"
            notes.append(
                f"{printable('/'.join(parts))} is {what}, and was left out"
            )


def _file_at(path: Path, name: str, size_bytes: int) -> SourceFile:
    return SourceFile(name, size_bytes, lambda: path.open("rb"), path)
