# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cover pictures inside audio files.

APIC of ID3 (MP3, WAV, AIFF), PICTURE of FLAC, METADATA_BLOCK_PICTURE of Ogg,
covr of MP4, and APEv2's Cover Art. The front cover is preferred.
"""

import base64
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO, Final

from msrv.catalog.metadata.audio_files import NotAudio, open_audio, read_apev2

_FRONT_COVER: Final = 3
"""Picture type of ID3v2.4, section 4.14, which FLAC uses as well."""
_ICONS: Final = frozenset({1, 2})
_BYTES_AT_MOST: Final = 32 << 20
_APE_NAMES: Final = ("Cover Art (Front)", "Cover Art (Back)")
_PICTURE_BRANDS: Final = frozenset(
    {b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1"}
)


class NoEmbeddedPicture(Exception):
    """The audio file has no picture or can't be read; one line."""


def is_audio(head: bytes) -> bool:
    """Return whether a file with these first 12 bytes is audio.

    Pictures may look alike: AVIF consists of MP4's boxes, and WebP of WAV's
    chunks.
    """
    if head[:3] == b"ID3" or head[:4] in {b"fLaC", b"OggS", b"FORM"}:
        return True
    if head[:4] in {b"RIFF", b"RF64", b"BW64"}:
        return head[8:12] == b"WAVE"
    if head[4:8] == b"ftyp":
        return head[8:12] not in _PICTURE_BRANDS
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0


def read_picture(file: BinaryIO) -> bytes:
    """Return the bytes of the cover inside an open audio file. Blocks.

    Raises NoEmbeddedPicture.
    """
    file.seek(0)
    try:
        picture = _best_picture(open_audio(file), file)
    except NotAudio as error:
        raise NoEmbeddedPicture(str(error)) from error
    if picture is None:
        raise NoEmbeddedPicture("it contains no picture")
    return picture


def has_picture(sound: Any, file: BinaryIO) -> bool:  # noqa: ANN401 - theirs
    """Return whether an opened audio file contains a picture."""
    return _best_picture(sound, file) is not None


def _best_picture(sound: Any, file: BinaryIO) -> bytes | None:  # noqa: ANN401
    found: list[tuple[int, bytes]] = []
    # A broken picture counts as none; those before it are used.
    with suppress(Exception):
        found.extend(_pictures(sound, file))
    fitting = [
        (kind != _FRONT_COVER, data)
        for kind, data in found
        if kind not in _ICONS and 0 < len(data) <= _BYTES_AT_MOST
    ]
    # The first of equal rank.
    return min(fitting, key=lambda each: each[0])[1] if fitting else None


def _pictures(
    sound: Any,  # noqa: ANN401 - mutagen has no types
    file: BinaryIO,
) -> Iterator[tuple[int, bytes]]:
    """Yield the pictures of an audio file, each with its type."""
    for picture in getattr(sound, "pictures", ()):
        yield picture.type, picture.data
    tags = sound.tags
    if hasattr(tags, "getall"):
        for frame in tags.getall("APIC"):
            yield frame.type, frame.data
    elif tags is not None:
        yield from _tag_pictures(tags)
    if type(sound).__name__ == "MP3":
        ape = read_apev2(file) or {}
        for name in filter(ape.__contains__, _APE_NAMES):
            # The value starts with a file name.
            yield _FRONT_COVER, ape[name].value.partition(b"\0")[2]


def _tag_pictures(tags: Any) -> Iterator[tuple[int, bytes]]:  # noqa: ANN401
    """Yield the pictures of MP4 and of Vorbis comments."""
    from mutagen import flac  # noqa: PLC0415 - as in open_sound

    read_block: Any = flac.Picture
    for data in tags.get("covr", ()):
        yield _FRONT_COVER, bytes(data)
    for text in tags.get("metadata_block_picture", ()):
        block = read_block(base64.b64decode(text))
        yield block.type, block.data
    for text in tags.get("coverart", ()):
        yield _FRONT_COVER, base64.b64decode(text)
