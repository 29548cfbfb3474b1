# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Artists of a catalog, with the releases by each.

Names that differ only in case, or in the form of their quotes and hyphens,
are one artist. A track's own artist has a page too, with the release that it
is on.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from msrv.catalog.model import ArtistProfile, Catalog, Cover, Release
from msrv.catalog.names.ids import former_slug, slug
from msrv.catalog.names.transliteration import (
    plain_punctuation,
    without_accents,
)
from msrv.display_text import printable


@dataclass(frozen=True, slots=True)
class Artist:
    """An artist: the name, its place in addresses, and the releases.

    `releases` are by the artist, `appearances` those of others that have a
    track by the artist; both in the catalog's order. `profile` is what the
    seller wrote.
    """

    slug: str
    name: str
    releases: tuple[Release, ...] = ()
    appearances: tuple[Release, ...] = ()
    profile: ArtistProfile | None = None

    @property
    def picture(self) -> Cover | None:
        """The seller's picture of the artist, if there is one."""
        return self.profile.picture if self.profile else None


@dataclass(frozen=True, slots=True)
class Artists:
    """The artists of a catalog, by their slug and in order of their names.

    `by_former_slug` has those whose slug was another in version 1.0, unless it
    is an artist's present one.
    """

    by_slug: Mapping[str, Artist]
    by_former_slug: Mapping[str, Artist]
    by_name: tuple[Artist, ...]
    _slugs: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, catalog: Catalog) -> Self:
        """Return the artists of what a catalog offers."""
        names: dict[str, str] = {}
        own: dict[str, list[Release]] = {}
        others: dict[str, list[Release]] = {}
        for release in catalog.offered:
            main = artist_key(release.artist)
            if main:
                names.setdefault(main, release.artist)
                own.setdefault(main, []).append(release)
            guests = {
                artist_key(each.artist): each.artist
                for each in release.offered
            }
            for key, name in guests.items():
                if key and key != main:
                    names.setdefault(key, name)
                    others.setdefault(key, []).append(release)
        slugs = _slugs_of(names, _slug)
        profiles = {artist_key(each.name): each for each in catalog.profiles}
        by_slug = {
            slugs[key]: Artist(
                slugs[key],
                name,
                tuple(own.get(key, ())),
                tuple(others.get(key, ())),
                profiles.get(key),
            )
            for key, name in names.items()
        }
        by_former_slug = {
            former: by_slug[slugs[key]]
            for key, former in _slugs_of(names, _former_slug).items()
            if former not in by_slug
        }
        by_name = sorted(by_slug.values(), key=_sort_key)
        return cls(by_slug, by_former_slug, tuple(by_name), slugs)

    def find(self, name: str) -> Artist | None:
        """Return an artist by the name, None for an unknown one."""
        found = self._slugs.get(artist_key(name))
        return self.by_slug[found] if found is not None else None


def profile_notes(catalog: Catalog) -> Iterator[str]:
    """Yield a note on each text about an artist who has nothing on offer."""
    if not catalog.profiles:
        return
    artists = Artists.of(catalog)
    for profile in catalog.profiles:
        if artists.find(profile.name) is None:
            yield (
                f"the text about the artist {printable(profile.name)} is not "
                "shown: nothing in the store is by an artist of that name"
            )


def artist_key(name: str) -> str:
    """Return what all spellings of an artist's name have in common."""
    return plain_punctuation(unicodedata.normalize("NFC", name)).casefold()


def _sort_key(artist: Artist) -> tuple[str, str]:
    """Return a key that sorts by name, without accents and articles."""
    plain = without_accents(artist.name)
    return plain.removeprefix("the ").lstrip("'\"([.… "), artist.slug


def _slug(name: str) -> str:
    return slug(name, default="artist")


def _former_slug(name: str) -> str:
    """Return an artist's slug as version 1.0 did, `artist` for `Item` too."""
    found = former_slug(name)
    return "artist" if found == "item" else found


def _slugs_of(
    names: Mapping[str, str], rule: Callable[[str], str]
) -> dict[str, str]:
    """Return each name's slug; equal ones are numbered, by name."""
    slugs: dict[str, str] = {}
    taken: set[str] = set()
    for key in sorted(names):
        plain = rule(names[key])
        found, number = plain, 1
        while found in taken:
            number += 1
            found = f"{plain}-{number}"
        taken.add(found)
        slugs[key] = found
    return slugs
