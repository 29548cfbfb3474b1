# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Names of extras: files that come with a release and aren't sold alone.

Files that rippers, players and archivists write beside tracks, and pictures
of the packaging. A release without tracks has no extras: its pictures may be
a book of photographs, or a pack of icons.
"""

import os
import re
from typing import Final

from msrv.catalog.names.media_types import AUDIO_TYPES
from msrv.display_text import normalize_nfc

# Cue sheets and rip logs, playlists, checksums, and editors' own files.
# https://wiki.hydrogenaud.io/index.php?title=Cue_sheet (and its neighbours
# on EAC, AccurateRip, ffp and M3U). Overviews and peaks: `.gpk`, `.ovw`
# (WaveLab, Cubase), `.pek`, `.pk`, `.pkf` (Audition), `.reapeaks` (REAPER),
# `.sfk` (Vegas), `.asd` (Live).
_SIDECARS: Final = frozenset(
    {
        ".accurip",
        ".asd",
        ".asx",
        ".aucdtect",
        ".cue",
        ".diz",
        ".ffp",
        ".gpk",
        ".log",
        ".lrc",
        ".m3u",
        ".m3u8",
        ".md5",
        ".nfo",
        ".ovw",
        ".par2",
        ".pek",
        ".pk",
        ".pkf",
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
# The same kinds of text without a suffix of their own, or with `.txt`; reports
# on loudness, and on how a recording was made.
_CHECKSUMS: Final = re.compile(
    r"(?:.*[._ -])?(?:accuraterip|accurip|aucdtect|checksums?|dr(?:14)?|ffp|"
    r"fingerprints?|lineage|md5(?:sums?)?|sfv|sha(?:1|256|512)?(?:sums?)?)(?:\.txt)?"
)
_ART_FOLDER: Final = re.compile(
    r"(?:cd |album |cover |back )?(?:art|artworks?|booklets?|covers?|images?|"
    r"inlays?|inserts?|pictures?|pics|scans?|sleeves?)"
    r"(?: ?(?:art|scans?|images?|files?))?"
)


def is_extra(name: str) -> bool:
    """Return whether a file of this name, beside tracks, is an extra."""
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


def stem_of(path: str) -> str:
    """Return a path without its suffix, the same for all its spellings."""
    return normalize_nfc(os.path.splitext(path)[0]).casefold()


def is_art_folder(name: str) -> bool:
    """Return whether a folder of this name, in a release, holds artwork."""
    words = " ".join(re.split(r"[\s._-]+", name.casefold())).strip(" ()[]")
    return _ART_FOLDER.fullmatch(words) is not None
