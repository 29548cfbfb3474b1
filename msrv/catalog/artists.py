# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Artists of a catalog, with the releases by each.

Names that differ only in case are one artist. A track's own artist has a page
too, with the release that it is on.
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from msrv.catalog.model import Catalog, Release
from msrv.catalog.names.ids import slug


@dataclass(frozen=True, slots=True)
class Artist:
    """An artist: the name, its place in addresses, and the releases.

    `releases` are by the artist, `appearances` those of others that have a
    track by the artist; both in the catalog's order.
    """

    slug: str
    name: str
    releases: tuple[Release, ...] = ()
    appearances: tuple[Release, ...] = ()


@dataclass(frozen=True, slots=True)
class Artists:
    """The artists of a catalog, by their slug and by their name."""

    by_slug: Mapping[str, Artist]
    _slugs: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, catalog: Catalog) -> Self:
        """Return the artists of what a catalog offers."""
        names: dict[str, str] = {}
        own: dict[str, list[Release]] = {}
        others: dict[str, list[Release]] = {}
        for release in catalog.offered:
            main = _key(release.artist)
            if main:
                names.setdefault(main, release.artist)
                own.setdefault(main, []).append(release)
            guests = {
                _key(each.artist): each.artist for each in release.offered
            }
            for key, name in guests.items():
                if key and key != main:
                    names.setdefault(key, name)
                    others.setdefault(key, []).append(release)
        slugs = _slugs_of(names)
        return cls(
            {
                slugs[key]: Artist(
                    slugs[key],
                    name,
                    tuple(own.get(key, ())),
                    tuple(others.get(key, ())),
                )
                for key, name in names.items()
            },
            slugs,
        )

    def find(self, name: str) -> Artist | None:
        """Return an artist by the name, None for an unknown one."""
        found = self._slugs.get(_key(name))
        return self.by_slug[found] if found is not None else None


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _slugs_of(names: Mapping[str, str]) -> dict[str, str]:
    """Return each name's slug; equal ones are numbered, by name."""
    slugs: dict[str, str] = {}
    taken: set[str] = set()
    for key in sorted(names):
        plain = slug(names[key], default="artist")
        found, number = plain, 1
        while found in taken:
            number += 1
            found = f"{plain}-{number}"
        taken.add(found)
        slugs[key] = found
    return slugs
