"""Media types by suffix: which files are tracks, and what the others are.

A table of our own, as the standard library's differs between machines and
versions, and every replica has to say the same of a file. What a browser
would run (HTML, SVG) is left out, and so is just bytes.
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
"""What is sold as a track, by suffix in lower case."""

PICTURES: Final = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif")
"""What a cover may be; of several in one folder, the first of these."""

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
    """Give the media type for a suffix with its dot, in lower case."""
    return (
        AUDIO_TYPES.get(suffix)
        or _OTHERS.get(suffix)
        or "application/octet-stream"
    )
