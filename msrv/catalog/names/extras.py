"""Files that come with a release and are not sold by themselves.

What rippers, players and archivists leave beside tracks, and pictures of what
the record came in. A release without tracks sells whatever it holds: a book
of photographs, a pack of icons.
"""

import re
from typing import Final

from msrv.catalog.names.media_types import AUDIO_TYPES

# Cue sheets and rip logs, playlists, checksums, and what editors keep.
# https://wiki.hydrogenaud.io/index.php?title=Cue_sheet (and its neighbours
# on EAC, AccurateRip, ffp and M3U)
_SIDECARS: Final = frozenset(
    {
        ".accurip",
        ".asd",
        ".asx",
        ".aucdtect",
        ".cue",
        ".diz",
        ".ffp",
        ".log",
        ".lrc",
        ".m3u",
        ".m3u8",
        ".md5",
        ".nfo",
        ".par2",
        ".pls",
        ".reapeaks",
        ".sfk",
        ".sfv",
        ".sha1",
        ".sha256",
        ".sha512",
        ".st5",
        ".toc",
        ".url",
        ".webloc",
        ".wpl",
        ".xspf",
    }
)
_PICTURES: Final = frozenset(
    {
        ".avif",
        ".bmp",
        ".gif",
        ".heic",
        ".heif",
        ".jfif",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".jxl",
        ".png",
        ".svg",
        ".tif",
        ".tiff",
        ".webp",
    }
)
# Texts that say the same without a suffix of their own, or with one more.
_CHECKSUMS: Final = re.compile(
    r"(?:.*[._ -])?(?:accuraterip|accurip|aucdtect|checksums?|ffp|"
    r"fingerprints?|md5(?:sums?)?|sfv|sha(?:1|256|512)?(?:sums?)?)(?:\.txt)?"
)
_ART_FOLDER: Final = re.compile(
    r"(?:cd |album |cover |back )?(?:art|artworks?|booklets?|covers?|images?|"
    r"inlays?|inserts?|pictures?|pics|scans?|sleeves?)"
    r"(?: ?(?:art|scans?|images?|files?))?"
)


def is_extra(name: str) -> bool:
    """Whether a file of this name, beside tracks, is not sold by itself."""
    lower = name.lower()
    stem, dot, suffix = lower.rpartition(".")
    suffix = f".{suffix}" if dot and stem else ""
    return (
        suffix in _SIDECARS
        or suffix in _PICTURES
        or (
            suffix not in AUDIO_TYPES
            and _CHECKSUMS.fullmatch(lower) is not None
        )
    )


def is_art_folder(name: str) -> bool:
    """Whether a folder of this name, in a release, holds its pictures."""
    words = " ".join(re.split(r"[\s._-]+", name.casefold())).strip(" ()[]")
    return _ART_FOLDER.fullmatch(words) is not None
