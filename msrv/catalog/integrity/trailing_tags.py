# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tags that lie behind the sound of a FLAC or an MP3, where decoders stumble.

ID3v1 (https://id3.org/ID3v1), Lyrics3 (https://id3.org/Lyrics3v2) and APE
(https://wiki.hydrogenaudio.org/index.php?title=APEv2_specification). Players
skip them; a decoder that stops at errors takes them for damaged sound. Apart
from the formats that they are behind.
"""

from typing import Final

from msrv.catalog.integrity.container_info import ByteSource, id3v2_end

_MAX_TAGS: Final = 8
_ID3V1_BYTES: Final = 128
_APE_FOOTER_BYTES: Final = 32
_APE_HAS_HEADER: Final = 1 << 31
_LYRICS3_START: Final = b"LYRICSBEGIN"
_LYRICS3V1_BYTES: Final = 5100
"""Longest text that Lyrics3v1 allows; it doesn't state its size."""


def sound_end(source: ByteSource) -> int:
    """Return the offset after the sound of a file: before tags at its end.

    The size of the file for containers that state where their sound ends,
    and where no known tag is.
    """
    start = id3v2_end(source)
    end = source.size_bytes
    magic = source.read(start, 4)
    is_mpeg = magic[:1] == b"\xff" and magic[1:2] >= b"\xe0"
    if magic != b"fLaC" and not is_mpeg:
        return end
    for _ in range(_MAX_TAGS):
        size = _tag_size(source, end)
        if not size or end - size <= start:
            break
        end -= size
    return end


def _tag_size(source: ByteSource, end: int) -> int:
    """Return the size of the tag that ends at an offset, 0 for none."""
    if source.read(end - _ID3V1_BYTES, 3) == b"TAG":
        return _ID3V1_BYTES
    footer = source.read(end - _APE_FOOTER_BYTES, 24)
    if footer[:8] == b"APETAGEX":
        size = int.from_bytes(footer[12:16], "little")
        flags = int.from_bytes(footer[20:24], "little")
        return size + (_APE_FOOTER_BYTES if flags & _APE_HAS_HEADER else 0)
    mark = source.read(end - 15, 15)
    if mark[6:] == b"LYRICS200" and mark[:6].isdigit():
        size = int(mark[:6]) + len(mark)
        start = source.read(end - size, len(_LYRICS3_START))
        return size if start == _LYRICS3_START else 0
    if mark[6:] == b"LYRICSEND":
        most = min(end, _LYRICS3V1_BYTES + len(_LYRICS3_START) + 9)
        at = source.read(end - most, most).rfind(_LYRICS3_START)
        return most - at if at >= 0 else 0
    return 0
