"""What a sound file says of itself, by mutagen."""

import math
import re
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO, Final, Self

from msrv.catalog.text import clean

_NUMBER: Final = re.compile(r"\s*0*([1-9][0-9]{0,3})(?![0-9])")
_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")
# mutagen's "easy" names, then the raw ID3 frames of WAV and AIFF.
_KEYS: Final = {
    "title": ("title", "TIT2"),
    "artist": ("artist", "TPE1"),
    "album_artist": ("albumartist", "TPE2"),
    "album": ("album", "TALB"),
    "date": ("date", "TDRC"),
    "number": ("tracknumber", "TRCK"),
    "disc": ("discnumber", "TPOS"),
}


class NotAudio(Exception):
    """The tag reader can't read the file; its text is the reason, one line."""


@dataclass(frozen=True, slots=True)
class Tags:
    """What the tags say; empty or None where they say nothing.

    `date` begins with a year; it may be one that there isn't.
    """

    title: str = ""
    artist: str = ""
    album_artist: str = ""
    album: str = ""
    date: str = ""
    number: int | None = None
    disc: int | None = None
    duration_seconds: float | None = None

    def to_facts(self) -> dict[str, Any]:
        """Give what the index keeps."""
        return asdict(self)

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        """Read what the index kept."""
        return cls(**facts)


def read_tags(file: BinaryIO) -> Tags:
    """Read the tags of an open file, which has its `name`. Blocks.

    Raises NotAudio.
    """
    # Slow to import (PLC0415), and not needed while the index is warm.
    import mutagen  # noqa: PLC0415
    from mutagen.aiff import AIFF  # noqa: PLC0415
    from mutagen.easymp4 import EasyMP4  # noqa: PLC0415
    from mutagen.flac import FLAC  # noqa: PLC0415
    from mutagen.mp3 import EasyMP3  # noqa: PLC0415
    from mutagen.oggflac import OggFLAC  # noqa: PLC0415
    from mutagen.oggopus import OggOpus  # noqa: PLC0415
    from mutagen.oggspeex import OggSpeex  # noqa: PLC0415
    from mutagen.oggvorbis import OggVorbis  # noqa: PLC0415
    from mutagen.wave import WAVE  # noqa: PLC0415

    # No playlists, no pictures: only what the suffixes that are sold mean.
    oggs = [OggVorbis, OggOpus, OggFLAC, OggSpeex]
    kinds = [AIFF, EasyMP3, EasyMP4, FLAC, WAVE, *oggs]
    try:
        sound = mutagen.File(file, options=kinds)
        if sound is None:
            # It looks at the first page alone, which may be of a Skeleton.
            sound = _first_that_reads(file, oggs)
    except Exception as error:
        # Its own errors, and struct, index, value and recursion errors that
        # leak from its parsers: whatever it is, a player would not play it.
        raise NotAudio(_reason(error, file)) from error
    if sound is None or getattr(sound, "info", None) is None:
        raise NotAudio("no sound in it")
    found = {name: _first(sound.tags, keys) for name, keys in _KEYS.items()}
    date = _DATE.match(found["date"])
    return Tags(
        title=found["title"],
        artist=found["artist"],
        album_artist=found["album_artist"],
        album=found["album"],
        date=date[0] if date else "",
        number=_leading_number(found["number"]),
        disc=_leading_number(found["disc"]),
        duration_seconds=_duration(getattr(sound.info, "length", None)),
    )


def _first_that_reads(file: BinaryIO, kinds: list[Any]) -> Any:  # noqa: ANN401 - theirs
    file.seek(0)
    if file.read(4) != b"OggS":
        return None
    for kind in kinds:
        file.seek(0)
        with suppress(Exception):
            return kind(file)
    return None


def _reason(error: Exception, file: BinaryIO) -> str:
    """Say what the parser said, without the path, which it may begin with."""
    name = repr(getattr(file, "name", ""))
    said = str(error).removeprefix(name) or type(error).__name__
    return clean(said)


def _first(tags: Any, keys: tuple[str, ...]) -> str:  # noqa: ANN401 - theirs
    for key in keys:
        try:
            value = tags[key] if tags is not None else None
        except (KeyError, ValueError):
            continue
        text = getattr(value, "text", value)
        if isinstance(text, list | tuple):
            text = text[0] if text else ""
        cleaned = clean(str(text or ""))
        if cleaned:
            return cleaned
    return ""


def _leading_number(text: str) -> int | None:
    match = _NUMBER.match(text)
    return int(match[1]) if match else None


def _duration(length: object) -> float | None:
    """Take a length in seconds, unless a broken header made it up."""
    if not isinstance(length, int | float) or not math.isfinite(length):
        return None
    return round(length, 3) if length > 0 else None
