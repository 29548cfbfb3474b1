# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Extras: files that come with a release and aren't sold alone."""

import pytest

from msrv.catalog.model import Item, ItemKind, Release, Shop
from msrv.catalog.names import ids
from msrv.catalog.names.extras import is_art_folder, is_extra
from msrv.catalog.release_zip import zip_members
from msrv.money import Money
from tests.catalog.temporary_library import Library, items_by_name, wav

SONGS = {f"0{number} Song.wav": wav(number) for number in range(1, 5)}
EXTRAS = ("album.cue", "rip.log", "album.m3u", "album.sfv", "back.jpg")


@pytest.mark.parametrize(
    "name",
    [
        *EXTRAS,
        "Album.NFO",
        "album.m3u8",
        "album.md5",
        "album.ffp",
        "album.ffp.txt",
        "MD5SUMS",
        "checksums.txt",
        "album.accurip",
        "inlay.jpg",
        "cd.JPEG",
        "Wet Coats - Night Bus (back).tif",
        "cover.heic",
        "foo_dr.txt",
        "Lineage.txt",
        "01 Song.pkf",
        "01 Song.pek",
        "01 Song.ovw",
    ],
)
def test_sidecars_and_pictures_are_extras(name: str) -> None:
    assert is_extra(name)


@pytest.mark.parametrize(
    "name",
    ["booklet.pdf", "Lyrics.txt", "video.mp4", "stems.zip", "md5.flac", "log"],
)
def test_files_for_sale_are_not_extras(name: str) -> None:
    assert not is_extra(name)


@pytest.mark.parametrize(
    ("name", "is_art"),
    [
        ("Scans", True),
        ("scan", True),
        ("Artwork", True),
        ("Booklet", True),
        ("Covers", True),
        ("Cover Art", True),
        ("CD_Art", True),
        ("Stems", False),
        ("Articles", False),
        ("Live", False),
    ],
)
def test_artwork_folders_are_recognised(name: str, *, is_art: bool) -> None:
    assert is_art_folder(name) is is_art


def test_extras_do_not_add_to_the_price(library: Library) -> None:
    library.release("R", SONGS | dict.fromkeys(EXTRAS, b"x"))
    (library.root / "R/01 A.wav").unlink()
    (library.root / "R/02 B.wav").unlink()
    reading = library.read()
    (release,) = reading.catalog.releases
    assert reading.problems == ()
    assert release.price == Money(400, "EUR")
    assert {item.kind for item in release.items} == {ItemKind.TRACK}
    assert len(release.items) == 4
    packed = {
        member.name.rpartition("/")[2]
        for member in zip_members(release, Shop())
    }
    assert packed > set(EXTRAS)
    assert reading.notes == (
        "4 of the items have no price set, and cost €1.00 each",
        "5 files come with their releases, and are not sold by themselves",
    )


def test_extra_that_was_sold_is_still_delivered(library: Library) -> None:
    library.release("R", {"back.jpg": b"back", "Scans/inlay.jpg": b"inlay"})
    catalog = library.read().catalog
    sold = catalog.by_id[ids.item_id(ids.release_id("R"), "back.jpg")]
    assert isinstance(sold, Item)
    assert (sold.content.path, sold.hidden) == ("R/back.jpg", True)
    # The scans were a release of their own, of one item.
    scans = ids.release_id("R/Scans")
    inlay = catalog.by_id[ids.item_id(scans, "inlay.jpg")]
    assert isinstance(inlay, Item)
    assert inlay.content.path == "R/Scans/inlay.jpg"
    assert (inlay.release_id, inlay.hidden) == (scans, True)
    whole = catalog.by_id[scans]
    assert isinstance(whole, Release)
    assert [item.file_name for item in whole.items] == ["inlay.jpg"]
    assert whole not in catalog.releases


@pytest.mark.parametrize("says", ['price = "3.00"', 'minimum = "3.00"'])
def test_extra_with_a_price_is_an_item(library: Library, says: str) -> None:
    library.release(
        "R", {"poster.png": b"x"}, f'[items."poster.png"]\n{says}\n'
    )
    release = library.only()
    assert items_by_name(release)["poster.png"].price == Money(300, "EUR")
    assert release.extras == ()
    assert release.price == Money(500, "EUR")


def test_extra_with_a_title_stays_an_extra(library: Library) -> None:
    toml = '[items."back.jpg"]\ntitle = "Back"\nid = "the-back"\n'
    library.release("R", {"back.jpg": b"x"}, toml)
    release = library.only()
    assert [extra.item_id for extra in release.extras] == ["the-back"]
    assert release.extras[0].title == "Back"


def test_release_of_pictures_sells_its_pictures(library: Library) -> None:
    for name in ("back.jpg", "one.png", "Booklet/two.png"):
        library.put(f"Photos/{name}", name.encode())
    first, second = sorted(
        library.read().catalog.releases, key=lambda each: each.folder
    )
    assert [item.file_name for item in first.items] == ["back.jpg", "one.png"]
    assert [item.file_name for item in second.items] == ["two.png"]
    assert first.extras == second.extras == ()


def test_pdf_beside_tracks_is_an_item(library: Library) -> None:
    library.release("R", {"booklet.pdf": b"%PDF", "Scans/all.pdf": b"%PDF"})
    release = library.only()
    assert "booklet.pdf" in items_by_name(release)
    assert [each.content.path for each in release.extras] == [
        "R/Scans/all.pdf"
    ]


def test_single_with_extras_is_sold_as_a_release(library: Library) -> None:
    library.put("R/Song.wav", wav())
    library.put("R/back.jpg", b"x")
    library.put("R/release.toml", 'price = "2.00"')
    release = library.only()
    assert release.sold_whole
    assert release.price == release.items[0].price == Money(200, "EUR")


def test_empty_extra_is_ignored(library: Library) -> None:
    library.release("R", {"rip.log": b""})
    assert library.only().extras == ()
