# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Codec, sample rate, bit depth and channels of an audio file.

Apart from `tags`: it knows mutagen's stream information, and nothing of tags.
"""

from typing import Any, Final

_PCM: Final = frozenset({1, 3, 0xFFFE})
"""Formats of WAV that are samples: integers, floats, and the extension that
states which. https://www.rfc-editor.org/rfc/rfc2361"""
_CODECS: Final = {
    "AIFF": "pcm",
    "FLAC": "flac",
    "MP3": "mp3",
    "OggFLAC": "flac",
    "OggOpus": "opus",
    "OggSpeex": "speex",
    "OggVorbis": "vorbis",
}
_WITH_DEPTH: Final = frozenset({"alac", "flac", "pcm"})
_MAX_NUMBER: Final = 10_000_000


def sound_facts(sound: Any) -> dict[str, Any]:  # noqa: ANN401 - mutagen has no types
    """Return those fields of Tags, of a file that mutagen has opened."""
    kind, info = type(sound).__name__, sound.info
    codec = _CODECS.get(kind, "")
    if kind == "WAVE" and getattr(info, "audio_format", None) in _PCM:
        codec = "pcm"
    elif kind == "MP4":
        codec = "alac" if getattr(info, "codec", "") == "alac" else "aac"
    depth = getattr(info, "bits_per_sample", None)
    return {
        "codec": codec,
        "sample_rate_hz": _number(getattr(info, "sample_rate", None)),
        "bit_depth": _number(depth) if codec in _WITH_DEPTH else None,
        "channels": _number(getattr(info, "channels", None)),
    }


def _number(value: object) -> int | None:
    """Return a plausible number; None for what a broken header states."""
    if not isinstance(value, int) or not 0 < value <= _MAX_NUMBER:
        return None
    return value
