# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Structured data of pages, in the vocabulary of schema.org."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msrv.catalog.artists import Artist
from msrv.catalog.covers import SHARED_WIDTH
from msrv.catalog.details.release_details import ReleaseKind
from msrv.catalog.model import Item, ItemKind, Release, Shop
from msrv.money import Money
from msrv.translations import gettext
from msrv.web.shop.json_views import (
    picture_path,
    release_path,
    shared_cover_path,
)

Data = dict[str, Any]

CONTEXT: Final = "https://schema.org"
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
            "target": {
                "@type": "EntryPoint",
                "urlTemplate": f"{base_url}/catalog?q={{words}}",
            },
            "query-input": "required name=words",
        },
    }


def release(entry: Release, shop: Shop, base_url: str, text: str) -> Data:
    """Return a release as what it is by its kind, for sale.

    `text` is its description, as plain text.
    """
    address = base_url + release_path(entry)
    details = entry.details
    kind, describe = _TYPES[details.kind]
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
    data["image"] = base_url + shared_cover_path(entry)
    if details.tags:
        data["keywords"] = ", ".join(details.tags)
    return data | {
        name: value
        for name, value in describe(entry, data.get("image", "")).items()
        if value
    }


def _record(entry: Release, image: str) -> Data:  # noqa: ARG001 - as the others
    details = entry.details
    tracks = [each for each in entry.offered if each.kind is ItemKind.TRACK]
    edition = {
        "@type": "MusicRelease",
        "catalogNumber": details.catalog_number,
        "recordLabel": _organization(details.label),
    }
    is_edition = details.catalog_number or details.label
    return _creative_work(entry) | {
        "albumReleaseType": f"{CONTEXT}/{_RELEASE_TYPES[details.kind]}",
        "numTracks": len(tracks),
        "track": [_track(each) for each in tracks[:_MAX_TRACKS]],
        "byArtist": _named("MusicGroup", entry.artist),
        "albumRelease": {
            name: value for name, value in edition.items() if value
        }
        if is_edition
        else None,
    }


def _book(entry: Release, image: str) -> Data:  # noqa: ARG001 - as the others
    details = entry.details
    return _creative_work(entry) | {
        "author": _named("Person", entry.artist),
        "publisher": _organization(details.label),
        "isbn": details.isbn,
        "numberOfPages": details.page_count,
        "bookFormat": f"{CONTEXT}/EBook",
    }


def _video(entry: Release, image: str) -> Data:
    seconds = entry.details.duration_seconds
    return _creative_work(entry) | {
        "creator": _named("Person", entry.artist),
        "publisher": _organization(entry.details.label),
        "uploadDate": entry.date,
        "duration": _duration(seconds) if seconds else "",
        "thumbnailUrl": image,
    }


def _software(entry: Release, image: str) -> Data:  # noqa: ARG001 - as the others
    details = entry.details
    return _creative_work(entry) | {
        "author": _named("Person", entry.artist),
        "publisher": _organization(details.label),
        "softwareVersion": details.version,
        "operatingSystem": ", ".join(details.platforms),
    }


def _product(entry: Release, image: str) -> Data:  # noqa: ARG001 - as the others
    return {
        "releaseDate": entry.date,
        "brand": _named("Brand", entry.artist or entry.details.label),
        "category": ", ".join(entry.details.genres),
    }


def _creative_work(entry: Release) -> Data:
    """Return the properties that all but products have."""
    details = entry.details
    return {
        "datePublished": entry.date,
        "genre": list(details.genres),
        "inLanguage": details.language,
    }


_TYPES: Final[
    Mapping[ReleaseKind, tuple[str, Callable[[Release, str], Data]]]
] = {
    ReleaseKind.ALBUM: ("MusicAlbum", _record),
    ReleaseKind.EP: ("MusicAlbum", _record),
    ReleaseKind.SINGLE: ("MusicAlbum", _record),
    ReleaseKind.BOOK: ("Book", _book),
    ReleaseKind.VIDEO: ("VideoObject", _video),
    ReleaseKind.SOFTWARE: ("SoftwareApplication", _software),
    ReleaseKind.SAMPLE_PACK: ("Product", _product),
    ReleaseKind.OTHER: ("Product", _product),
}
_RELEASE_TYPES: Final[Mapping[ReleaseKind, str]] = {
    ReleaseKind.ALBUM: "AlbumRelease",
    ReleaseKind.EP: "EPRelease",
    ReleaseKind.SINGLE: "SingleRelease",
}


def artist(found: Artist, base_url: str, text: str = "") -> Data:
    """Return an artist: with the albums in the store, if it makes music.

    `text` is the artist's description, as plain text.
    """
    path = f"/artists/{found.slug}"
    music = [each for each in found.releases if each.details.kind.is_music]
    is_musical = bool(music) or any(
        each.details.kind.is_music for each in found.appearances
    )
    data: Data = {
        "@context": CONTEXT,
        "@type": "MusicGroup" if is_musical else "Person",
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
    if music:
        data["album"] = [
            {
                "@type": "MusicAlbum",
                "name": each.title,
                "url": base_url + release_path(each),
            }
            for each in music[:_MAX_TRACKS]
        ]
    return data


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


def _track(item: Item) -> Data:
    data: Data = {"@type": "MusicRecording", "name": item.title}
    if item.duration_seconds:
        data["duration"] = _duration(item.duration_seconds)
    return data


def _duration(seconds: float) -> str:
    """Return a duration by ISO 8601."""
    return f"PT{round(seconds)}S"


def _organization(name: str) -> Data | None:
    return _named("Organization", name)


def _named(kind: str, name: str) -> Data | None:
    return {"@type": kind, "name": name} if name else None


def _offer(price: Money, address: str, shop: Shop) -> Data:
    return {
        "@type": "Offer",
        "price": price.decimal,
        "priceCurrency": price.currency,
        "availability": f"{CONTEXT}/InStock",
        "url": address,
        "seller": {"@type": "Organization", "name": shop.name},
    }
