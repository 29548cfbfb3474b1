# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""INFO tags of WAV files, as Windows and recorders write them.

Apart from `tags`, since mutagen doesn't read them.

Microsoft, "Multimedia Programming Interface and Data Specifications 1.0",
chapter 2; the fields for track numbers are a convention of taggers.
"""

from typing import BinaryIO, Final

from msrv.catalog.integrity.container_info import ByteSource
from msrv.catalog.integrity.iff import iter_chunks

_FIELDS: Final = {
    b"INAM": "title",
    b"IART": "artist",
    b"IAAR": "album_artist",
    b"IPRD": "album",
    b"IALB": "album",
    b"ICRD": "date",
    b"IGNR": "genre",
    b"IMUS": "composer",
    b"ICOP": "copyright",
    b"ITRK": "number",
    b"IPRT": "number",
}
_VALUE_BYTES: Final = 4096


def read_riff_info(file: BinaryIO) -> dict[str, list[str]]:
    """Return the INFO tags of a WAV, RF64 or BW64, by fields of Tags."""
    source = ByteSource(file)
    found: dict[str, list[str]] = {}
    head = source.read(0, 12)
    if head[:4] not in {b"RIFF", b"RF64", b"BW64"} or head[8:] != b"WAVE":
        return found
    for chunk in iter_chunks(source, 12, source.size_bytes, "little"):
        if chunk.name == b"data" and chunk.end > source.size_bytes:
            break
        if chunk.name != b"LIST" or source.read(chunk.start, 4) != b"INFO":
            continue
        end = min(chunk.end, source.size_bytes)
        for value in iter_chunks(source, chunk.start + 4, end, "little"):
            field = _FIELDS.get(value.name.upper())
            if field:
                count = min(value.size, _VALUE_BYTES)
                text = _text(source.read(value.start, count))
                found.setdefault(field, []).append(text)
    return {field: texts[:1] for field, texts in found.items()}


def _text(data: bytes) -> str:
    data = data.split(b"\0", 1)[0]
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("windows-1252", "replace")
