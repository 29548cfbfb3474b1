# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Folders that are parts of one release."""

from typing import Final

import pytest
from PIL import Image

from msrv.catalog.library.scan import scan
from msrv.catalog.model import Item, ItemKind, Release, Shop
from msrv.catalog.names import ids
from msrv.catalog.release_zip import zip_members
from msrv.money import Money
from tests.catalog.temporary_library import Library, tagged_wav, wav

FIRST: Final = "01 Song.wav"


def two_discs(library: Library) -> None:
    """Write a record of two discs, whose files have the same names."""
    for disc in (1, 2):
        for number, name in enumerate((FIRST, "02 Song.wav"), 1):
            tags = {"title": f"Song {disc}.{number}", "number": f"{number}"}
            album = f"Night Bus (Disc {disc})"
            data = tagged_wav(
                disc * 10 + number, album=album, disc="1", **tags
            )
            library.put(f"Coats/Bus/CD{disc}/{name}", data)


def test_discs_are_one_release(library: Library) -> None:
    two_discs(library)
    release = library.only()
    assert (release.folder, release.title) == ("Coats/Bus", "Night Bus")
    assert [(item.disc, item.title) for item in release.items] == [
        (1, "Song 1.1"),
        (1, "Song 1.2"),
        (2, "Song 2.1"),
        (2, "Song 2.2"),
    ]
    assert len({item.item_id for item in release.items}) == 4
    assert release.release_id == ids.release_id("Coats/Bus")
    assert release.price == Money(400, "EUR")
    names = [
        each.name.rpartition("/")[2] for each in zip_members(release, Shop())
    ]
    assert names[0] == "1-01 Song 1.1.wav"
    assert names[2] == "2-01 Song 2.1.wav"


def test_former_ids_of_a_disc_deliver_that_disc(library: Library) -> None:
    two_discs(library)
    catalog = library.read().catalog
    old = ids.release_id("Coats/Bus/CD2")
    disc = catalog.by_id[old]
    assert isinstance(disc, Release)
    assert disc.hidden
    assert [item.title for item in disc.items] == ["Song 2.1", "Song 2.2"]
    song = catalog.by_id[ids.item_id(old, FIRST)]
    assert song == disc.items[0]
    assert isinstance(song, Item)
    # Refunding a disc revokes its songs as well.
    assert (song.release_id, song.hidden) == (old, True)
    assert song.content.path == f"Coats/Bus/CD2/{FIRST}"
    assert len(catalog.releases) == 1


def test_release_toml_of_the_parent_applies_to_its_discs(
    library: Library,
) -> None:
    two_discs(library)
    library.put(
        "Coats/Bus/release.toml",
        'id = "bus"\ntitle = "Bus"\nprice = "3.00"\n'
        f'[items."CD2/{FIRST}"]\nprice = "9"\nid = "cd2-first"\n',
    )
    Image.new("RGB", (4, 4)).save(library.root / "Coats/Bus/cover.png")
    Image.new("RGB", (5, 5)).save(library.root / "Coats/Bus/CD1/cover.png")
    release = library.only()
    assert (release.release_id, release.title) == ("bus", "Bus")
    assert release.price == Money(300, "EUR")
    assert release.cover
    assert release.cover.content.path == "Coats/Bus/cover.png"
    priced = {item.item_id: item.price.minor for item in release.items}
    assert priced["cd2-first"] == 900
    assert list(priced.values()).count(100) == 3
    (extra,) = release.extras
    assert extra.content.path == "Coats/Bus/CD1/cover.png"


def test_cover_of_the_first_disc_is_used(library: Library) -> None:
    two_discs(library)
    for disc, size in ((1, 4), (2, 5)):
        cover = library.root / f"Coats/Bus/CD{disc}/cover.png"
        Image.new("RGB", (size, size)).save(cover)
    release = library.only()
    assert release.cover
    assert release.cover.content.path == "Coats/Bus/CD1/cover.png"
    # The other one was read as no cover; it is one when it is needed.
    (library.root / "Coats/Bus/CD1/cover.png").unlink()
    release = library.only()
    assert release.cover
    assert release.cover.width == 5


def test_disc_with_a_release_toml_is_a_release(library: Library) -> None:
    two_discs(library)
    library.put("Coats/Bus/CD2/release.toml", 'title = "Bonus"')
    titles = {each.title for each in library.read().catalog.releases}
    assert titles == {"Night Bus (Disc 1)", "Bonus"}


@pytest.mark.parametrize(
    ("files", "folders"),
    [
        # The library itself is not a release.
        (["CD1/a.wav", "CD2/a.wav"], ["CD1", "CD2"]),
        # One folder in another, and nothing else.
        (["A/CD1/a.wav"], ["A/CD1"]),
        (["A/a.wav", "A/CD2/a.wav"], ["A"]),
        # Albums of these names, unless the folder has tracks, too.
        (["A/LP3/a.wav", "A/LP4/a.wav"], ["A/LP3", "A/LP4"]),
        (["A/Tape 1/a.wav", "A/CD2/a.wav"], ["A/CD2", "A/Tape 1"]),
        (["A/LP1/a.wav", "A/LP2/a.wav", "A/a.wav"], ["A"]),
        (["A/A LP1/a.wav", "A/A LP2/a.wav"], ["A"]),
        (["A/CD1/a.wav", "A/CD2/a.wav", "A/B/a.wav"], ["A", "A/B"]),
        (["A/CD1/a.wav", "A/CD2/a.wav", "A/Scans/a.jpg"], ["A"]),
        (["A/CD1/a.wav", "A/CD2/a.wav", "A/CD1/Scans/a.jpg"], ["A"]),
        (["A/a.wav", "A/Scans/1/a.jpg", "A/Scans/2/a.jpg"], ["A"]),
        (["A/a.wav", "A/Scans/a.wav"], ["A", "A/Scans"]),
        (["A/a.wav", "A/Notes/a.jpg"], ["A", "A/Notes"]),
        (["A/Disc 1/a.iso", "A/Disc 2/a.iso"], ["A/Disc 1", "A/Disc 2"]),
    ],
)
def test_unrelated_folders_are_not_merged(
    library: Library, files: list[str], folders: list[str]
) -> None:
    for number, name in enumerate(files):
        library.put(name, wav(number))
    found = scan(library.root)
    assert [folder.path for folder in found.folders] == folders
    assert sum(len(folder.files) for folder in found.folders) == len(files)


def test_disc_being_copied_holds_the_release_back(
    library: Library,
) -> None:
    two_discs(library)
    before = scan(library.root)
    library.put("Coats/Bus/CD3/01 Song.wav", wav(99))
    reading = library.read(found=scan(library.root), before=before)
    assert reading.catalog.releases == ()
    assert reading.waiting


def test_files_of_discs_keep_their_kind(library: Library) -> None:
    """A video on a bonus disc is an item, not an extra."""
    two_discs(library)
    library.put("Coats/Bus/CD2/video.mp4", b"x")
    last = library.only().items[-1]
    assert (last.file_name, last.kind, last.disc) == (
        "video.mp4",
        ItemKind.FILE,
        2,
    )
