# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Recipes: the formats that tracks are encoded in, and how ffmpeg does it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from msrv.catalog.model import Item, ListeningMode, Sound
from msrv.storage.model import Content

ORIGINAL: Final = "original"
"""Name of the file as the seller put it into the library."""

_CD_RATE: Final = 44_100
_VIDEO_RATE: Final = 48_000
_CD_DEPTH: Final = 16
_BIT_EXACT: Final = ("-fflags", "+bitexact", "-flags:a", "+bitexact")
"""No dates, random numbers or versions of programs in the output."""

Arguments = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Recipe of one format.

    `name` is what `formats` in store.toml and `?as=` in a link contain;
    `label` is for people, `suffix` includes its dot. `encoder` is ffmpeg's,
    and `arguments` returns the options for a master's sound. `tags` is the
    kind of tags that the format has: `id3`, `mp4` or `vorbis`.
    """

    name: str
    label: str
    suffix: str
    media_type: str
    encoder: str
    tags: str
    arguments: Callable[[Sound], Arguments]

    def options(self, sound: Sound) -> Arguments:
        """Return ffmpeg's options for its output, without the file."""
        return (*_BIT_EXACT, *self.arguments(sound))


def _lossy(
    *options: str, form: str, max_channels: int = 8, min_rate: int = 0
) -> Callable[[Sound], Arguments]:
    """Return the arguments of a format of at most 48 kHz."""

    def arguments(sound: Sound) -> Arguments:
        channels = min(sound.channels or 2, max_channels)
        rate = str(_at_least(_usual_rate(sound.sample_rate_hz), min_rate))
        mixed = ("-ar", rate, "-ac", str(channels))
        return (*options, *mixed, "-f", form)

    return arguments


def _opus(bit_rate: str) -> Callable[[Sound], Arguments]:
    """Return the arguments of Opus, in stereo at most."""

    def arguments(sound: Sound) -> Arguments:
        channels = str(min(sound.channels or 2, 2))
        options = ("-c:a", "libopus", "-b:a", bit_rate)
        mixed = ("-ar", str(_VIDEO_RATE), "-ac", channels)
        return (*options, *mixed, "-f", "opus")

    return arguments


def _lossless(
    encoder: str, form: str, formats: tuple[str, str], more: Arguments = ()
) -> Callable[[Sound], Arguments]:
    """Return the arguments of a format of 16 or 24 bits, like its master."""

    def arguments(sound: Sound) -> Arguments:
        is_deep = (sound.bit_depth or _CD_DEPTH) > _CD_DEPTH
        options = ("-c:a", encoder, "-sample_fmt", formats[is_deep])
        depth = ("-bits_per_raw_sample", "24") if is_deep else ()
        return (*options, *depth, *more, "-f", form)

    return arguments


def _pcm(form: str, order: str) -> Callable[[Sound], Arguments]:
    """Return the arguments of samples in `le` or `be` order of bytes."""

    def arguments(sound: Sound) -> Arguments:
        bits = 24 if (sound.bit_depth or _CD_DEPTH) > _CD_DEPTH else 16
        return ("-c:a", f"pcm_s{bits}{order}", "-f", form)

    return arguments


def _usual_rate(rate: int | None) -> int:
    """Return the rate of a lossy format: 44.1 or 48 kHz, or a lower one."""
    if rate is None:
        return _CD_RATE
    if rate in _MP3_RATES:
        return rate
    return _CD_RATE if rate % _CD_RATE == 0 else _VIDEO_RATE


def _at_least(rate: int, minimum: int) -> int:
    """Return the first multiple of a rate, by two, that is high enough."""
    while rate < minimum:
        rate *= 2
    return rate


_MP3_RATES: Final = frozenset(
    {8000, 11025, 12000, 16000, 22050, 24000, 32000, _CD_RATE, _VIDEO_RATE}
)
_MPEG_1_RATE: Final = 32_000
"""Below it, MP3 has 160 kbit/s at most, for which LAME lowers the level by
half a decibel."""
_FAST_START: Final = ("-movflags", "+faststart")
"""The index at the start, so that players start before they have it all."""

_TABLE: Final = (
    Recipe(
        *("flac", "FLAC", ".flac", "audio/flac", "flac", "vorbis"),
        _lossless("flac", "flac", ("s16", "s32")),
    ),
    Recipe(
        *("mp3-v0", "MP3 V0", ".mp3", "audio/mpeg", "libmp3lame", "id3"),
        _lossy(
            *("-c:a", "libmp3lame", "-q:a", "0", "-id3v2_version", "0"),
            form="mp3",
            max_channels=2,
        ),
    ),
    Recipe(
        *("mp3-320", "MP3 320", ".mp3", "audio/mpeg", "libmp3lame", "id3"),
        _lossy(
            *("-c:a", "libmp3lame", "-b:a", "320k", "-id3v2_version", "0"),
            form="mp3",
            max_channels=2,
            min_rate=_MPEG_1_RATE,
        ),
    ),
    Recipe(
        *("opus-128", "Opus 128", ".opus", "audio/ogg", "libopus", "vorbis"),
        _opus("128k"),
    ),
    Recipe(
        *("aac-256", "AAC 256", ".m4a", "audio/mp4", "aac", "mp4"),
        _lossy(
            *("-c:a", "aac", "-b:a", "256k", *_FAST_START),
            form="ipod",
            max_channels=2,
        ),
    ),
    Recipe(
        *("alac", "ALAC", ".m4a", "audio/mp4", "alac", "mp4"),
        _lossless("alac", "ipod", ("s16p", "s32p"), _FAST_START),
    ),
    Recipe(
        *("vorbis-q6", "Ogg Vorbis", ".ogg", "audio/ogg", "libvorbis"),
        "vorbis",
        _lossy("-c:a", "libvorbis", "-q:a", "6", form="ogg", max_channels=2),
    ),
    Recipe(
        *("wav", "WAV", ".wav", "audio/wav", "pcm_s16le", "id3"),
        _pcm("wav", "le"),
    ),
    Recipe(
        *("aiff", "AIFF", ".aiff", "audio/aiff", "pcm_s16be", "id3"),
        _pcm("aiff", "be"),
    ),
)
RECIPES: Final = {each.name: each for each in _TABLE}
"""All recipes by name, in the order in which pages list them."""

STREAMS: Final = {
    each.name: each
    for each in (
        Recipe(
            *("aac-128", "AAC 128", ".m4a", "audio/mp4", "aac", "mp4"),
            _lossy(
                *("-c:a", "aac", "-b:a", "128k", *_FAST_START),
                form="ipod",
                max_channels=2,
            ),
        ),
        Recipe(
            *("opus-96", "Opus 96", ".opus", "audio/ogg", "libopus", "vorbis"),
            _opus("96k"),
        ),
    )
}
"""Recipes of what is listened to before buying, and never downloaded.

The first is one that every browser plays.
"""

_FILE_FORMATS: Final = {
    ".aif": "aiff",
    ".aiff": "aiff",
    ".flac": "flac",
    ".m4a": "m4a",
    ".mp3": "mp3",
    ".oga": "ogg",
    ".ogg": "ogg",
    ".opus": "opus",
    ".wav": "wav",
}


def file_format(content: Content, sound: Sound | None = None) -> str:
    """Return the name of the format that a seller's own file has.

    `flac` for a FLAC file, `mp3` for an MP3 of any quality; empty for a file
    that isn't a track.
    """
    if sound is not None and sound.codec == "alac":
        return "alac"
    name = content.path.rpartition("/")[2]
    return _FILE_FORMATS.get(f".{name.rpartition('.')[2].lower()}", "")


_PLAYER_TYPES: Final = {
    "aac-256": 'audio/mp4; codecs="mp4a.40.2"',
    "alac": 'audio/mp4; codecs="alac"',
    "opus-128": 'audio/ogg; codecs="opus"',
    "vorbis-q6": 'audio/ogg; codecs="vorbis"',
}


def player_type(name: str, media_type: str = "") -> str:
    """Return the type by which a browser tells whether it plays a format.

    `media_type` is the answer for a format that has no recipe.
    """
    recipe = RECIPES.get(name)
    usual = media_type if recipe is None else recipe.media_type
    return _PLAYER_TYPES.get(name, usual)


def stream_recipes(item: Item) -> Sequence[Recipe]:
    """Return the recipes of a track that can be listened to as a whole."""
    if item.sound is None or item.listening.mode is not ListeningMode.FULL:
        return ()
    return tuple(STREAMS.values())


def wanted_recipes(item: Item) -> Sequence[Recipe]:
    """Return the recipes by which to encode an item.

    Those of its `formats` for a lossless master, without the formats that
    the seller's own files have.
    """
    if item.sound is None or not item.sound.is_lossless or not item.formats:
        return ()
    own = {file_format(item.content, item.sound)}
    own.update(map(file_format, item.alternatives))
    return [
        recipe
        for name, recipe in RECIPES.items()
        if name in item.formats and name not in own
    ]
