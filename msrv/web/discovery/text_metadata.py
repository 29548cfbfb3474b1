# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Metadata in the head of pages of text: the seller's own, and artists'."""

from urllib.parse import urlencode

from msrv.catalog.artists import Artist
from msrv.catalog.covers import SHARED_WIDTH
from msrv.catalog.model import Cover, Page, Shop
from msrv.translations import gettext
from msrv.web.discovery import structured_data
from msrv.web.discovery.page_metadata import (
    Alternate,
    PageMetadata,
    shortened,
)
from msrv.web.shop.json_views import picture_path, shared_cover_path

_Properties = list[tuple[str, str]]


def page_metadata(
    page: Page, shop: Shop, base_url: str, text: str
) -> PageMetadata:
    """Return the metadata of a page that the seller wrote."""
    path = f"/pages/{page.slug}"
    description = shortened(text) or page.title
    properties = _properties("article", page.title, shop, base_url + path)
    properties.append(("og:description", description))
    properties += _image(page.picture, base_url, path)
    return PageMetadata(base_url + path, description, tuple(properties))


def artists_metadata(
    shop: Shop, base_url: str, number: int = 1
) -> PageMetadata:
    """Return the metadata of a page of all artists, numbered from 1."""
    query = f"?page={number}" if number > 1 else ""
    address = f"{base_url}/artists{query}"
    title = gettext("Artists")
    description = gettext("The artists of %(store)s.", store=shop.name)
    properties = _properties("website", title, shop, address)
    properties += [
        ("og:description", description),
        ("twitter:card", "summary"),
    ]
    return PageMetadata(address, description, tuple(properties))


def artist_metadata(
    artist: Artist, shop: Shop, base_url: str, text: str
) -> PageMetadata:
    """Return the metadata of an artist's page; `text` describes the artist."""
    path = f"/artists/{artist.slug}"
    description = shortened(text) or gettext(
        "Releases by %(artist)s, from %(store)s.",
        artist=artist.name,
        store=shop.name,
    )
    properties = _properties("profile", artist.name, shop, base_url + path)
    properties.append(("og:description", description))
    properties += _image(artist.picture, base_url, path)
    if artist.picture is None:
        releases = (*artist.releases, *artist.appearances)
        with_cover = (each for each in releases if each.cover is not None)
        first = next(with_cover, releases[0])
        properties.append(("og:image", base_url + shared_cover_path(first)))
    return PageMetadata(
        base_url + path,
        description,
        tuple(properties),
        (structured_data.artist(artist, base_url, text),),
        alternates=_feeds(artist, shop),
    )


def _feeds(artist: Artist, shop: Shop) -> tuple[Alternate, ...]:
    """Return the feed of an artist, none for one who only appears."""
    if not artist.releases:
        return ()
    query = urlencode({"artist": artist.name})
    title = gettext(
        "%(title)s at %(store)s", title=artist.name, store=shop.name
    )
    return (Alternate("application/atom+xml", f"/feed.atom?{query}", title),)


def _properties(
    kind: str, title: str, shop: Shop, address: str
) -> _Properties:
    return [
        ("og:type", kind),
        ("og:site_name", shop.name),
        ("og:title", title),
        ("og:url", address),
    ]


def _image(picture: Cover | None, base_url: str, path: str) -> _Properties:
    """Return the properties of a picture, or of a page without one."""
    if picture is None:
        return [("twitter:card", "summary")]
    return [
        ("og:image", base_url + picture_path(path, picture, SHARED_WIDTH)),
        ("og:image:type", "image/jpeg"),
        ("twitter:card", "summary_large_image"),
    ]
