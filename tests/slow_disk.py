# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Slow disk: a folder mounted through FUSE, each of whose reads is delayed.

`python tests/slow_disk.py FOLDER MOUNT DELAY` runs until it is stopped; each
read takes as many seconds as the file DELAY holds at that moment.
"""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import mfusepy

_ATTRIBUTES = ("st_mode", "st_size", "st_nlink", "st_uid", "st_gid")


class SlowDisk(mfusepy.Operations):  # type: ignore[misc] # it has no types
    """Read-only view of a folder with delayed reads."""

    use_ns = True

    def __init__(self, folder: str, delay: str) -> None:
        self._folder, self._delay = folder, Path(delay)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
        del fh
        found = os.lstat(self._folder + path)
        return {name: getattr(found, name) for name in _ATTRIBUTES} | {
            f"st_{each}time": getattr(found, f"st_{each}time_ns")
            for each in "amc"
        }

    def readdir(self, path: str, fh: int) -> Iterator[str]:
        del fh
        yield from (".", "..")
        yield from (each.name for each in Path(self._folder + path).iterdir())

    def open(self, path: str, flags: int) -> int:
        del flags
        return os.open(self._folder + path, os.O_RDONLY)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        del path
        time.sleep(float(self._delay.read_text("utf-8")))
        return os.pread(fh, size, offset)

    def release(self, path: str, fh: int) -> int:
        del path
        os.close(fh)
        return 0


if __name__ == "__main__":
    mfusepy.FUSE(
        SlowDisk(sys.argv[1], sys.argv[3]),
        sys.argv[2],
        foreground=True,
        ro=True,
    )
