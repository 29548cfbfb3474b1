# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cost of creating a ZIP without sending it, compared with zipstream-ng.

Layout and checksums of ours exist before, so that it only reads.
"""

import asyncio
import hashlib
import subprocess
import time
import zlib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

from bench import peers
from bench.files import ALBUM, make_album, warm
from bench.measuring import Figure, interleave
from msrv.downloads.body import FileSlice
from msrv.downloads.file_reader import FileReader
from msrv.downloads.write_buffer import FULL_BYTES
from msrv.downloads.zip import ZipArchive, ZipMember
from msrv.storage.local import LocalStorage
from msrv.storage.model import Content, FileIdentity

ROUNDS: Final = 9
_THEIRS: Final = """
import sys, time
from zipstream import ZipStream
began = time.process_time()
size = sum(map(len, ZipStream.from_path(sys.argv[1], sized=True)))
print((time.process_time() - began) / size * 1e9)
"""


def measure(folder: Path) -> list[Figure]:
    """Measure CPU seconds per GB of the ZIP of an album."""
    if not peers.has("zipstream"):
        return []
    make_album(folder)
    album = folder / ALBUM
    return interleave(
        {
            "zipstream-ng, not sent": theirs(album),
            "msrv, not sent": ours(album),
        },
        rounds=ROUNDS,
        unit="CPU s/GB",
    )


def ours(album: Path) -> Callable[[], float]:
    """Return a function that reads each chunk of a planned ZIP."""
    members = [
        ZipMember(path.name, _content(path))
        for path in sorted(album.iterdir())
    ]
    archive = ZipArchive.plan(members, date(2026, 1, 1))
    buffer = memoryview(bytearray(FULL_BYTES))

    async def read() -> None:
        files = FileReader(LocalStorage(album))
        for chunk in archive.body.chunks:
            if not isinstance(chunk, FileSlice):
                continue
            file, at = await files.open(chunk.content), chunk.start
            while at < chunk.stop:
                at += await file.read_into(buffer[: chunk.stop - at], at)
        files.close()

    def run() -> float:
        warm(album)
        began = time.process_time()
        asyncio.run(read())
        return (time.process_time() - began) / archive.body.size_bytes * 1e9

    return run


def theirs(album: Path) -> Callable[[], float]:
    """Return a function that runs zipstream-ng in its own environment."""

    def run() -> float:
        warm(album)
        ended = subprocess.run(
            [str(peers.BENCH_PYTHON), "-c", _THEIRS, str(album)],
            stdout=subprocess.PIPE,
            check=True,
            timeout=300,
        )
        return float(ended.stdout)

    return run


def _content(path: Path) -> Content:
    data, status = path.read_bytes(), path.stat()
    return Content(
        path=path.name,
        identity=FileIdentity.of(status),
        sha256=hashlib.sha256(data).digest(),
        crc32=zlib.crc32(data),
        media_type="application/octet-stream",
    )
