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
from typing import Final, NamedTuple, Self

from msrv.catalog.browsing.release_order import place_in_time
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
    under None. `own_order` is the store's, None if it is the seller's list.
    """

    offered: tuple[Release, ...]
    tags: TagIndex
    kinds: Mapping[str, tuple[ReleaseKind, ...]]
    top_tags: Mapping[ReleaseKind | None, tuple[Tag, ...]]
    own_order: CatalogOrder | None
    _ranks: Mapping[CatalogOrder, Mapping[str, int]]

    @classmethod
    def of(cls, catalog: Catalog) -> Self:
        """Return the index of what a catalog offers."""
        offered, order = catalog.offered, catalog.shop.order
        tags = TagIndex.of(catalog)
        every_tag = tags.by_slug.values()
        kinds = {each.slug: _kinds_of(each.releases) for each in every_tag}
        keys = sorted(map(_Key.of, offered))
        ranks = {
            each: {
                key.release_id: rank
                for rank, key in enumerate(sort_keys(keys))
            }
            for each, sort_keys in _ORDERS.items()
        }
        return cls(
            offered,
            tags,
            kinds | {"": _kinds_of(offered)},
            _top_tags(tags),
            None if isinstance(order, tuple) else CatalogOrder(order),
            ranks,
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


def _top_tags(tags: TagIndex) -> dict[ReleaseKind | None, tuple[Tag, ...]]:
    """Return the tags of most releases of each kind, and of all."""
    counts: dict[ReleaseKind | None, Counter[str]] = {
        kind: Counter() for kind in (None, *ReleaseKind)
    }
    for slug, tag in tags.by_slug.items():
        counts[None][slug] = len(tag.releases)
        counted = Counter(each.details.kind for each in tag.releases)
        for kind, count in counted.items():
            counts[kind][slug] = count
    return {
        kind: tuple(
            tags.by_slug[slug]
            for slug in sorted(found, key=lambda each: (-found[each], each))[
                :MAX_TAGS
            ]
        )
        for kind, found in counts.items()
    }


class _Key(NamedTuple):
    """Keys of a release for the orders, without case and accents."""

    release_id: str
    title: str
    artist: str
    name: tuple[str, str]
    time: str
    price: tuple[str, int]

    @classmethod
    def of(cls, release: Release) -> Self:
        price = release.minimum or release.price
        return cls(
            release.release_id,
            _folded(release.title),
            _folded(release.artist),
            (release.artist.casefold(), release.title.casefold()),
            place_in_time(release),
            (price.currency, price.minor),
        )


def _folded(text: str) -> str:
    text = text.casefold()
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKD", text)
    return "".join(c for c in plain if not unicodedata.combining(c))


def _by_title(keys: list[_Key]) -> list[_Key]:
    return sorted(keys, key=lambda each: (each.title, each.artist))


def _newest_first(keys: list[_Key]) -> list[_Key]:
    """Return the latest first, as the store does."""
    by_name = sorted(keys, key=lambda each: each.name)
    return sorted(by_name, key=lambda each: each.time, reverse=True)


def _oldest_first(keys: list[_Key]) -> list[_Key]:
    return sorted(_by_title(keys), key=lambda each: each.time)


def _by_artist(keys: list[_Key]) -> list[_Key]:
    """Return artists in order, without their article, and their newest."""
    return sorted(
        _newest_first(keys),
        key=lambda each: (not each.artist, each.artist.removeprefix("the ")),
    )


def _by_price(keys: list[_Key]) -> list[_Key]:
    """Return the lowest price first, by currency."""
    return sorted(_by_title(keys), key=lambda each: each.price)


_ORDERS: Final[Mapping[CatalogOrder, Callable[[list[_Key]], list[_Key]]]] = {
    CatalogOrder.NEWEST: _newest_first,
    CatalogOrder.OLDEST: _oldest_first,
    CatalogOrder.TITLE: _by_title,
    CatalogOrder.ARTIST: _by_artist,
    CatalogOrder.PRICE: _by_price,
}
