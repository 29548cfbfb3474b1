# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Media types by suffix, and which suffixes are tracks, pictures and the like.

A table of our own, as the standard library's differs between machines and
versions, and every replica has to send the same type. Types that a browser
would execute (HTML, SVG) are left out and sent as bytes. Apart, since seven
modules need nothing but this table.
"""

from typing import Final

AUDIO_TYPES: Final = {
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
}
"""Media types of files that are sold as tracks, by suffix in lower case."""

PICTURES: Final = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif")
"""Suffixes of covers, in order of preference."""

DOCUMENTS: Final = frozenset(
    ".azw3 .cbr .cbz .djvu .epub .fb2 .mobi .pdf".split()
)
"""Suffixes of what a book is sold as."""

VIDEOS: Final = frozenset(
    ".avi .m4v .mkv .mov .mp4 .mpeg .mpg .webm .wmv".split()
)
"""Suffixes of videos."""

_OTHERS: Final = {
    ".avif": "image/avif",
    ".epub": "application/epub+zip",
    ".gif": "image/gif",
    ".gz": "application/gzip",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".mid": "audio/midi",
    ".mkv": "video/matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".txt": "text/plain",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".zip": "application/zip",
}


def media_type(suffix: str) -> str:
    """Return the media type for a suffix with its dot, in lower case."""
    return (
        AUDIO_TYPES.get(suffix)
        or _OTHERS.get(suffix)
        or "application/octet-stream"
    )
