# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Filters and orders of a catalog, prepared once for any number of pages.

Each order is total: it ends with the release's id, so that all replicas have
the same.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from msrv.catalog.browsing.tag_index import Tag, TagIndex
from msrv.catalog.details.release_details import ReleaseKind
from msrv.catalog.model import Catalog, Release

MAX_TAGS: Final = 12
"""Tags that a catalog can be filtered by with a link."""


class CatalogOrder(StrEnum):
    """Order of releases; without one, they are in the store's own."""

    NEWEST = "newest"
    OLDEST = "oldest"
    TITLE = "title"
    ARTIST = "artist"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class Selection:
    """Releases that a visitor wants to see: of a kind, of a tag, in an order.

    `tag` is a tag's slug. An empty field selects all.
    """

    kind: ReleaseKind | None = None
    tag: str = ""
    order: CatalogOrder | None = None


@dataclass(frozen=True, slots=True)
class CatalogIndex:
    """The releases of a catalog by kind and by tag, in each order.

    `kinds` are the kinds there are, by a tag's slug, and for all releases
    under "". `top_tags` are those of most releases, by kind, and for all
    under None.
    """

    offered: tuple[Release, ...]
    tags: TagIndex
    kinds: Mapping[str, tuple[ReleaseKind, ...]]
    top_tags: Mapping[ReleaseKind | None, tuple[Tag, ...]]
    _ranks: Mapping[CatalogOrder, Mapping[str, int]]

    @classmethod
    def of(cls, catalog: Catalog) -> Self:
        """Return the index of what a catalog offers."""
        offered = catalog.offered
        tags = TagIndex.of(catalog)
        every_tag = tags.by_slug.values()
        kinds = {each.slug: _kinds_of(each.releases) for each in every_tag}
        top_tags = {
            kind: _top_tags(tags, kind) for kind in (None, *ReleaseKind)
        }
        by_id = sorted(offered, key=lambda each: each.release_id)
        ranks = {
            order: {
                each.release_id: rank
                for rank, each in enumerate(sort_by(by_id))
            }
            for order, sort_by in _ORDERS.items()
        }
        return cls(
            offered, tags, kinds | {"": _kinds_of(offered)}, top_tags, ranks
        )

    def select(self, wanted: Selection) -> tuple[Release, ...]:
        """Return the releases of a selection, in its order."""
        releases = self.offered
        if wanted.tag:
            tag = self.tags.by_slug.get(wanted.tag)
            releases = tag.releases if tag else ()
        if wanted.kind is not None:
            releases = tuple(
                each for each in releases if each.details.kind is wanted.kind
            )
        if wanted.order is None:
            return releases
        ranks = self._ranks[wanted.order]
        return tuple(sorted(releases, key=lambda each: ranks[each.release_id]))


def _kinds_of(releases: Iterable[Release]) -> tuple[ReleaseKind, ...]:
    found = {each.details.kind for each in releases}
    return tuple(kind for kind in ReleaseKind if kind in found)


def _top_tags(tags: TagIndex, kind: ReleaseKind | None) -> tuple[Tag, ...]:
    """Return the tags of most releases of a kind, or of all."""
    counted = Counter(
        {
            slug: sum(
                kind in {None, each.details.kind} for each in tag.releases
            )
            for slug, tag in tags.by_slug.items()
        }
    )
    found = sorted(+counted, key=lambda slug: (-counted[slug], slug))
    return tuple(tags.by_slug[slug] for slug in found[:MAX_TAGS])


def _folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


def _by_title(releases: Iterable[Release]) -> list[Release]:
    return sorted(
        releases, key=lambda each: (_folded(each.title), _folded(each.artist))
    )


def _newest_first(releases: Iterable[Release]) -> list[Release]:
    """Return the latest date first, as the store does, the others last."""
    by_name = sorted(
        releases,
        key=lambda each: (each.artist.casefold(), each.title.casefold()),
    )
    return sorted(by_name, key=lambda each: each.date, reverse=True)


def _oldest_first(releases: Iterable[Release]) -> list[Release]:
    return sorted(
        _by_title(releases), key=lambda each: (not each.date, each.date)
    )


def _by_artist(releases: Iterable[Release]) -> list[Release]:
    """Return artists in order, without their article, and their newest."""
    return sorted(
        _newest_first(releases),
        key=lambda each: (
            not each.artist,
            _folded(each.artist).removeprefix("the "),
        ),
    )


def _by_price(releases: Iterable[Release]) -> list[Release]:
    """Return the lowest price first, by currency."""
    prices = {each.release_id: each.minimum or each.price for each in releases}
    return sorted(
        _by_title(releases),
        key=lambda each: (
            prices[each.release_id].currency,
            prices[each.release_id].minor,
        ),
    )


_ORDERS: Final[
    Mapping[CatalogOrder, Callable[[list[Release]], list[Release]]]
] = {
    CatalogOrder.NEWEST: _newest_first,
    CatalogOrder.OLDEST: _oldest_first,
    CatalogOrder.TITLE: _by_title,
    CatalogOrder.ARTIST: _by_artist,
    CatalogOrder.PRICE: _by_price,
}
