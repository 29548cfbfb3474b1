"""Names of pictures that are a release's cover, best first.

Apart since the scan and the grouping of discs both look for covers.
"""

import os
import re
from collections.abc import Iterable
from typing import Final

from msrv.catalog.names.media_types import PICTURES

COVERS: Final = tuple(f"cover{suffix}" for suffix in PICTURES)
"""Names that are always the cover, and never for sale."""
HIDDEN: Final = tuple(f"folder{suffix}" for suffix in PICTURES)
"""Names that Windows hides: the cover if there is no other; never for sale."""
STEMS: Final = (
    "folder",
    "front",
    "front cover",
    "cover front",
    "cover art",
    "coverart",
    "album cover",
    "album art",
    "albumart",
    "album",
    "artwork",
    "art",
)
"""Stems of the cover of a release of tracks, where there is no `cover`."""


def best_cover(names: Iterable[str], *, has_tracks: bool) -> str | None:
    """Return which of the names is the cover's, None where none is.

    `cover` goes before all others, then `folder`; where there are no tracks
    that is all, since a picture may be what is sold.
    """
    known = ("cover", *(STEMS if has_tracks else STEMS[:1]))
    found = []
    for name in names:
        if not name.lower().endswith(PICTURES):
            continue
        stem, suffix = os.path.splitext(name.lower())
        plain = re.sub(r"[\s_-]+", " ", stem).strip()
        if plain in known:
            place = known.index(plain), PICTURES.index(suffix)
            found.append((place, name))
    return min(found)[1] if found else None
