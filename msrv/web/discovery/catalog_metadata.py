# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Metadata in the head of the catalog's pages and of those of tags."""

from urllib.parse import urlencode

from msrv.catalog.model import Release, Shop
from msrv.translations import gettext
from msrv.web.discovery.page_metadata import Alternate, PageMetadata
from msrv.web.shop.browsing.listing import Listing
from msrv.web.shop.json_views import shared_cover_path


def listing_metadata(
    listing: Listing,
    page: int,
    first: Release | None,
    shop: Shop,
    base_url: str,
) -> PageMetadata:
    """Return the metadata of a list of releases; `first` is the first one."""
    address = base_url + listing.canonical(page)
    description = _description(listing, shop)
    properties = [
        ("og:type", "website"),
        ("og:site_name", shop.name),
        ("og:title", listing.title),
        ("og:description", description),
        ("og:url", address),
        ("twitter:card", "summary"),
    ]
    if first is not None:
        image = base_url + shared_cover_path(first)
        properties.append(("og:image", image))
    return PageMetadata(
        address,
        description,
        tuple(properties),
        alternates=_feeds(listing, shop),
    )


def tags_metadata(shop: Shop, base_url: str, page: int) -> PageMetadata:
    """Return the metadata of a page of all tags, numbered from 1."""
    query = f"?page={page}" if page > 1 else ""
    address = f"{base_url}/tags{query}"
    description = gettext(
        "The tags of the releases from %(store)s.", store=shop.name
    )
    return PageMetadata(
        address,
        description,
        (
            ("og:type", "website"),
            ("og:site_name", shop.name),
            ("og:title", gettext("Tags")),
            ("og:description", description),
            ("og:url", address),
            ("twitter:card", "summary"),
        ),
    )


def _description(listing: Listing, shop: Shop) -> str:
    """Return the description of a list."""
    if listing.page_tag or listing.tag:
        return gettext(
            "Releases tagged %(tag)s, from %(store)s.",
            tag=listing.title,
            store=shop.name,
        )
    if listing.kind is not None:
        return gettext(
            "%(kinds)s from %(store)s.", kinds=listing.title, store=shop.name
        )
    return gettext("All releases from %(store)s.", store=shop.name)


def _feeds(listing: Listing, shop: Shop) -> tuple[Alternate, ...]:
    """Return the feed of a tag that the list is of."""
    tag = listing.page_tag or listing.tag
    if tag is None:
        return ()
    query = urlencode({"tag": tag.slug})
    title = gettext("%(title)s at %(store)s", title=tag.name, store=shop.name)
    return (Alternate("application/atom+xml", f"/feed.atom?{query}", title),)
