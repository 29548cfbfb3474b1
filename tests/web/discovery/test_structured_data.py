# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Structured data and link previews by a release's kind."""

from typing import Any, Final

import pytest

from msrv.catalog.details.release_details import (
    ReleaseDetails,
    ReleaseKind,
)
from msrv.catalog.model import Item, ItemKind, Release, Shop
from msrv.money import Money
from msrv.storage.model import Content, FileIdentity
from msrv.web.discovery.page_metadata import release_metadata

BASE: Final = "https://shop.example"
_COMMON: Final = (
    "@context @type @id name url offers description image keywords"
)
_WORK: Final = "datePublished genre inLanguage"
PROPERTIES: Final = {
    "MusicAlbum": f"{_COMMON} {_WORK} albumReleaseType numTracks track "
    "byArtist albumRelease",
    "Book": f"{_COMMON} {_WORK} author publisher isbn numberOfPages "
    "bookFormat",
    "VideoObject": f"{_COMMON} {_WORK} creator publisher uploadDate duration "
    "thumbnailUrl",
    "SoftwareApplication": f"{_COMMON} {_WORK} author publisher "
    "softwareVersion operatingSystem",
    "Product": f"{_COMMON} releaseDate brand category",
    "Offer": "@type price priceCurrency availability url seller",
    "MusicRecording": "@type name duration",
    "MusicRelease": "@type catalogNumber recordLabel",
    "MusicGroup": "@type name",
    "Organization": "@type name",
    "Person": "@type name",
    "Brand": "@type name",
}
"""Properties that schema.org defines for each type, as far as they are used
(https://schema.org/MusicAlbum and the like).
"""
DETAILS: Final = {
    "genres": ("Dub",),
    "tags": ("live", "rainy day"),
    "label": "Rain",
    "catalog_number": "RAIN 7",
    "isbn": "978-3-16-148410-0",
    "language": "ja",
    "version": "1.2",
    "platforms": ("Linux", "macOS"),
    "page_count": 96,
    "duration_seconds": 83.4,
}


def release(kind: ReleaseKind, **details: Any) -> Release:  # noqa: ANN401 - fields
    content = Content("x", FileIdentity(1, 1, 1, 1), bytes(32), 1, "a/b")
    price = Money(700, "EUR")
    track = Item("t", "r", ItemKind.TRACK, "One", "", price, content)
    return Release(
        "r",
        "r",
        "Title",
        "Artist",
        "2026-03-06",
        "",
        price,
        (track,),
        details=ReleaseDetails(kind=kind, **details),
    )


def check(data: Any) -> None:  # noqa: ANN401 - JSON
    """Check that each object has only properties of its type, and no empty
    value.
    """
    if isinstance(data, list):
        for each in data:
            check(each)
    elif isinstance(data, dict):
        assert set(data) <= set(PROPERTIES[data["@type"]].split())
        for each in data.values():
            check(each)
    else:
        assert data not in (None, "")


@pytest.mark.parametrize("details", [{}, DETAILS], ids=["bare", "described"])
@pytest.mark.parametrize("kind", ReleaseKind)
def test_structured_data_has_properties_of_its_type_alone(
    kind: ReleaseKind, details: dict[str, Any]
) -> None:
    meta = release_metadata(release(kind, **details), Shop(), BASE, "Words.")
    data = meta.data[0]
    check(data)
    assert data["offers"]["price"] == "7.00"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            ReleaseKind.EP,
            {
                "@type": "MusicAlbum",
                "albumReleaseType": "https://schema.org/EPRelease",
                "byArtist": {"@type": "MusicGroup", "name": "Artist"},
                "genre": ["Dub"],
                "keywords": "live, rainy day",
                "albumRelease": {
                    "@type": "MusicRelease",
                    "catalogNumber": "RAIN 7",
                    "recordLabel": {"@type": "Organization", "name": "Rain"},
                },
            },
        ),
        (
            ReleaseKind.BOOK,
            {
                "@type": "Book",
                "isbn": "978-3-16-148410-0",
                "numberOfPages": 96,
                "inLanguage": "ja",
                "author": {"@type": "Person", "name": "Artist"},
                "publisher": {"@type": "Organization", "name": "Rain"},
            },
        ),
        (
            ReleaseKind.VIDEO,
            {
                "@type": "VideoObject",
                "duration": "PT83S",
                "uploadDate": "2026-03-06",
            },
        ),
        (
            ReleaseKind.SOFTWARE,
            {
                "@type": "SoftwareApplication",
                "softwareVersion": "1.2",
                "operatingSystem": "Linux, macOS",
            },
        ),
        (
            ReleaseKind.SAMPLE_PACK,
            {
                "@type": "Product",
                "releaseDate": "2026-03-06",
                "brand": {"@type": "Brand", "name": "Artist"},
                "category": "Dub",
            },
        ),
    ],
)
def test_structured_data_is_that_of_the_kind(
    kind: ReleaseKind, expected: dict[str, Any]
) -> None:
    meta = release_metadata(release(kind, **DETAILS), Shop(), BASE, "")
    data = meta.data[0]
    assert {name: data.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (ReleaseKind.SINGLE, "music.song music:release_date"),
        (ReleaseKind.BOOK, "book book:release_date book:isbn"),
        (
            ReleaseKind.VIDEO,
            "video.other video:release_date video:duration",
        ),
        (ReleaseKind.SOFTWARE, "product"),
    ],
)
def test_link_preview_is_that_of_the_kind(
    kind: ReleaseKind, expected: str
) -> None:
    meta = release_metadata(release(kind, **DETAILS), Shop(), BASE, "")
    properties = dict(meta.properties)
    type_name, *names = expected.split()
    assert properties["og:type"] == type_name
    verticals = ("music:", "book:", "video:")
    assert [name for name in properties if name.startswith(verticals)] == names
