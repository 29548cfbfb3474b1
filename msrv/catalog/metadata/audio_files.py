# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Opening of audio files by mutagen, in one place for all its callers."""

from contextlib import suppress
from typing import Any, BinaryIO

from msrv.display_text import clean_line


class NotAudio(Exception):
    """The tag reader can't read the file; the message is the reason."""


def open_audio(file: BinaryIO) -> Any:  # noqa: ANN401 - mutagen has no types
    """Return an open audio file as mutagen's FileType. Blocks.

    `file` must have its `name`. The result has `info` and `tags`. Raises
    NotAudio.
    """
    # Slow to import (PLC0415), and not needed while the index is warm.
    import mutagen  # noqa: PLC0415
    from mutagen.aiff import AIFF  # noqa: PLC0415
    from mutagen.flac import FLAC  # noqa: PLC0415
    from mutagen.mp3 import MP3  # noqa: PLC0415
    from mutagen.mp4 import MP4  # noqa: PLC0415
    from mutagen.oggflac import OggFLAC  # noqa: PLC0415
    from mutagen.oggopus import OggOpus  # noqa: PLC0415
    from mutagen.oggspeex import OggSpeex  # noqa: PLC0415
    from mutagen.oggvorbis import OggVorbis  # noqa: PLC0415
    from mutagen.wave import WAVE  # noqa: PLC0415

    # Only the formats that are sold as tracks: no playlists, no pictures.
    oggs = [OggVorbis, OggOpus, OggFLAC, OggSpeex]
    kinds = [AIFF, MP3, MP4, FLAC, WAVE, *oggs]
    try:
        sound = mutagen.File(file, options=kinds)
        if sound is None:
            # It reads the first page alone, which may be of a Skeleton.
            sound = _first_that_reads(file, oggs)
    except Exception as error:
        # Its own errors, and struct, index, value and recursion errors that
        # leak from its parsers.
        raise NotAudio(_reason(error, file)) from error
    if sound is None or getattr(sound, "info", None) is None:
        raise NotAudio("it contains no audio")
    return sound


def read_apev2(file: BinaryIO) -> Any:  # noqa: ANN401 - mutagen has no types
    """Return the APEv2 tag of an open file, or None."""
    from mutagen.apev2 import APEv2  # noqa: PLC0415 - as above

    file.seek(0)
    # Most files have none, and a broken one counts as none.
    with suppress(Exception):
        return APEv2(file)  # type: ignore[no-untyped-call] # theirs
    return None


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
    """Return the parser's message without a leading path."""
    name = repr(getattr(file, "name", ""))
    message = str(error).removeprefix(name) or type(error).__name__
    return clean_line(message)
