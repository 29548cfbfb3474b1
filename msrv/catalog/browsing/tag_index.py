# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tags of a catalog: its releases' tags and genres, with the releases of each.

Spellings that differ in case, accents or punctuation are one tag, which is
spelt as on most releases.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from msrv.catalog.model import Catalog, Release
from msrv.catalog.names.ids import tag_slug
from msrv.catalog.search import fold_text

_MAX_CONSIDERED: Final = 200
"""Releases of one tag that are compared, so that pages stay cheap."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag or genre: its place in addresses, its name, and its releases.

    The releases are in the catalog's order.
    """

    slug: str
    name: str
    releases: tuple[Release, ...]


@dataclass(frozen=True, slots=True)
class TagIndex:
    """The tags of a catalog by their slug, and in order of their names."""

    by_slug: Mapping[str, Tag]
    by_name: tuple[Tag, ...]

    @classmethod
    def of(cls, catalog: Catalog) -> Self:
        """Return the tags of what a catalog offers."""
        names: defaultdict[str, Counter[str]] = defaultdict(Counter)
        releases: defaultdict[str, list[Release]] = defaultdict(list)
        for release in catalog.offered:
            spelt: dict[str, str] = {}
            for name in release.details.subjects:
                spelt.setdefault(tag_slug(name), name)
            for slug, name in spelt.items():
                names[slug][name] += 1
                releases[slug].append(release)
        tags = [
            Tag(slug, counted.most_common(1)[0][0], tuple(releases[slug]))
            for slug, counted in names.items()
        ]
        tags.sort(key=lambda each: (fold_text(each.name), each.slug))
        return cls({each.slug: each for each in tags}, tuple(tags))

    def of_release(self, release: Release) -> tuple[Tag, ...]:
        """Return the tags of a release, genres first, each once."""
        slugs = dict.fromkeys(map(tag_slug, release.details.subjects))
        return tuple(
            self.by_slug[slug] for slug in slugs if slug in self.by_slug
        )

    def related(
        self, release: Release, *, without: Sequence[Release], most: int
    ) -> list[Release]:
        """Return the releases that share most tags with one.

        Equal ones are in the catalog's order. `without` are left out, and so
        is the release itself.
        """
        left_out = {each.release_id for each in (release, *without)}
        counted: Counter[str] = Counter()
        found: dict[str, Release] = {}
        for tag in self.of_release(release):
            for other in tag.releases[:_MAX_CONSIDERED]:
                if other.release_id not in left_out:
                    counted[other.release_id] += 1
                    found[other.release_id] = other
        best = sorted(found, key=lambda each: -counted[each])
        return [found[each] for each in best[:most]]
