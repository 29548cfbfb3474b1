# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Writing of tags, cover and lyrics into encoded files, by mutagen.

It runs in the confined process of `tagging_main`: the master's own tags, from
which lyrics and credits are copied, are a stranger's input.
"""

import base64
import contextlib
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from msrv.catalog.encodings.track_tags import TrackTags
from msrv.catalog.metadata.audio_files import NotAudio, open_audio
from msrv.catalog.metadata.replay_gain import R128_OFFSET_DB, R128_UNITS
from msrv.display_text import clean_line

_UTF_8: Final = 3
_FRONT_COVER: Final = 3
_MAX_LYRICS: Final = 100_000
_JPEG: Final = "image/jpeg"
_LYRICS: Final = "lyrics"

# By name: the keys of Vorbis comments, ID3 and MP4.
_COPIED: Final = {
    "composer": (("composer",), "TCOM", "\xa9wrt"),
    "copyright": (("copyright",), "TCOP", "cprt"),
    "genre": (("genre",), "TCON", "\xa9gen"),
    "isrc": (("isrc",), "TSRC", "----:com.apple.iTunes:ISRC"),
    _LYRICS: (("lyrics", "unsyncedlyrics"), "USLT", "\xa9lyr"),
}
_WRITTEN: Final = {
    "title": ("title", "TIT2", "\xa9nam"),
    "artist": ("artist", "TPE1", "\xa9ART"),
    "album": ("album", "TALB", "\xa9alb"),
    "album_artist": ("albumartist", "TPE2", "aART"),
    "date": ("date", "TDRC", "\xa9day"),
}

Texts = Mapping[str, str]


def read_copied_tags(file: BinaryIO) -> dict[str, str]:
    """Return what encodings have of a master's own tags, by name.

    Its lyrics, genre, composer, copyright and ISRC; empty where it has no
    tags, or none that can be read.
    """
    try:
        tags = open_audio(file).tags
    except NotAudio:
        return {}
    if tags is None:
        return {}
    found = {}
    for name, (comments, frame, atom) in _COPIED.items():
        text = _first_text(tags, comments, frame, atom)
        cleaned = _clean_lyrics(text) if name == _LYRICS else clean_line(text)
        if cleaned:
            found[name] = cleaned
    return found


def write_tags(
    file: BinaryIO, kind: str, tags: TrackTags, copied: Texts, cover: bytes
) -> float:
    """Write tags into an open encoding that has none; return its seconds.

    `kind` is the recipe's; `cover` is a JPEG, or empty. The same arguments
    write the same bytes. Raises NotAudio for a file that isn't one, before or
    after.
    """
    sound = open_audio(file)
    file.seek(0)
    _WRITERS[kind](sound, tags, copied, cover)
    sound.save(file)
    file.seek(0)
    return float(open_audio(file).info.length)


def _first_text(
    tags: Any,  # noqa: ANN401 - mutagen has no types
    comments: tuple[str, ...],
    frame: str,
    atom: str,
) -> str:
    """Return the first value of a tag, of whatever kind the tags are."""
    values: list[Any] = []
    if hasattr(tags, "getall"):
        values += tags.getall(frame)
    else:
        for key in (*comments, atom):
            # An invalid key of one kind is a valid one of another.
            with contextlib.suppress(KeyError, ValueError):
                values += tags[key]
    for value in values:
        is_text = not isinstance(value, bytes)
        text = str(value) if is_text else value.decode("utf-8", "replace")
        if text.strip():
            return text
    return ""


def _clean_lyrics(text: str) -> str:
    """Return lyrics with plain line ends and no control characters."""
    lines = text[:_MAX_LYRICS].splitlines()
    return "\n".join(clean_line(line, 1000) for line in lines).strip()


def _texts(tags: TrackTags, copied: Texts) -> dict[str, str]:
    """Return all texts by name, without the empty ones."""
    stated = {name: str(getattr(tags, name)) for name in _WRITTEN}
    return {name: text for name, text in {**copied, **stated}.items() if text}


def _replay_gain(tags: TrackTags) -> dict[str, str]:
    """Return the fields of ReplayGain, without the unknown ones."""
    return {
        name: form.format(value)
        for name, form, value in (
            ("REPLAYGAIN_TRACK_GAIN", "{:.2f} dB", tags.track_gain_db),
            ("REPLAYGAIN_TRACK_PEAK", "{:.6f}", tags.track_peak),
            ("REPLAYGAIN_ALBUM_GAIN", "{:.2f} dB", tags.album_gain_db),
        )
        if value is not None
    }


def _r128_gain(tags: TrackTags) -> dict[str, str]:
    """Return the fields that Opus has instead (RFC 7845, section 5.2.1)."""
    return {
        name: str(round((gain - R128_OFFSET_DB) * R128_UNITS))
        for name, gain in (
            ("R128_TRACK_GAIN", tags.track_gain_db),
            ("R128_ALBUM_GAIN", tags.album_gain_db),
        )
        if gain is not None
    }


def _write_vorbis(
    sound: Any,  # noqa: ANN401 - mutagen has no types
    tags: TrackTags,
    copied: Texts,
    cover: bytes,
) -> None:
    """Write Vorbis comments, and the picture of FLAC or a comment for it."""
    from mutagen.flac import FLAC, Picture  # noqa: PLC0415 - slow to import
    from mutagen.oggopus import OggOpus  # noqa: PLC0415 - as above

    if sound.tags is None:
        sound.add_tags()
    for name, text in _texts(tags, copied).items():
        key = _WRITTEN[name][0] if name in _WRITTEN else _COPIED[name][0][0]
        sound.tags[key] = [text]
    for key, number in (
        ("tracknumber", tags.number),
        ("tracktotal", tags.numbers),
        ("discnumber", tags.disc),
        ("disctotal", tags.discs),
    ):
        if number:
            sound.tags[key] = [str(number)]
    is_opus = isinstance(sound, OggOpus)
    gains = _r128_gain(tags) if is_opus else _replay_gain(tags)
    for key, text in gains.items():
        sound.tags[key] = [text]
    if not cover:
        return
    picture: Any = Picture()  # type: ignore[no-untyped-call] # mutagen's own
    picture.type, picture.mime, picture.data = _FRONT_COVER, _JPEG, cover
    if isinstance(sound, FLAC):
        sound.add_picture(picture)  # type: ignore[no-untyped-call] # theirs
    else:
        block = base64.b64encode(picture.write()).decode("ascii")
        sound.tags["metadata_block_picture"] = [block]


def _write_id3(
    sound: Any,  # noqa: ANN401 - mutagen has no types
    tags: TrackTags,
    copied: Texts,
    cover: bytes,
) -> None:
    """Write ID3v2.4, in UTF-8."""
    from mutagen import id3  # noqa: PLC0415 - slow to import

    frames: Any = id3
    if sound.tags is None:
        sound.add_tags()
    texts = _texts(tags, copied)
    lyrics = texts.pop(_LYRICS, "")
    for name, text in texts.items():
        key = _WRITTEN[name][1] if name in _WRITTEN else _COPIED[name][1]
        sound.tags.add(getattr(frames, key)(encoding=_UTF_8, text=[text]))
    for key, number, total in (
        ("TRCK", tags.number, tags.numbers),
        ("TPOS", tags.disc, tags.discs),
    ):
        if number:
            text = f"{number}/{total}"
            sound.tags.add(getattr(frames, key)(encoding=_UTF_8, text=[text]))
    for name, text in _replay_gain(tags).items():
        sound.tags.add(frames.TXXX(encoding=_UTF_8, desc=name, text=[text]))
    if lyrics:
        sound.tags.add(
            frames.USLT(encoding=_UTF_8, lang="und", desc="", text=lyrics)
        )
    if cover:
        sound.tags.add(
            frames.APIC(
                encoding=_UTF_8,
                mime=_JPEG,
                type=_FRONT_COVER,
                desc="",
                data=cover,
            )
        )


def _write_mp4(
    sound: Any,  # noqa: ANN401 - mutagen has no types
    tags: TrackTags,
    copied: Texts,
    cover: bytes,
) -> None:
    """Write the atoms of iTunes."""
    from mutagen.mp4 import MP4Cover  # noqa: PLC0415 - slow to import

    if sound.tags is None:
        sound.add_tags()
    for name, text in _texts(tags, copied).items():
        key = _WRITTEN[name][2] if name in _WRITTEN else _COPIED[name][2]
        is_free_form = key.startswith("----")
        sound.tags[key] = [text.encode() if is_free_form else text]
    for name, text in _replay_gain(tags).items():
        key = f"----:com.apple.iTunes:{name.lower()}"
        sound.tags[key] = [text.encode()]
    if tags.number:
        sound.tags["trkn"] = [(tags.number, tags.numbers)]
    if tags.disc:
        sound.tags["disk"] = [(tags.disc, tags.discs)]
    if cover:
        picture: Any = MP4Cover
        sound.tags["covr"] = [picture(cover, picture.FORMAT_JPEG)]


_WRITERS: Final = {
    "id3": _write_id3,
    "mp4": _write_mp4,
    "vorbis": _write_vorbis,
}
