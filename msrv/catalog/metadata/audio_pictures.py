"""The cover inside of a sound file.

APIC of ID3 (MP3, WAV, AIFF), PICTURE of FLAC, METADATA_BLOCK_PICTURE of Ogg,
covr of MP4, and APEv2's Cover Art. The front cover goes before others.
"""

import base64
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO, Final

from msrv.catalog.metadata.audio_files import NotAudio, open_audio, read_apev2

_FRONT_COVER: Final = 3
"""The type of picture: ID3v2.4, 4.14, which FLAC took over."""
_ICONS: Final = frozenset({1, 2})
_BYTES_AT_MOST: Final = 32 << 20
_APE_NAMES: Final = ("Cover Art (Front)", "Cover Art (Back)")
_PICTURE_BRANDS: Final = frozenset(
    {b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1"}
)


class NoEmbeddedPicture(Exception):
    """The sound holds no picture, or can't be read; one line."""


def is_audio(head: bytes) -> bool:
    """Whether a file that begins with these 12 bytes is a sound.

    And so no picture itself: AVIF is made of the boxes of MP4, and WebP of
    the chunks of WAV.
    """
    if head[:3] == b"ID3" or head[:4] in {b"fLaC", b"OggS", b"FORM"}:
        return True
    if head[:4] in {b"RIFF", b"RF64", b"BW64"}:
        return head[8:12] == b"WAVE"
    if head[4:8] == b"ftyp":
        return head[8:12] not in _PICTURE_BRANDS
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0


def read_picture(file: BinaryIO) -> bytes:
    """Return the cover inside of an open sound file, as it is. Blocks.

    Raises NoEmbeddedArt.
    """
    file.seek(0)
    try:
        picture = _best_picture(open_audio(file), file)
    except NotAudio as error:
        raise NoEmbeddedPicture(str(error)) from error
    if picture is None:
        raise NoEmbeddedPicture("it holds no picture")
    return picture


def has_picture(sound: Any, file: BinaryIO) -> bool:  # noqa: ANN401 - theirs
    """Whether a sound that was opened holds a picture."""
    return _best_picture(sound, file) is not None


def _best_picture(sound: Any, file: BinaryIO) -> bytes | None:  # noqa: ANN401
    found: list[tuple[int, bytes]] = []
    # What is broken is as good as none, and what came before it stays.
    with suppress(Exception):
        found.extend(_pictures(sound, file))
    fitting = [
        (kind != _FRONT_COVER, data)
        for kind, data in found
        if kind not in _ICONS and 0 < len(data) <= _BYTES_AT_MOST
    ]
    # Of equals the first.
    return min(fitting, key=lambda each: each[0])[1] if fitting else None


def _pictures(
    sound: Any,  # noqa: ANN401 - mutagen has no types
    file: BinaryIO,
) -> Iterator[tuple[int, bytes]]:
    """Yield the pictures of a sound, each with its type."""
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
            # Its file's name comes first.
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
