"""What is downloaded: a large file, a tiny one, and an album to pack."""

import os
from pathlib import Path
from typing import Final

LARGE: Final = "Single/Large.bin"
TINY: Final = "Single/Tiny.bin"
ALBUM: Final = "Album"
ZIP: Final = "Album.zip"
LARGE_BYTES: Final = 1 << 30
"""Of the large file, and of the album's members together."""
TINY_BYTES: Final = 200
_MEMBERS: Final = 8
_STEP_BYTES: Final = 1 << 20


def make_single(library: Path) -> None:
    """Write the large file and the tiny one."""
    _write(library / LARGE, LARGE_BYTES)
    _write(library / TINY, TINY_BYTES)


def make_album(library: Path) -> None:
    """Write as much as the large file has, in several."""
    for number in range(_MEMBERS):
        _write(library / ALBUM / f"{number}.bin", LARGE_BYTES // _MEMBERS)


def warm(path: Path) -> None:
    """Have the page cache hold what is there: some machines take it away."""
    for each in path.rglob("*.bin") if path.is_dir() else (path,):
        with each.open("rb", buffering=0) as file:
            while file.read(_STEP_BYTES):
                pass


def _write(path: Path, size_bytes: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for at in range(0, size_bytes, _STEP_BYTES):
            file.write(os.urandom(min(_STEP_BYTES, size_bytes - at)))
