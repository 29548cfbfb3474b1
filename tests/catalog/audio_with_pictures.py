# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Audio files with embedded pictures, in every format."""

import base64
import io
from collections.abc import Sequence
from typing import Any

from mutagen import aiff, apev2, flac, id3, mp4, oggopus, oggvorbis, wave

_BACK, _FRONT = 4, 3
_MODULES: dict[str, Any] = {
    each.__name__: each
    for each in (aiff, apev2, flac, id3, mp4, oggopus, oggvorbis, wave)
}


def _module(module: str) -> Any:  # noqa: ANN401 - mutagen has no types
    return _MODULES[f"mutagen.{module}"]


def _block(picture: bytes, kind: int) -> Any:  # noqa: ANN401
    block = _module("flac").Picture()
    block.type, block.data, block.mime = kind, picture, "image/png"
    return block


def _frames(pictures: Sequence[tuple[int, bytes]]) -> list[Any]:
    return [
        _module("id3").APIC(
            encoding=3, mime="image/png", type=kind, desc=str(kind), data=data
        )
        for kind, data in pictures
    ]


def with_pictures(
    sound: bytes, name: str, front: bytes | None, back: bytes | None = None
) -> bytes:
    """Put pictures into a sound, the back first; `name` says its format."""
    file = io.BytesIO(sound)
    pictures = [(_BACK, back), (_FRONT, front)]
    given = [(kind, data) for kind, data in pictures if data is not None]
    suffix = name.rpartition(".")[2]
    if suffix == "mp3":
        tags = _module("id3").ID3()
        for frame in _frames(given):
            tags.add(frame)
        tags.save(file)
        return file.getvalue()
    kinds = {
        "wav": ("wave", "WAVE"),
        "aiff": ("aiff", "AIFF"),
        "flac": ("flac", "FLAC"),
        "ogg": ("oggvorbis", "OggVorbis"),
        "opus": ("oggopus", "OggOpus"),
        "m4a": ("mp4", "MP4"),
    }
    module, kind_name = kinds[suffix]
    made = getattr(_module(module), kind_name)(file)
    if suffix in {"wav", "aiff"}:
        if made.tags is None:
            made.add_tags()
        for frame in _frames(given):
            made.tags.add(frame)
    elif suffix == "flac":
        for kind, data in given:
            made.add_picture(_block(data, kind))
    elif suffix == "m4a":
        made["covr"] = [
            _module("mp4").MP4Cover(data) for _, data in given[::-1]
        ]
    else:
        made["metadata_block_picture"] = [
            base64.b64encode(_block(data, kind).write()).decode()
            for kind, data in given
        ]
    file.seek(0)
    made.save(file)
    return file.getvalue()


def with_ape_picture(mp3: bytes, picture: bytes) -> bytes:
    """Put a picture into an APEv2 tag."""
    file = io.BytesIO(mp3)
    tags = _module("apev2").APEv2()
    value = _module("apev2").APEValue(b"front.png\0" + picture, 1)
    tags["Cover Art (Front)"] = value
    tags.save(file)
    return file.getvalue()
