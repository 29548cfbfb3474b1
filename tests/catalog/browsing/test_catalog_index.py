# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Filters, orders and tags of a catalog."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.browsing.catalog_index import (
    CatalogIndex,
    CatalogOrder,
    Selection,
)
from msrv.catalog.browsing.tag_index import TagIndex
from msrv.catalog.details.release_details import ReleaseDetails, ReleaseKind
from msrv.catalog.library.catalog_assembly import assemble_catalog
from msrv.catalog.model import (
    Catalog,
    Item,
    ItemKind,
    Release,
    Shop,
)
from msrv.catalog.names.ids import tag_slug
from msrv.catalog.search import SearchIndex
from msrv.money import Money
from msrv.storage.model import Content, FileIdentity


def release(
    title: str,
    *,
    artist: str = "",
    date: str = "",
    minor: int = 0,
    kind: ReleaseKind = ReleaseKind.ALBUM,
    tags: Sequence[str] = (),
    genres: Sequence[str] = (),
) -> Release:
    """Return a release with a track of its title."""
    content = Content("x", FileIdentity(1, 1, 1, 1), bytes(32), 1, "a/b")
    price = Money(minor, "EUR")
    track = Item(
        f"{title}-1", title, ItemKind.TRACK, title, artist, price, content
    )
    return Release(
        release_id=title,
        folder=title,
        title=title,
        artist=artist,
        date=date,
        description="",
        price=price,
        items=(track,),
        details=ReleaseDetails(
            kind=kind, tags=tuple(tags), genres=tuple(genres)
        ),
    )


RELEASES = [
    release("b", artist="The Zebras", date="2024", minor=300, tags=["Dub"]),
    release("Á", artist="ants", date="2025-03", minor=100, tags=["dub!"]),
    release("c", artist="Bees", minor=200, kind=ReleaseKind.BOOK),
    release(
        "d",
        artist="Bees",
        date="2026-01-01",
        minor=100,
        kind=ReleaseKind.EP,
        tags=["dub"],
        genres=["電子音楽"],
    ),
]


def catalog_of(releases: Sequence[Release]) -> Catalog:
    return assemble_catalog(Shop(), releases)


def titles(releases: Sequence[Release]) -> str:
    return "".join(each.title for each in releases)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (None, "dÁbc"),
        (CatalogOrder.NEWEST, "dÁbc"),
        (CatalogOrder.OLDEST, "cbÁd"),
        (CatalogOrder.TITLE, "Ábcd"),
        (CatalogOrder.ARTIST, "Ádcb"),
        (CatalogOrder.PRICE, "Ádcb"),
    ],
)
def test_orders(order: CatalogOrder | None, expected: str) -> None:
    index = CatalogIndex.of(catalog_of(RELEASES))
    assert titles(index.select(Selection(order=order))) == expected


EQUALS = [replace(RELEASES[0], release_id=each) for each in "wxyz"]


@given(st.permutations(EQUALS), st.sampled_from(CatalogOrder))
def test_order_of_equal_releases_is_the_same_on_every_replica(
    releases: list[Release], order: CatalogOrder
) -> None:
    wanted = Selection(order=order)
    catalog = replace(catalog_of(EQUALS), offered=tuple(releases))
    assert CatalogIndex.of(catalog).select(wanted) == tuple(EQUALS)


def test_kind_and_tag_are_combined() -> None:
    index = CatalogIndex.of(catalog_of(RELEASES))
    assert titles(index.select(Selection(tag="dub"))) == "dÁb"
    assert titles(index.select(Selection(ReleaseKind.ALBUM, "dub"))) == "Áb"
    assert titles(index.select(Selection(ReleaseKind.BOOK, "dub"))) == ""
    assert titles(index.select(Selection(tag="nothing"))) == ""


def test_filters_are_those_that_select_something() -> None:
    index = CatalogIndex.of(catalog_of(RELEASES))
    assert index.kinds[""] == (
        ReleaseKind.ALBUM,
        ReleaseKind.EP,
        ReleaseKind.BOOK,
    )
    assert index.kinds["dub"] == (ReleaseKind.ALBUM, ReleaseKind.EP)
    assert [each.slug for each in index.top_tags[ReleaseKind.ALBUM]] == ["dub"]
    assert index.top_tags[ReleaseKind.BOOK] == ()
    assert len(index.top_tags[None]) == 2


def test_spellings_of_a_tag_are_one_tag() -> None:
    (tag, other) = TagIndex.of(catalog_of(RELEASES)).by_slug.values()
    assert (tag.slug, tag.name, len(tag.releases)) == ("dub", "dub", 3)
    assert (other.name, len(other.releases)) == ("電子音楽", 1)
    assert other.slug.startswith("dianziyinle-")


@pytest.mark.parametrize(
    ("one", "other", "are_equal"),
    [
        ("Hip-Hop", "hip hop", True),
        ("Überraschung", "uberraschung", True),
        ("電子音楽", "電子音樂", False),
        ("rock 日本", "rock", False),
        ("x" * 30, "x" * 31, False),
        ("R&B", "R & B", True),
    ],
)
def test_slugs_of_tags(one: str, other: str, are_equal: bool) -> None:  # noqa: FBT001 - a table
    assert (tag_slug(one) == tag_slug(other)) is are_equal


@given(st.text())
def test_slug_of_any_tag_fits_an_address(name: str) -> None:
    slug = tag_slug(name)
    assert slug
    assert set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(slug) < 40


def test_related_releases_share_most_tags() -> None:
    releases = [
        release("a", tags=["x", "y"]),
        release("b", tags=["x"], date="2026"),
        release("c", tags=["y", "x"], date="2025"),
        release("d", tags=["z"]),
        release("e", tags=["x"], date="2024"),
    ]
    catalog = catalog_of(releases)
    tags = TagIndex.of(catalog)
    assert titles(tags.related(releases[0], without=(), most=2)) == "cb"
    without = [releases[2]]
    assert titles(tags.related(releases[0], without=without, most=9)) == "be"
    assert tags.related(releases[3], without=(), most=9) == []


def test_search_is_narrowed_to_a_selection_in_its_order() -> None:
    releases = [
        release("rain one", date="2024"),
        release("rain two", date="2026", kind=ReleaseKind.BOOK),
        release("rain three", date="2025"),
        release("sun", date="2025"),
    ]
    catalog = catalog_of(releases)
    wanted = Selection(ReleaseKind.ALBUM, order=CatalogOrder.OLDEST)
    selected = CatalogIndex.of(catalog).select(wanted)
    found = SearchIndex(catalog).search("rain").among(selected)
    matches = found[slice(0, 10)]
    assert [each.release.title for each in matches] == [
        "rain one",
        "rain three",
    ]
    assert len(found) == 2
