# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files to download: a large one, a tiny one, and an album for a ZIP."""

import os
from pathlib import Path
from typing import Final

LARGE: Final = "Single/Large.bin"
TINY: Final = "Single/Tiny.bin"
ALBUM: Final = "Album"
ZIP: Final = "Album.zip"
LARGE_BYTES: Final = 1 << 30
"""Size of the large file, and of the album in total."""
TINY_BYTES: Final = 200
_MEMBERS: Final = 8
_STEP_BYTES: Final = 1 << 20


def make_single(library: Path) -> None:
    """Write the large file and the tiny one."""
    _write(library / LARGE, LARGE_BYTES)
    _write(library / TINY, TINY_BYTES)


def make_album(library: Path) -> None:
    """Write files that are as large in total as the large file."""
    for number in range(_MEMBERS):
        _write(library / ALBUM / f"{number}.bin", LARGE_BYTES // _MEMBERS)


def warm(path: Path) -> None:
    """Read files into the page cache, which some machines drop."""
    for each in path.rglob("*.bin") if path.is_dir() else (path,):
        with each.open("rb", buffering=0) as file:
            while file.read(_STEP_BYTES):
                pass


def read_again(folder: Path) -> None:
    """Read files into the page cache from the disk.

    Where they were just written, in small pieces or in large ones, copying
    them from the page cache costs up to half as much again.
    """
    for each in folder.rglob("*"):
        if each.is_file():
            with each.open("rb", buffering=0) as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                while file.read(_STEP_BYTES):
                    pass


def _write(path: Path, size_bytes: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for at in range(0, size_bytes, _STEP_BYTES):
            file.write(os.urandom(min(_STEP_BYTES, size_bytes - at)))
