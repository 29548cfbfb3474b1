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
from msrv.catalog.metadata.mojibake import repair_encoding
from msrv.catalog.metadata.replay_gain import R128_OFFSET_DB, R128_UNITS
from msrv.catalog.metadata.riff_info import read_riff_info
from msrv.display_text import clean_line

_LATIN_1: Final = 0
_UTF_8: Final = 3
_MAX_VALUES: Final = 20
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
_SEVERAL: Final = frozenset({"composer", "genre"})
"""Names of copied tags that may have several values."""
_WRITTEN: Final = {
    "title": ("title", "TIT2", "\xa9nam"),
    "artist": ("artist", "TPE1", "\xa9ART"),
    "album": ("album", "TALB", "\xa9alb"),
    "album_artist": ("albumartist", "TPE2", "aART"),
    "date": ("date", "TDRC", "\xa9day"),
}

Texts = Mapping[str, list[str]]


def read_copied_tags(file: BinaryIO) -> dict[str, list[str]]:
    """Return what encodings have of a master's own tags, by name.

    Its lyrics, genres, composers, copyright and ISRC, those that it has; from
    the INFO chunk of a WAV as well, where its tags have none.
    """
    try:
        tags = open_audio(file).tags
    except NotAudio:
        tags = None
    found = {} if tags is None else _values(tags)
    info = read_riff_info(file)
    copied = {}
    for name in _COPIED:
        most = _MAX_VALUES if name in _SEVERAL else 1
        for values in (found.get(name, []), info.get(name, [])):
            clean = _clean_lyrics if name == _LYRICS else clean_line
            texts = dict.fromkeys(filter(None, map(clean, values)))
            if texts:
                copied[name] = list(texts)[:most]
                break
    return copied


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


def _values(tags: Any) -> dict[str, list[str]]:  # noqa: ANN401 - as below
    """Return the values of the copied tags, of whatever kind the tags are."""
    if hasattr(tags, "getall"):
        return _id3_values(tags)
    found: dict[str, list[str]] = {}
    for name, (comments, _, atom) in _COPIED.items():
        for key in (*comments, atom):
            # An invalid key of one kind is a valid one of another.
            with contextlib.suppress(KeyError, ValueError):
                found.setdefault(name, []).extend(map(_to_text, tags[key]))
    return found


def _id3_values(
    tags: Any,  # noqa: ANN401 - mutagen has no types
) -> dict[str, list[str]]:
    """Return the values of frames, those that are labelled Latin-1 repaired.

    They are judged with the frames of title, artist and album, as elsewhere:
    a single one is often too short.
    """
    frames = {name: keys[1] for name, keys in _COPIED.items()}
    frames |= {name: keys[1] for name, keys in _WRITTEN.items()}
    found: dict[str, list[str]] = {}
    latin_1: list[tuple[str, int]] = []
    for name, frame in frames.items():
        texts = found[name] = []
        for each in tags.getall(frame):
            # Genres may be numbers of a table, which `genres` resolves.
            values = getattr(each, "genres", each.text)
            values = [values] if isinstance(values, str) else map(str, values)
            start = len(texts)
            texts.extend(values)
            if each.encoding == _LATIN_1:
                latin_1 += [(name, at) for at in range(start, len(texts))]
    repaired = repair_encoding([found[name][at] for name, at in latin_1])
    for (name, at), text in zip(latin_1, repaired, strict=True):
        found[name][at] = text
    return found


def _to_text(value: object) -> str:
    # MP4's free-form tags are bytes.
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)


def _clean_lyrics(text: str) -> str:
    """Return lyrics with plain line ends and no control characters."""
    lines = text[:_MAX_LYRICS].splitlines()
    return "\n".join(clean_line(line, 1000) for line in lines).strip()


def _texts(tags: TrackTags, copied: Texts) -> dict[str, list[str]]:
    """Return all texts by name, without the empty ones."""
    stated = {name: str(getattr(tags, name)) for name in _WRITTEN}
    own = {name: [text] for name, text in stated.items() if text}
    return {**copied, **own}


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
    for name, texts in _texts(tags, copied).items():
        key = _WRITTEN[name][0] if name in _WRITTEN else _COPIED[name][0][0]
        sound.tags[key] = texts
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
    found = _texts(tags, copied)
    lyrics = "".join(found.pop(_LYRICS, []))
    for name, texts in found.items():
        key = _WRITTEN[name][1] if name in _WRITTEN else _COPIED[name][1]
        sound.tags.add(getattr(frames, key)(encoding=_UTF_8, text=texts))
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
    for name, texts in _texts(tags, copied).items():
        key = _WRITTEN[name][2] if name in _WRITTEN else _COPIED[name][2]
        is_free_form = key.startswith("----")
        sound.tags[key] = (
            [text.encode() for text in texts] if is_free_form else texts
        )
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
