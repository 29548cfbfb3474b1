# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files of a source of an import, under names that are safe anywhere.

Apart from `sources` and `zip_source`, which both need it.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from msrv.catalog.library.found_files import RELEASE_TOML, STORE_TOML
from msrv.catalog.names.ignored_names import is_ignored, is_ignored_file
from msrv.catalog.names.portable_names import portable_name
from msrv.catalog.names.truncation import utf16_length
from msrv.display_text import printable

MAX_FILES: Final = 10_000
MAX_DEPTH: Final = 8
_MAX_PATH_UNITS: Final = 200


class ImportRefused(Exception):
    """A source that can't be imported; the text is one line that names it."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a source.

    `name` is its path in the release, with `/`, each part of which is a safe
    name. `path` is where it lies, None for a file in a ZIP.
    """

    name: str
    size_bytes: int
    open: Callable[[], BinaryIO]
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Files to import together: a ZIP, a folder, or a single file.

    `title` is its own name, without a suffix. `is_single` is true for a
    single file. `notes` are what was left out, and why.
    """

    path: Path
    title: str
    files: tuple[SourceFile, ...]
    notes: tuple[str, ...] = ()
    is_single: bool = False

    @property
    def size_bytes(self) -> int:
        """Sum of the sizes of its files."""
        return sum(each.size_bytes for each in self.files)


def safe_name(parts: Iterable[str]) -> str | None:
    """Return a path of safe names; None for what a library ignores.

    Raises ImportRefused for a path that is too deep or too long.
    """
    safe = []
    for part in parts:
        if is_ignored(part) or is_ignored_file(part):
            return None
        stem, suffix = os.path.splitext(part)
        safe.append(portable_name(stem, portable_name(f"x{suffix}")[1:]))
    name = "/".join(safe)
    if len(safe) > MAX_DEPTH or utf16_length(name) > _MAX_PATH_UNITS:
        raise ImportRefused(f"{printable(name[:200])} is too long a path")
    return name


def is_reserved(name: str) -> bool:
    """Return whether a path ends in the name of a configuration file."""
    last = name.rpartition("/")[2].lower()
    return last in {STORE_TOML, RELEASE_TOML}


def refuse_duplicates(where: str, names: Iterable[str]) -> None:
    """Raise ImportRefused if names differ in case only, or not at all."""
    seen: dict[str, str] = {}
    for name in names:
        folded = name.casefold()
        if folded in seen:
            raise ImportRefused(f"{where}: has two files {printable(name)!r}")
        seen[folded] = name
    for folded, name in seen.items():
        above = folded.rpartition("/")[0]
        while above:
            if above in seen:
                raise ImportRefused(
                    f"{where}: {printable(seen[above])!r} is a file, and the "
                    f"folder of {printable(name)!r}"
                )
            above = above.rpartition("/")[0]
