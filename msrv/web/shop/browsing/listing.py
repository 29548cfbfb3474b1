# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A list of releases as an address states it, and the addresses it leads to.

The parameters are `q`, `kind`, `tag`, `sort` and `page`. An unknown value is
an error, so that there are no more lists than the catalog has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple, Self, TypeVar
from urllib.parse import urlencode

from aiohttp import web

from msrv.catalog.browsing.catalog_index import (
    CatalogIndex,
    CatalogOrder,
    Selection,
)
from msrv.catalog.browsing.tag_index import Tag
from msrv.catalog.details.release_details import ReleaseKind
from msrv.translations import gettext, ngettext
from msrv.web.errors import InvalidField, NotFound
from msrv.web.shop.browsing.kind_names import kinds_name, order_name

MAX_QUERY: Final = 200
FILTERED_FROM: Final = 7
"""Number of releases from which filters are shown: fewer fit on a screen."""
_MAX_TAG_CHARS: Final = 100

_Value = TypeVar("_Value", bound=StrEnum)


class FilterLink(NamedTuple):
    """A link to a list; it may be the present one."""

    name: str
    address: str
    is_current: bool


class FilterRow(NamedTuple):
    """Links of one parameter; `is_cut` if the last leads to more of them."""

    name: str
    links: list[FilterLink]
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of releases: those of a search, of a kind and of a tag.

    `page_tag` is the tag whose own page this is; on any other page, `tag` may
    be a filter.
    """

    words: str = ""
    kind: ReleaseKind | None = None
    tag: Tag | None = None
    order: CatalogOrder | None = None
    page_tag: Tag | None = None

    @classmethod
    def parse(
        cls,
        request: web.Request,
        index: CatalogIndex,
        page_tag: Tag | None = None,
    ) -> Self:
        """Return the list of a request.

        Raises InvalidField, and NotFound for a tag without releases.
        """
        words = request.query.get("q", "").strip()
        if len(words) > MAX_QUERY:
            raise InvalidField(
                "q",
                ngettext(
                    "can have up to %(num)s character",
                    "can have up to %(num)s characters",
                    MAX_QUERY,
                ),
            )
        tag = None
        slug = request.query.get("tag", "")
        if slug and page_tag is None:
            tag = find_tag(index, slug)
        return cls(
            words,
            _member(request, "kind", ReleaseKind),
            tag,
            _member(request, "sort", CatalogOrder),
            page_tag,
        )

    @property
    def selection(self) -> Selection:
        """The releases to select, before the search."""
        tag = self.page_tag or self.tag
        return Selection(self.kind, tag.slug if tag else "", self.order)

    @property
    def title(self) -> str:
        """The title of the list: a tag's name, or the kind's."""
        tag = self.page_tag or self.tag
        if tag is not None:
            return tag.name
        return kinds_name(self.kind) if self.kind else gettext("Catalog")

    @property
    def is_filtered(self) -> bool:
        """True if this isn't all that the page's address is about."""
        return bool(self.words or self.kind or self.tag)

    @property
    def is_indexed(self) -> bool:
        """True if search engines should list the page.

        They should not list the many combinations, nor searches.
        """
        has_tag = self.tag or self.page_tag
        return not self.words and not (self.kind and has_tag)

    def canonical(self, page: int) -> str:
        """Return the path of the page that stands for this one.

        An order shows the same releases, and a tag has a page of its own.
        """
        if self.tag and not self.kind and not self.words:
            return Listing(page_tag=self.tag).path(page)
        return replace(self, order=None).path(page)

    def path(self, page: int = 1) -> str:
        """Return the path of one of the list's pages."""
        fields = {
            "q": self.words,
            "kind": self.kind or "",
            "tag": self.tag.slug if self.tag else "",
            "sort": self.order or "",
            "page": str(page) if page > 1 else "",
        }
        query = urlencode({k: v for k, v in fields.items() if v})
        base = f"/tags/{self.page_tag.slug}" if self.page_tag else "/catalog"
        return f"{base}?{query}" if query else base

    def rows(self, index: CatalogIndex) -> list[FilterRow]:
        """Return the filters that help: those of more than one value."""
        if len(index.offered) < FILTERED_FROM:
            return []
        rows = [
            self._kinds(index),
            self._tags(index),
            self._orders(index.own_order),
        ]
        return [
            each
            for each in rows
            if len(each.links) > 2
            or any(link.is_current for link in each.links[1:])
        ]

    def _kinds(self, index: CatalogIndex) -> FilterRow:
        slug = self.selection.tag
        kinds = index.kinds.get(slug, ())
        named: Mapping[str, ReleaseKind | None] = {
            gettext("All"): None,
            **{kinds_name(each): each for each in kinds},
        }
        return FilterRow(
            gettext("Kind"),
            [
                FilterLink(
                    name, replace(self, kind=kind).path(), kind is self.kind
                )
                for name, kind in named.items()
            ],
        )

    def _tags(self, index: CatalogIndex) -> FilterRow:
        if self.page_tag is not None:
            return FilterRow("", [])
        tags = list(index.top_tags[self.kind])
        if self.tag is not None and self.tag not in tags:
            tags.insert(0, self.tag)
        named: list[tuple[str, Tag | None]] = [(gettext("All"), None)]
        named += [(each.name, each) for each in tags]
        links = [
            FilterLink(name, replace(self, tag=tag).path(), tag is self.tag)
            for name, tag in named
        ]
        is_cut = len(index.tags.by_name) > len(tags)
        if is_cut:
            more = gettext("More tags")
            links.append(FilterLink(more, "/tags", is_current=False))
        return FilterRow(gettext("Tag"), links, is_cut)

    def _orders(self, own: CatalogOrder | None) -> FilterRow:
        """Return the orders; the store's own has no parameter."""
        named: list[tuple[str, CatalogOrder | None]] = [
            (order_name(each), None if each is own else each)
            for each in CatalogOrder
        ]
        if own is None:
            # Translators: the order of releases that the seller has chosen.
            named.insert(0, (gettext("Default"), None))
        current = None if self.order is own else self.order
        return FilterRow(
            gettext("Sort by"),
            [
                FilterLink(
                    name, replace(self, order=order).path(), order is current
                )
                for name, order in named
            ],
        )


def find_tag(index: CatalogIndex, slug: str) -> Tag:
    """Return a tag by its slug. Raises NotFound."""
    found = index.tags.by_slug.get(slug[:_MAX_TAG_CHARS])
    if found is None:
        raise NotFound
    return found


def _member(
    request: web.Request, name: str, members: type[_Value]
) -> _Value | None:
    """Return a parameter's value, None without one. Raises InvalidField."""
    stated = request.query.get(name, "")
    if not stated:
        return None
    try:
        return members(stated)
    except ValueError:
        names = ", ".join(members)
        raise InvalidField(
            name, gettext("must be one of: %(names)s", names=names)
        ) from None
