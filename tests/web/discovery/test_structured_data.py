# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Structured data and link previews by a release's kind."""

import json
import re
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.artists import Artist
from msrv.catalog.details.release_details import (
    ReleaseDetails,
    ReleaseKind,
)
from msrv.catalog.model import Item, ItemKind, Release, Shop
from msrv.money import Money
from msrv.storage.model import Content, FileIdentity
from msrv.web.discovery import structured_data
from msrv.web.discovery.page_metadata import release_metadata
from tests.conftest import Client
from tests.web.discovery import schema_org

BASE: Final = "https://shop.example"
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


@pytest.mark.parametrize("details", [{}, DETAILS], ids=["bare", "described"])
@pytest.mark.parametrize("kind", ReleaseKind)
def test_structured_data_is_of_the_vocabulary(
    kind: ReleaseKind, details: dict[str, Any]
) -> None:
    meta = release_metadata(release(kind, **details), Shop(), BASE, "Words.")
    for data in meta.data:
        schema_org.check(data)
    assert meta.data[0]["offers"]["price"] == "7.00"


@given(
    texts=st.lists(st.text(min_size=1, max_size=30), min_size=3, max_size=3),
    date=st.sampled_from(["", "2026", "2026-03", "2026-03-06"]),
    kind=st.sampled_from(ReleaseKind),
)
def test_any_release_is_of_the_vocabulary(
    texts: list[str], date: str, kind: ReleaseKind
) -> None:
    title, artist, label = (each.strip() or "A" for each in texts)
    found = replace(
        release(kind, label=label, genres=(label,), tags=(title,)),
        title=title,
        artist=artist,
        date=date,
    )
    for data in release_metadata(found, Shop(), BASE, "").data:
        schema_org.check(data)


def test_artist_has_albums_of_music_alone() -> None:
    album, book = release(ReleaseKind.EP), release(ReleaseKind.BOOK)
    both = Artist("a", "Artist", (book, album))
    data = structured_data.artist(both, BASE)
    schema_org.check(data)
    assert data["@type"] == "MusicGroup"
    assert len(data["album"]) == 1
    author = structured_data.artist(Artist("a", "Artist", (book,)), BASE)
    schema_org.check(author)
    assert author["@type"] == "Person"
    assert "album" not in author
    guest = structured_data.artist(Artist("a", "Artist", (), (album,)), BASE)
    schema_org.check(guest)
    assert guest["@type"] == "MusicGroup"
    assert "album" not in guest


@pytest.mark.parametrize(
    "path", ["/", "/catalog/night-bus", "/artists/the-wet-coats", "/tags"]
)
async def test_data_of_pages_is_of_the_vocabulary(
    store: Client, path: str
) -> None:
    page = await (await store.get(path)).text()
    found = re.findall(
        r'(?s)<script type="application/ld\+json">(.*?)</script>', page
    )
    assert bool(found) is (path != "/tags")
    for each in found:
        schema_org.check(json.loads(each))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("@context", "http://schema.org"),
        ("@type", "MusicAlbums"),
        ("@id", "night-bus"),
        ("isbn", "978"),
        ("colour", "red"),
        ("name", ""),
        ("name", ["A", "B"]),
        ("track", []),
        ("url", "/catalog/r"),
        ("url", "https://a.example/{words}"),
        ("datePublished", "2026-13"),
        ("datePublished", "March 2026"),
        ("numTracks", "12"),
        ("numTracks", True),
        ("byArtist", {"@type": "Organization", "name": "A"}),
        ("byArtist", "A"),
        ("albumReleaseType", "EPRelease"),
        ("offers", {"@type": "Offer", "price": 7.0}),
        ("offers", {"@type": "Offer", "priceCurrency": "euro"}),
        ("offers", {"@type": "Offer", "availability": "InStock"}),
        ("track", {"@type": "MusicRecording", "duration": "83"}),
    ],
)
def test_data_outside_of_the_vocabulary_is_found(
    path: str, value: object
) -> None:
    data = release_metadata(release(ReleaseKind.EP), Shop(), BASE, "").data[0]
    schema_org.check(data)
    with pytest.raises(schema_org.Invalid):
        schema_org.check({**data, path: value})


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
