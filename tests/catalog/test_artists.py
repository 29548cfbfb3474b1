# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Artists of a catalog."""

from msrv.catalog.artists import Artists
from msrv.catalog.model import Catalog, Item, ItemKind, Release, Shop
from msrv.money import Money
from msrv.storage.model import Content, FileIdentity


def release(release_id: str, artist: str, *track_artists: str) -> Release:
    """Return a release with a track by each artist."""
    free = Money(0, "EUR")
    identity = FileIdentity(1, 0, 0, 0)
    content = Content("x/1.mp3", identity, bytes(32), 0, "audio/mpeg")
    items = tuple(
        Item(
            item_id=f"{release_id}{number}",
            release_id=release_id,
            kind=ItemKind.TRACK,
            title="T",
            artist=name,
            price=free,
            content=content,
        )
        for number, name in enumerate(track_artists)
    )
    return Release(
        release_id, release_id, release_id, artist, "", "", free, items
    )


def artists(*releases: Release) -> Artists:
    """Return the artists of a catalog with these releases."""
    return Artists.of(Catalog(Shop(), releases, releases, "v", {}, {}))


def test_spellings_that_differ_in_case_are_one_artist() -> None:
    found = artists(release("a", "The Band"), release("b", "the band"))
    artist = found.find("THE BAND")
    assert artist is not None
    assert artist.name == "The Band"
    assert [each.release_id for each in artist.releases] == ["a", "b"]
    assert found.by_slug == {"the-band": artist}


def test_spellings_that_differ_in_quotes_and_hyphens_are_one_artist() -> None:
    names = ["Guns N' Roses", "Guns N\u2019 Roses", "A-ha", "A\u2010ha"]
    found = artists(*(release(str(n), name) for n, name in enumerate(names)))
    assert [each.name for each in found.by_name] == ["A-ha", "Guns N' Roses"]
    assert found.find("guns n\u02bc roses") is found.by_name[1]


def test_guest_appears_on_a_release() -> None:
    found = artists(release("a", "Host", "Host", "Guest"))
    guest = found.find("Guest")
    assert guest is not None
    assert (guest.releases, len(guest.appearances)) == ((), 1)
    host = found.find("Host")
    assert host is not None
    assert host.appearances == ()


def test_equal_slugs_are_numbered_in_a_stable_order() -> None:
    names = ["Ann!", "Ann?", "…", "?"]
    found = artists(*(release(str(n), name) for n, name in enumerate(names)))
    again = artists(
        *(release(str(n), name) for n, name in enumerate(reversed(names)))
    )
    assert sorted(found.by_slug) == ["ann", "ann-2", "artist", "artist-2"]
    assert {slug: each.name for slug, each in found.by_slug.items()} == {
        slug: each.name for slug, each in again.by_slug.items()
    }


def test_release_without_an_artist_has_none() -> None:
    assert artists(release("a", "", "")).by_slug == {}


def test_artists_are_sorted_without_accents_and_articles() -> None:
    names = ["Zoë", "The Band", "Élan", "Eve", "Łona", "(Cut)", "Кино"]
    found = artists(*(release(str(n), name) for n, name in enumerate(names)))
    assert [each.name for each in found.by_name] == [
        "The Band",
        "(Cut)",
        "Élan",
        "Eve",
        "Zoë",
        "Łona",
        "Кино",
    ]


def test_former_slugs_are_numbered_as_in_version_1_0() -> None:
    names = ["Łona", "Кино", "Земфира", "Zoë", "Item", "…"]
    found = artists(*(release(str(n), name) for n, name in enumerate(names)))
    assert {
        former: artist.name for former, artist in found.by_former_slug.items()
    } == {
        "ona": "Łona",
        "artist-2": "Земфира",
        "artist-3": "Кино",
        "artist-4": "…",
    }
    # Item's in version 1.0.
    assert found.by_slug["artist"].name == "…"


def test_present_slug_takes_precedence_over_a_former_one() -> None:
    found = artists(release("a", "Łona"), release("b", "Ona"))
    assert found.by_former_slug == {"ona-2": found.find("Łona")}
    assert found.by_slug["ona"].name == "Ona"
