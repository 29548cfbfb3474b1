# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Artist, title and date of what is imported, from tags and from names.

Bandcamp names a download `Artist - Album.zip`, and the files in it
`Artist - Album - 01 Title.flac`, or `Artist - Title.flac` for a single track.
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from msrv.catalog.config.fields import is_date
from msrv.catalog.imports.source_files import is_reserved
from msrv.catalog.metadata.tags import Tags
from msrv.catalog.names.disc_names import disc_number, without_disc
from msrv.catalog.names.extras import is_art_folder
from msrv.catalog.names.portable_names import portable_name
from msrv.display_text import clean_line, fold_name

_JOIN: Final = " - "
_COPY_NUMBER: Final = re.compile(r"\s*\([0-9]{1,2}\)$")
"""Number that a browser adds to the name of a second download."""


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """Facts of a release; what isn't known is empty.

    `is_various` is true if its tracks have different artists.
    """

    artist: str
    title: str
    date: str = ""
    is_various: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Key that is equal for the formats of one release."""
        return fold_name(self.artist), fold_name(self.title)


def find_facts(
    own_title: str, tags: Sequence[Tags], prefix: str
) -> ReleaseFacts:
    """Return the facts of an album.

    `own_title` is the name of the source, `tags` those of its tracks, and
    `prefix` what the names of all tracks start with.
    """
    artist, title = split_name(prefix or own_title)
    album = without_disc(_most_common(each.album for each in tags))
    artists = [each.album_artist or each.artist for each in tags]
    is_various = len({fold_name(each) for each in artists if each}) > 1
    if any(artists):
        artist = "" if is_various else _most_common(artists)
    return ReleaseFacts(
        clean_line(artist), clean_line(album or title), _date(tags), is_various
    )


def single_facts(own_title: str, tags: Tags) -> ReleaseFacts:
    """Return the facts of a track that is a release by itself."""
    artist, title = split_name(own_title)
    return ReleaseFacts(
        clean_line(tags.artist or tags.album_artist or artist),
        clean_line(tags.title or title),
        _date([tags]),
    )


def has_several_albums(tags: Mapping[str, Tags]) -> bool:
    """Return whether tracks in different folders are of different albums.

    `tags` are by the tracks' names; folders of discs make no difference.
    """
    albums: dict[str, set[str]] = {}
    for name, each in tags.items():
        folders = [f for f in name.split("/")[:-1] if not _is_part(f)]
        album = fold_name(without_disc(each.album))
        albums.setdefault("/".join(folders), set()).add(album)
    return len(albums) > 1 and len(set().union(*albums.values())) > 1


def common_prefix(names: Iterable[str], tags: Sequence[Tags]) -> str:
    """Return what the names of all tracks start with, up to their numbers.

    Of a single track only its tags can tell.
    """
    stems = [os.path.splitext(each.rpartition("/")[2])[0] for each in names]
    if len(stems) > 1:
        shared = os.path.commonprefix(stems)  # noqa: RUF071 - of characters
        at = shared.rfind(_JOIN)
        prefix = shared[: at + len(_JOIN)] if at > 0 else ""
        return (
            prefix
            if all(each[len(prefix) :][:1].isdigit() for each in stems)
            else ""
        )
    for stem, each in zip(stems, tags, strict=False):
        artist = each.album_artist or each.artist
        for parts in ((artist, each.album), (artist,)):
            known = portable_name(_JOIN.join(parts)) + _JOIN
            if all(parts) and stem.casefold().startswith(known.casefold()):
                return stem[: len(known)]
    return ""


def final_names(names: Sequence[str], prefix: str) -> dict[str, str]:
    """Return the names in the release's folder, by those in the source.

    Without the prefix, and without folders: each would be a release of its
    own, unless it is that of a disc or of artwork. No name is used twice.
    """
    found: dict[str, str] = {}
    used: set[str] = set()
    for name in names:
        *folders, last = name.split("/")
        short = last.removeprefix(prefix) if prefix else last
        if short.startswith(".") or is_reserved(short):
            short = last
        kept = "/".join(each for each in folders if _is_part(each))
        found[name] = free_name(f"{kept}/{short}" if kept else short, used)
        used.add(found[name].casefold())
    return found


def free_name(name: str, used: Collection[str]) -> str:
    """Return a name that isn't used yet: `booklet (2).pdf`.

    `used` are names in one case.
    """
    stem, suffix = os.path.splitext(name)
    free, number = name, 2
    while free.casefold() in used:
        free = f"{stem} ({number}){suffix}"
        number += 1
    return free


def split_name(text: str) -> tuple[str, str]:
    """Return artist and title of `Artist - Title`; the artist may be empty."""
    plain = _COPY_NUMBER.sub("", text.removesuffix(_JOIN)).strip()
    artist, join, title = plain.partition(_JOIN)
    return (artist, title) if join else ("", plain)


def _is_part(folder: str) -> bool:
    return disc_number(folder) is not None or is_art_folder(folder)


def _most_common(texts: Iterable[str]) -> str:
    counts = Counter(filter(None, texts))
    return counts.most_common(1)[0][0] if counts else ""


def _date(tags: Sequence[Tags]) -> str:
    dates = {each.date for each in tags if each.date}
    date = dates.pop() if len(dates) == 1 else ""
    return date if is_date(date) else ""
