# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files of a source of an import, under names that are safe anywhere.

Apart from `sources` and `zip_source`, which both need it.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from msrv.catalog.library.found_files import RELEASE_TOML, STORE_TOML
from msrv.catalog.names.ignored_names import is_ignored, is_ignored_file
from msrv.catalog.names.media_types import AUDIO_TYPES
from msrv.catalog.names.portable_names import portable_name
from msrv.catalog.names.truncation import utf16_length
from msrv.display_text import printable

MAX_FILES: Final = 10_000
MAX_DEPTH: Final = 8
_MAX_PATH_UNITS: Final = 200
_METADATA_FOLDER: Final = "__macosx"
_METADATA_PREFIX: Final = "._"


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
    def is_zip(self) -> bool:
        """True if its files have to be unpacked."""
        return all(each.path is None for each in self.files)

    @property
    def size_bytes(self) -> int:
        """Sum of the sizes of its files."""
        return sum(each.size_bytes for each in self.files)


def safe_name(parts: Iterable[str]) -> str | None:
    """Return a path of safe names; None for what a library ignores.

    A track whose name begins with dots, like `...And So On.mp3`, has a name
    without them. Raises ImportRefused for a path that is too deep or too
    long.
    """
    safe = []
    *folders, last = parts
    for part in (*folders, _shown(last)):
        if is_ignored(part) or is_ignored_file(part):
            return None
        stem, suffix = os.path.splitext(part)
        safe.append(portable_name(stem, portable_name(f"x{suffix}")[1:]))
    name = "/".join(safe)
    if len(safe) > MAX_DEPTH or utf16_length(name) > _MAX_PATH_UNITS:
        raise ImportRefused(f"{printable(name[:200])} is too long a path")
    return name


def is_track(name: str) -> bool:
    """Return whether a file of this name is sold as a track."""
    return os.path.splitext(name)[1].lower() in AUDIO_TYPES


def is_metadata(parts: Sequence[str]) -> bool:
    """Return whether a file has what macOS stores beside another file."""
    return parts[0].lower() == _METADATA_FOLDER or parts[-1].startswith(
        _METADATA_PREFIX
    )


def left_out(parts: Sequence[str]) -> list[str]:
    """Return the notes for a file that a library ignores: one if it's music.

    No note is needed for the others, like .DS_Store.
    """
    if is_metadata(parts) or not is_track(parts[-1].lstrip(".")):
        return []
    return [f"{printable('/'.join(parts))} was left out"]


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


def _shown(name: str) -> str:
    """Return a track's name without the dots that would hide it."""
    shown = name.lstrip(".")
    is_hidden = name.startswith(_METADATA_PREFIX) or not is_track(shown)
    return name if is_hidden else shown
