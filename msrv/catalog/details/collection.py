# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Details of a release, collected from its configuration and its files.

What the seller states goes before what the files say.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from msrv.catalog.config.release_config import ReleaseConfig
from msrv.catalog.details.kinds import infer_kind, suffix_of
from msrv.catalog.details.release_details import (
    ReleaseDetails,
    ReleaseKind,
    Tempo,
)
from msrv.catalog.metadata.tags import Tags
from msrv.catalog.model import Item
from msrv.catalog.names.ids import tag_slug
from msrv.catalog.names.media_types import VIDEOS
from msrv.display_text import fold_name

_MAX_GENRES: Final = 5
"""Genres that are taken from the files."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Facts of a release's files.

    `tags` are those of its tracks; `others` are the index's facts of its other
    files for sale.
    """

    tags: list[Tags] = field(default_factory=list)
    others: list[Mapping[str, Any]] = field(default_factory=list)


def collect_details(
    config: ReleaseConfig, items: Sequence[Item], files: FileFacts
) -> ReleaseDetails:
    """Return the details of a release of these items."""
    kind = config.kind or infer_kind(items)
    genres = config.genres
    if genres is None:
        genres = _common_genres(files.tags)
    is_musical = kind.is_music or kind is ReleaseKind.SAMPLE_PACK
    return ReleaseDetails(
        kind=kind,
        genres=genres,
        tags=config.tags,
        label=config.label,
        catalog_number=config.catalog_number,
        isbn=config.isbn,
        language=config.language,
        licence=config.licence,
        version=config.version,
        platforms=config.platforms,
        key=config.key or (_common_key(files.tags) if is_musical else ""),
        tempo=config.tempo
        or (_tempo_range(files.tags) if is_musical else None),
        page_count=config.pages
        or (_page_count(files.others) if kind is ReleaseKind.BOOK else None),
        duration_seconds=_duration(items, kind),
    )


def common_value(values: Iterable[str]) -> str:
    """Return the value that all share apart from its spelling, else "".

    Of several spellings, the most frequent one, or the first of those.
    """
    counted = Counter(values)
    if len({fold_name(value) for value in counted}) != 1:
        return ""
    return counted.most_common(1)[0][0]


def main_artist(artists: Sequence[str]) -> str:
    """Return the artist whom all tracks name, else "".

    Some may name guests, too: `Ann, Bob` or `Ann feat. Bob`. The artist alone
    has to be that of a track, as a comma may be part of a name.
    """
    alone = re.escape(fold_name(min(artists, key=len)))
    named = re.compile(
        rf"(?:.*, )?{alone}(?:,.*| [(\[]?(?:feat|ft|featuring)\b.*)?"
    )
    if not all(named.fullmatch(fold_name(each)) for each in artists):
        return ""
    return Counter(
        each for each in artists if re.fullmatch(alone, fold_name(each))
    ).most_common(1)[0][0]


def _common_genres(tags: Iterable[Tags]) -> tuple[str, ...]:
    """Return the genres of the tracks, the most frequent first."""
    names: dict[str, str] = {}
    counted: Counter[str] = Counter()
    for each in tags:
        for genre in each.genres:
            names.setdefault(tag_slug(genre), genre)
        counted.update({tag_slug(genre) for genre in each.genres})
    found = sorted(counted, key=lambda slug: (-counted[slug], slug))
    return tuple(names[slug] for slug in found[:_MAX_GENRES])


def _common_key(tags: Iterable[Tags]) -> str:
    return common_value(each.key for each in tags)


def _tempo_range(tags: Iterable[Tags]) -> Tempo | None:
    """Return the range of the tracks' tempos, None unless most state one."""
    stated = [each.tempo for each in tags]
    tempos = [each for each in stated if each is not None]
    if not tempos or 2 * len(tempos) <= len(stated):
        return None
    return Tempo(min(tempos), max(tempos))


def _page_count(files: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the pages of the only PDF; several may be editions of one."""
    counts = [each["pages"] for each in files if "pages" in each]
    return counts[0] if len(counts) == 1 else None


def _duration(items: Iterable[Item], kind: ReleaseKind) -> float | None:
    """Return the length of the tracks, or of the videos of a video."""
    lengths = [
        each.duration_seconds or 0
        for each in items
        if not each.hidden
        and (kind is not ReleaseKind.VIDEO or suffix_of(each) in VIDEOS)
    ]
    return sum(lengths) or None
