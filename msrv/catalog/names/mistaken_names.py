# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Near misses: names that are nearly release.toml, store.toml or a cover's.

Windows hides suffixes, editors add one, phones save in formats of their own:
such a file is neither used nor meant for sale, and the seller should know.
Apart from `scan`: it decides by the name alone.
"""

import difflib
import re
from typing import Final

from msrv.catalog.names.media_types import PICTURES

_TOMLS: Final = ("release", "store")
_TOML_LIKE: Final = 0.85
"""`.tom` and `.tml` are similar enough to `.toml`; `.html` is not."""
_STEM_LIKE: Final = 0.8
_COPY: Final = re.compile(
    r"^(?:copy of|kopie von|copie de)\s+|"
    r"\s*(?:\(\d+\)|-?\s*(?:copy|kopie|copie|copia)(?:\s*\(?\d+\)?)?)$"
)
_UNSUPPORTED_PICTURES: Final = frozenset(
    ".bmp .heic .heif .jfif .jp2 .jpe .jxl .pjpeg .psd .svg .tif .tiff".split()
)
_COVER_LIKE: Final = frozenset(
    "cover coverr covr cver coer cvoer coevr covre ccover".split()
)
_COVER_BEGINS: Final = ("c", "k")
"""`cover`, and `kopie von cover`."""
_COVER_ENDS: Final = (*(suffix[1:] for suffix in PICTURES), "txt")
_COVER: Final = re.compile(
    r"(?P<stem>.*?)(?P<suffixes>(?:\s*\.\s*"
    rf"(?:{'|'.join(suffix[1:] for suffix in PICTURES)}))+)"
    r"(?:\.txt)?\s*"
)
_CONFLICT: Final = re.compile(
    r".*(?:"
    # Dropbox, Nextcloud and Box, Seafile; Syncthing; ownCloud.
    r"\((?:[^()]*\b)?(?:conflicted copy|case conflict|sfconflict)\b[^()]*\)"
    r"|\.sync-conflict-[0-9]{8}-[0-9]{6}"
    r"|_conflict-[0-9]{8}-[0-9]{6}"
    r").*",
    re.DOTALL,
)


def describe_near_miss(name: str) -> str | None:
    """Return a half-sentence on a name that is nearly a special one.

    None for any other name, and for one that is correct.
    """
    lower = name.lower()
    # Called for each file of a library every second; most return here.
    may_be_toml = "toml" in lower or "store" in lower or "release" in lower
    may_be_cover = lower.lstrip()[:1] in _COVER_BEGINS
    if not (may_be_toml or may_be_cover or "conflict" in lower):
        return None
    meant = (_meant_toml(lower) if may_be_toml else None) or _meant_cover(
        lower
    )
    if meant == lower:
        return None
    if meant:
        return f"is not used, and not offered: should it be called {meant!r}?"
    stem, _, suffix = lower.rpartition(".")
    if stem.strip() == "cover" and f".{suffix}" in _UNSUPPORTED_PICTURES:
        return (
            f"is a cover in a format that browsers can't show; not offered: "
            f"save it as cover{PICTURES[0]}"
        )
    if "conflict" in lower and _CONFLICT.fullmatch(lower):
        return (
            "is a conflicted copy made by a sync program; not offered: "
            "keep one of the two"
        )
    return None


def _meant_toml(lower: str) -> str | None:
    """Return the name of the configuration file that was meant, or None."""
    for stem in _TOMLS:
        right = f"{stem}.toml"
        # With something after it, as in `release.toml.txt`.
        if lower.strip() != right and lower.startswith(right):
            return right
    stem, dot, suffix = lower.strip().rpartition(".")
    plain = _COPY.sub("", stem).strip()
    if not dot:
        return None
    if suffix == "toml":
        close = difflib.get_close_matches(plain, _TOMLS, 1, _STEM_LIKE)
        return f"{close[0]}.toml" if close else None
    if plain in _TOMLS and _is_similar(suffix, "toml"):
        return f"{plain}.toml"
    return None


def _is_similar(suffix: str, right: str) -> bool:
    matcher = difflib.SequenceMatcher(None, suffix, right)
    return matcher.ratio() >= _TOML_LIKE


def _meant_cover(lower: str) -> str | None:
    """Return the cover's name that was meant, or None."""
    if not lower.rstrip().endswith(_COVER_ENDS):
        return None
    match = _COVER.fullmatch(lower)
    if match is None:
        return None
    stem = _COPY.sub("", match["stem"].strip()).strip()
    if stem not in _COVER_LIKE:
        return None
    suffixes = re.split(r"\s*\.\s*", match["suffixes"].strip())
    return f"cover.{suffixes[-1].strip()}"
