# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files, and their contents as a catalog has them."""

import hashlib
import os
import zlib
from pathlib import Path

from hypothesis import strategies as st

from msrv.downloads.body import Body, FileSlice
from msrv.downloads.ranges import ByteRange
from msrv.storage.model import Content, FileIdentity

NOW = 1_800_000_000

# Values of a field as aiohttp decodes them.
field_values = st.binary().map(lambda b: b.decode("utf-8", "surrogateescape"))


def noise(size: int, seed: str = "") -> bytes:
    """Return bytes without repetition, the same each time."""
    return hashlib.shake_128(f"{size} {seed}".encode()).digest(size)


def add_file(root: Path, path: str, data: bytes) -> Content:
    """Write a file to a library; return its content.

    Its time is an hour ago, so that a change shows for any clock resolution.
    """
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    hour_ago = file.stat().st_mtime - 3600
    os.utime(file, (hour_ago, hour_ago))
    return Content(
        path=path,
        identity=FileIdentity.of(file.stat()),
        sha256=hashlib.sha256(data).digest(),
        crc32=zlib.crc32(data),
        media_type="application/octet-stream",
    )


def known(data: bytes, path: str = "a.flac") -> Content:
    """Return the content of bytes that are in no library."""
    return Content(
        path=path,
        identity=FileIdentity(len(data), NOW * 10**9, NOW * 10**9, 1),
        sha256=hashlib.sha256(data).digest(),
        crc32=zlib.crc32(data),
        media_type="audio/flac",
    )


def joined(body: Body, wanted: ByteRange, data: dict[str, bytes]) -> bytes:
    """Return the bytes of a range; `data` are those of the files, by path."""
    return b"".join(
        data[piece.content.path][piece.start : piece.stop]
        if isinstance(piece, FileSlice)
        else piece
        for piece in body.slice(wanted)
    )
