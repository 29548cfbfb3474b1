# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""File names of covers, in order of preference.

Apart, since the scan and the grouping of discs both need it.
"""

import os
import re
from collections.abc import Iterable
from typing import Final

from msrv.catalog.names.media_types import PICTURES

COVERS: Final = tuple(f"cover{suffix}" for suffix in PICTURES)
"""Names of files that are always the cover, and never for sale."""
HIDDEN: Final = tuple(f"folder{suffix}" for suffix in PICTURES)
"""Names that Windows hides: covers if there is no other, never for sale."""
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
"""Stems of covers of a release with tracks, if it has no `cover`."""


def best_cover(names: Iterable[str], *, has_tracks: bool) -> str | None:
    """Return the name of the cover among these, or None.

    `cover` has precedence, then `folder`. Without tracks no other name
    counts, since pictures may be what is sold.
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
