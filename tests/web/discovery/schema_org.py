# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checker of structured data by the vocabulary of schema.org.

It has the part of the vocabulary that the store uses: types with their
parents, and properties with the types that have them and those of their
values. Source: the pages of each, such as https://schema.org/MusicAlbum.
"""

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, Final
from urllib.parse import urlsplit

CONTEXT: Final = "https://schema.org"

PARENTS: Final = {
    "Thing": "",
    "Action": "Thing",
    "SearchAction": "Action",
    "CreativeWork": "Thing",
    "WebSite": "CreativeWork",
    "Book": "CreativeWork",
    "MediaObject": "CreativeWork",
    "VideoObject": "MediaObject",
    "SoftwareApplication": "CreativeWork",
    "MusicRecording": "CreativeWork",
    "MusicPlaylist": "CreativeWork",
    "MusicAlbum": "MusicPlaylist",
    "MusicRelease": "MusicPlaylist",
    "Product": "Thing",
    "Person": "Thing",
    "Organization": "Thing",
    "PerformingGroup": "Organization",
    "MusicGroup": "PerformingGroup",
    "Intangible": "Thing",
    "Brand": "Intangible",
    "Offer": "Intangible",
    "EntryPoint": "Intangible",
    "ItemList": "Intangible",
    "BreadcrumbList": "ItemList",
    "ListItem": "Intangible",
}

PROPERTIES: Final = {
    # Of things.
    "name": ("Thing", "Text"),
    "url": ("Thing", "URL"),
    "description": ("Thing", "Text"),
    "image": ("Thing", "URL"),
    "sameAs": ("Thing", "URL"),
    "potentialAction": ("Thing", "Action"),
    # Of works, and of what else is sold.
    "keywords": ("CreativeWork Product Organization", "Text"),
    "offers": ("CreativeWork Product", "Offer"),
    "datePublished": ("CreativeWork", "Date"),
    "genre": ("CreativeWork MusicGroup", "Text"),
    "inLanguage": ("CreativeWork", "Language"),
    "author": ("CreativeWork", "Person Organization"),
    "creator": ("CreativeWork", "Person Organization"),
    "publisher": ("CreativeWork", "Person Organization"),
    "thumbnailUrl": ("CreativeWork", "URL"),
    # Of music.
    "albumReleaseType": ("MusicAlbum", "MusicAlbumReleaseType"),
    "albumRelease": ("MusicAlbum", "MusicRelease"),
    "byArtist": ("MusicAlbum MusicRecording", "MusicGroup Person"),
    "numTracks": ("MusicPlaylist", "Integer"),
    "track": ("MusicPlaylist MusicGroup", "MusicRecording ItemList"),
    "catalogNumber": ("MusicRelease", "Text"),
    "recordLabel": ("MusicRelease", "Organization"),
    "album": ("MusicGroup", "MusicAlbum"),
    "duration": ("MusicRecording MusicRelease MediaObject", "Duration"),
    # Of other kinds.
    "isbn": ("Book", "Text"),
    "numberOfPages": ("Book", "Integer"),
    "bookFormat": ("Book", "BookFormatType"),
    "uploadDate": ("MediaObject", "Date"),
    "softwareVersion": ("SoftwareApplication", "Text"),
    "operatingSystem": ("SoftwareApplication", "Text"),
    "releaseDate": ("Product", "Date"),
    "brand": ("Product Organization Person", "Brand Organization"),
    "category": ("Product Offer", "Text"),
    # Of offers.
    "price": ("Offer", "Price"),
    "priceCurrency": ("Offer", "Currency"),
    "availability": ("Offer", "ItemAvailability"),
    "seller": ("Offer", "Organization Person"),
    # Of actions and lists. The input of an action is its annotation
    # (https://schema.org/docs/actions.html), and an item of breadcrumbs may
    # be its address (developers.google.com, "Breadcrumb").
    "target": ("Action", "EntryPoint URL"),
    "query-input": ("Action", "Text"),
    "urlTemplate": ("EntryPoint", "Template"),
    "itemListElement": ("ItemList", "ListItem"),
    "position": ("ListItem CreativeWork", "Integer"),
    "item": ("ListItem", "Thing URL"),
}
"""By the property: types that have it, and types that its values have."""

_SINGLE: Final = frozenset(
    "name url description offers datePublished price priceCurrency "
    "availability position numTracks uploadDate duration".split()
)
"""Properties that state one fact, so that a list would contradict itself."""


def _is_url(value: object) -> bool:
    if not isinstance(value, str) or re.search(r'[\s{}|\\^`<>"]', value):
        return False
    parts = urlsplit(value)
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _is_date(value: object) -> bool:
    """Return whether it is a year, a month, a day or a time by ISO 8601."""
    if not isinstance(value, str):
        return False
    if re.fullmatch(r"\d{4}", value):
        return True
    padded = f"{value}-01" if re.fullmatch(r"\d{4}-\d\d", value) else value
    for parse in (date.fromisoformat, datetime.fromisoformat):
        try:
            parse(padded)
        except ValueError:
            continue
        return True
    return False


def _matches(pattern: str) -> Callable[[object], bool]:
    return lambda value: (
        isinstance(value, str) and re.fullmatch(pattern, value) is not None
    )


def _one_of(*names: str) -> Callable[[object], bool]:
    return lambda value: value in [f"{CONTEXT}/{name}" for name in names]


VALUES: Final[dict[str, Callable[[object], bool]]] = {
    "Text": _matches(r"(?s)(?=.*\S).+"),
    "URL": _is_url,
    "Template": _matches(r"https?://[^\s{}]+\{[a-z_]+\}"),
    "Date": _is_date,
    "Duration": _matches(r"PT(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?"),
    "Integer": lambda value: type(value) is int and value >= 0,
    "Price": _matches(r"\d+(?:\.\d+)?"),
    "Currency": _matches("[A-Z]{3}"),
    "Language": _matches("[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*"),
    "ItemAvailability": _one_of("InStock", "PreOrder", "SoldOut"),
    "MusicAlbumReleaseType": _one_of(
        "AlbumRelease", "EPRelease", "SingleRelease"
    ),
    "BookFormatType": _one_of("EBook", "AudiobookFormat", "Paperback"),
}
"""Tests of values that are no objects, by their type."""


class Invalid(Exception):
    """Data that isn't of the vocabulary; the message says where and why."""


def check(data: object) -> None:
    """Check what stands in a script element by itself. Raises Invalid."""
    if not isinstance(data, dict) or data.get("@context") != CONTEXT:
        raise Invalid(f"no context of {CONTEXT}")
    _check_object({k: v for k, v in data.items() if k != "@context"}, "")


def _check_object(data: dict[str, Any], where: str) -> None:
    kind = data.get("@type")
    if kind not in PARENTS:
        raise Invalid(f"{where}: type {kind!r}")
    for name, value in data.items():
        at = f"{where}/{kind}.{name}"
        if name == "@type":
            continue
        if name == "@id":
            if not _is_url(value):
                raise Invalid(f"{at} is {value!r}")
            continue
        if name not in PROPERTIES:
            raise Invalid(f"{at} is no property that is known")
        domains, ranges = (text.split() for text in PROPERTIES[name])
        if not any(is_a(kind, each) for each in domains):
            raise Invalid(f"{at} is of {domains}")
        is_list = isinstance(value, list)
        if is_list and (name in _SINGLE or not value):
            raise Invalid(f"{at} is a list of {len(value)}")
        for each in value if is_list else [value]:
            _check_value(each, ranges, at)


def _check_value(value: object, ranges: list[str], at: str) -> None:
    if isinstance(value, dict):
        if not any(is_a(value.get("@type"), each) for each in ranges):
            raise Invalid(f"{at} is a {value.get('@type')}, not of {ranges}")
        _check_object(value, at)
    elif not any(VALUES[each](value) for each in ranges if each in VALUES):
        raise Invalid(f"{at} is {value!r}, not of {ranges}")


def is_a(kind: object, ancestor: str) -> bool:
    """Return whether a type is another, or derived from it."""
    while kind in PARENTS and kind != ancestor:
        kind = PARENTS[str(kind)]
    return kind == ancestor
