# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Structured data of pages, in the vocabulary of schema.org."""

from typing import Any, Final

from msrv.catalog.artists import Artist
from msrv.catalog.covers import SHARED_WIDTH
from msrv.catalog.model import Item, ItemKind, Release, Shop
from msrv.money import Money
from msrv.translations import gettext
from msrv.web.shop.json_views import cover_path, picture_path, release_path

Data = dict[str, Any]

CONTEXT: Final = "https://schema.org"
_DOCUMENT_SUFFIXES: Final = {"epub", "pdf", "mobi", "azw3"}
_MAX_TRACKS: Final = 200


def website(shop: Shop, base_url: str) -> Data:
    """Return the store, with the address of its search."""
    return {
        "@context": CONTEXT,
        "@type": "WebSite",
        "name": shop.name,
        "url": f"{base_url}/",
        "potentialAction": {
            "@type": "SearchAction",
            "target": f"{base_url}/catalog?q={{words}}",
            "query-input": "required name=words",
        },
    }


def release(entry: Release, shop: Shop, base_url: str, text: str) -> Data:
    """Return a release as an album, a book or another product, for sale.

    `text` is its description, as plain text.
    """
    address = base_url + release_path(entry)
    kind = _type_of(entry)
    data: Data = {
        "@context": CONTEXT,
        "@type": kind,
        "@id": address,
        "name": entry.title,
        "url": address,
        "offers": _offer(entry.minimum or entry.price, address, shop),
    }
    if text:
        data["description"] = text
    if entry.cover is not None:
        data["image"] = base_url + cover_path(entry, entry.cover, SHARED_WIDTH)
    if entry.date:
        key = "releaseDate" if kind == "Product" else "datePublished"
        data[key] = entry.date
    if kind == "MusicAlbum":
        tracks = [
            each for each in entry.offered if each.kind is ItemKind.TRACK
        ]
        data["numTracks"] = len(tracks)
        data["track"] = [_track(each) for each in tracks[:_MAX_TRACKS]]
        if entry.artist:
            data["byArtist"] = {"@type": "MusicGroup", "name": entry.artist}
    elif entry.artist:
        person = {"@type": "Person", "name": entry.artist}
        if kind == "Book":
            data["author"] = person
        else:
            data["brand"] = {"@type": "Brand", "name": entry.artist}
    return data


def artist(found: Artist, base_url: str, text: str = "") -> Data:
    """Return an artist, with the albums in the store.

    `text` is the artist's description, as plain text.
    """
    path = f"/artists/{found.slug}"
    data: Data = {
        "@context": CONTEXT,
        "@type": "MusicGroup",
        "name": found.name,
        "url": base_url + path,
    }
    if text:
        data["description"] = text
    if found.profile and found.profile.links:
        data["sameAs"] = list(found.profile.links)
    if found.picture:
        data["image"] = base_url + picture_path(
            path, found.picture, SHARED_WIDTH
        )
    return data | {
        "album": [
            {
                "@type": "MusicAlbum",
                "name": each.title,
                "url": base_url + release_path(each),
            }
            for each in found.releases[:_MAX_TRACKS]
        ],
    }


def breadcrumbs(entry: Release, shop: Shop, base_url: str) -> Data:
    """Return the way from the front page to a release."""
    steps = [
        (shop.name, f"{base_url}/"),
        (gettext("Catalog"), f"{base_url}/catalog"),
        (entry.title, base_url + release_path(entry)),
    ]
    return {
        "@context": CONTEXT,
        "@type": "BreadcrumbList",
        "itemListElement": [
            {
                "@type": "ListItem",
                "position": position,
                "name": name,
                "item": address,
            }
            for position, (name, address) in enumerate(steps, 1)
        ],
    }


def _type_of(entry: Release) -> str:
    if any(each.kind is ItemKind.TRACK for each in entry.offered):
        return "MusicAlbum"
    suffixes = {
        each.file_name.rpartition(".")[2].lower() for each in entry.offered
    }
    return "Book" if suffixes and suffixes <= _DOCUMENT_SUFFIXES else "Product"


def _track(item: Item) -> Data:
    data: Data = {"@type": "MusicRecording", "name": item.title}
    if item.duration_seconds:
        data["duration"] = f"PT{round(item.duration_seconds)}S"
    return data


def _offer(price: Money, address: str, shop: Shop) -> Data:
    return {
        "@type": "Offer",
        "price": price.decimal,
        "priceCurrency": price.currency,
        "availability": f"{CONTEXT}/InStock",
        "url": address,
        "seller": {"@type": "Organization", "name": shop.name},
    }
