# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Release of one folder."""

import os
import unicodedata
from pathlib import Path

import pytest
from PIL import Image

from msrv.catalog.model import ItemKind, Release
from msrv.catalog.names import ids
from msrv.money import Money
from tests.catalog.temporary_library import (
    PDF,
    Library,
    items_by_name,
    problems,
    tagged_wav,
    wav,
)


def titles(release: Release) -> list[str]:
    return [item.title for item in release.items]


def test_release_is_described_by_its_tags(library: Library) -> None:
    said = {"album": "Night Bus", "artist": "Wet Coats", "date": "2026-03-06"}
    library.release(
        "folder",
        {
            "01 A.wav": tagged_wav(1, title="Departure", number="2", **said),
            "02 B.wav": tagged_wav(2, title="Wrong Stop", number="1", **said),
            "booklet.pdf": PDF,
        },
    )
    release = library.only()
    assert release.title == "Night Bus"
    assert release.artist == "Wet Coats"
    assert release.date == "2026-03-06"
    assert titles(release) == ["Wrong Stop", "Departure", "booklet"]
    first, _, booklet = release.items
    assert (first.kind, first.number, first.artist) == (
        ItemKind.TRACK,
        1,
        "Wet Coats",
    )
    assert first.duration_seconds == 0.5
    assert first.content.media_type == "audio/wav"
    assert (booklet.kind, booklet.number) == (ItemKind.FILE, None)
    assert booklet.duration_seconds is None
    assert booklet.content.media_type == "application/pdf"
    assert booklet.file_name == "booklet.pdf"


def test_untagged_release_is_described_by_its_names(library: Library) -> None:
    library.release("Artist/Demo  Tape", {"Untitled.wav": wav(3)})
    release = library.only()
    assert release.title == "Demo Tape"
    assert release.artist == ""
    assert release.date == ""
    assert titles(release) == ["A", "B", "Untitled"]
    assert [item.number for item in release.items] == [1, 2, None]


def test_title_of_nothing_visible_is_none(library: Library) -> None:
    tags = {"title": "\u200b", "album": "\ufeff", "artist": "\u3164"}
    library.release("Tape", {"01 A.wav": tagged_wav(1, **tags)})
    release = library.only()
    assert (release.title, release.artist) == ("Tape", "")
    assert titles(release) == ["A", "B"]


@pytest.mark.parametrize(
    ("first", "second", "artist"),
    [
        ({"artist": "A"}, {"artist": "A"}, "A"),
        ({"artist": "A"}, {"artist": "B"}, "Various artists"),
        ({"artist": "A"}, {}, "A"),
        ({"artist": "Ann"}, {"artist": "ann, Bob"}, "Ann"),
        ({"artist": "Ann"}, {"artist": "Bob, Ann"}, "Ann"),
        ({"artist": "Ann"}, {"artist": "Ann (feat. Bob)"}, "Ann"),
        ({"artist": "Ann"}, {"artist": "Anna, Bob"}, "Various artists"),
        (
            {"artist": "Ann, Jr."},
            {"artist": "Bob, Jr."},
            "Various artists",
        ),
        ({"artist": "The Band"}, {"artist": "the  band"}, "The Band"),
        ({"artist": "Bj\u00f6rk"}, {"artist": "BJO\u0308RK"}, "Bj\u00f6rk"),
        (
            {"artist": "A", "album_artist": "THE BAND"},
            {"artist": "B", "album_artist": "The Band"},
            "THE BAND",
        ),
        ({}, {}, ""),
        (
            {"artist": "A", "album_artist": "C"},
            {"artist": "B", "album_artist": "C"},
            "C",
        ),
    ],
)
def test_release_artist_is_common_to_all_tracks(
    library: Library,
    first: dict[str, str],
    second: dict[str, str],
    artist: str,
) -> None:
    """A compilation is by "Various artists"."""
    files = {
        "01 A.wav": tagged_wav(1, **first),
        "02 B.wav": tagged_wav(2, **second),
    }
    library.release("R", files)
    assert library.only().artist == artist


def test_positions_on_a_record_are_its_order(library: Library) -> None:
    for mark, title in enumerate(("Zebra", "Mule", "Antelope", "Cat")):
        number = ("A1", "A2", "B1", "b2/4")[mark]
        tagged = tagged_wav(mark, title=title, number=number)
        library.put(f"R/{title}.wav", tagged)
    release = library.only()
    assert titles(release) == ["Zebra", "Mule", "Antelope", "Cat"]
    assert [item.number for item in release.items] == [1, 2, 3, 4]
    library.put("R/Bonus.wav", tagged_wav(9, title="Bonus", number="1"))
    numbers = {item.title: item.number for item in library.only().items}
    assert (numbers["Bonus"], numbers["Zebra"]) == (1, None)


def test_conflicting_tags_are_ignored(library: Library) -> None:
    files = {
        "01 A.wav": tagged_wav(1, album="X", date="2020"),
        "02 B.wav": tagged_wav(2, album="Y", date="2021"),
    }
    library.release("Folder", files)
    assert (library.only().title, library.only().date) == ("Folder", "")


@pytest.mark.parametrize(
    ("tag", "date"),
    [
        ("2026", "2026"),
        ("2026-03-06T12:00:00", "2026-03-06"),
        ("2026-02-30", "2026-02"),
        ("2026-99-99", "2026"),
        ("last year", ""),
    ],
)
def test_invalid_date_in_tags_is_ignored(
    library: Library, tag: str, date: str
) -> None:
    library.put("R/a.wav", tagged_wav(date=tag))
    assert library.only().date == date


def test_release_toml_overrides_tags(library: Library) -> None:
    library.release(
        "R",
        {
            "01 A.wav": tagged_wav(
                1, title="a", artist="x", album="y", number="1"
            )
        },
        'title = "T"\nartist = "P"\ndate = 2020\ndescription = "D"\n'
        'id = "rid"\n[items."01 A.wav"]\ntitle = "TT"\nartist = "AA"\n'
        'id = "iid"\nnumber = 9\n',
    )
    release = library.only()
    item = items_by_name(release)["01 A.wav"]
    other = items_by_name(release)["02 B.wav"]
    assert (release.release_id, release.title, release.artist) == (
        "rid",
        "T",
        "P",
    )
    assert (release.date, release.description) == ("2020", "D")
    assert (item.item_id, item.title, item.artist, item.number) == (
        "iid",
        "TT",
        "AA",
        9,
    )
    assert other.artist == "P"
    assert other.item_id == ids.item_id("rid", "02 B.wav")
    assert {item.release_id for item in release.items} == {"rid"}


def test_items_are_in_the_order_of_the_record(library: Library) -> None:
    for name, tags in {
        "z.wav": {"number": "1", "disc": "1"},
        "y.wav": {"number": "2", "disc": "1"},
        "x.wav": {"number": "10", "disc": "1"},
        "w.wav": {"number": "1", "disc": "2"},
        "2-02 v.wav": {},
        "u 10.wav": {},
        "u 9.wav": {},
        "²1 odd.wav": {},
    }.items():
        library.put(f"R/{name}", tagged_wav(0, **tags))
    library.put("R/10 notes.pdf")
    library.put("R/9 notes.pdf")
    assert [item.file_name for item in library.only().items] == [
        "z.wav",
        "y.wav",
        "x.wav",
        "u 9.wav",
        "u 10.wav",
        "²1 odd.wav",
        "w.wav",
        "2-02 v.wav",
        "9 notes.pdf",
        "10 notes.pdf",
    ]


def test_hidden_items_stay_available_to_buyers(library: Library) -> None:
    library.release("R", toml='[items."01 A.wav"]\nhidden = true\n')
    library.release("S", toml="hidden = true")
    catalog = library.read().catalog
    first, second = sorted(catalog.releases, key=lambda each: each.folder)
    hidden = items_by_name(first)["01 A.wav"]
    assert hidden.hidden
    assert catalog.by_id[hidden.item_id] == hidden
    assert [item.file_name for item in first.offered] == ["02 B.wav"]
    assert not first.sold_whole
    assert catalog.by_id[first.release_id] == first
    # Each item of a hidden release is hidden, or it could be bought alone.
    assert all(item.hidden for item in second.items)
    assert catalog.offered == (first,)
    assert catalog.releases_by_id[second.release_id] == second


def test_track_without_audio_is_not_offered(library: Library) -> None:
    library.release(
        "R", {"03 C.mp3": b"no sound", "D.flac": b"", "empty.pdf": b""}
    )
    reading = library.read()
    assert problems(reading) == [
        (
            "R/03 C.mp3: is not a valid mp3 file: "
            "can't sync to MPEG frame; not offered"
        ),
        "R/D.flac: is empty; not offered",
        "R/empty.pdf: is empty; not offered",
    ]
    (release,) = reading.catalog.releases
    assert [item.file_name for item in release.items] == [
        "01 A.wav",
        "02 B.wav",
    ]


def test_folder_without_usable_files_is_not_a_release(
    library: Library,
) -> None:
    library.put("R/a.mp3", b"no sound")
    reading = library.read()
    assert reading.catalog.releases == ()
    assert len(reading.problems) == 1


def test_configuring_a_missing_file_is_a_problem(
    library: Library,
) -> None:
    library.release("R", toml='\n[items."01 a.wav"]\nprice = "9"\n')
    assert problems(library.read()) == [
        "R/release.toml:2: configures '01 a.wav', which is not in the folder"
    ]


def test_file_names_in_release_toml_match_in_any_unicode_form(
    library: Library,
) -> None:
    name = unicodedata.normalize("NFD", "Été.wav")
    toml = '[items."Été.wav"]\nprice = "9"\n'
    library.put(f"R/{name}", wav())
    library.put("R/release.toml", toml)
    release = library.only()
    assert release.items[0].price == Money(900, "EUR")
    assert release.items[0].title == "Été"


def test_cover_has_its_size_and_colour(library: Library) -> None:
    library.release("R")
    Image.new("RGB", (40, 30), "#802010").save(library.root / "R/cover.png")
    cover = library.only().cover
    assert cover
    assert (cover.width, cover.height) == (40, 30)
    assert cover.colour.startswith("#")
    assert cover.content.path == "R/cover.png"
    assert cover.content.media_type == "image/png"


def test_invalid_cover_is_a_problem_and_the_release_is_offered(
    library: Library,
) -> None:
    library.release("R", {"cover.jpg": b"no picture"})
    reading = library.read()
    (release,) = reading.catalog.releases
    assert release.cover is None
    assert len(release.items) == 2
    (problem,) = problems(reading)
    assert problem.startswith("R/cover.jpg: can't be used as a cover: ")
    assert problem.endswith("; not shown")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        (b"line\nbreak.pdf", "line break"),
        (b"quote\"'`$(id);&<b>.pdf", "quote\"'`$(id);&<b>"),
        ("exe\u202efdp.pdf".encode(), "exefdp"),
        ("mark\u200f.pdf".encode(), "mark\u200f"),
        ("👩\u200d👧🎵.pdf".encode(), "👩\u200d👧🎵"),
        (b"\xff\xfe.pdf", "Untitled"),
        (b"a" * 251 + b".pdf", "a" * 200),
        (b"\x1b[2J.pdf", "[2J"),
        (b" .pdf", "Untitled"),
        (b"...pdf", "...pdf"),
        (b"..pdf", None),
    ],
)
def test_any_file_name_has_a_printable_title(
    library: Library, name: bytes, title: str | None
) -> None:
    (library.root / "R").mkdir()
    root = os.fsencode(library.root)
    Path(os.fsdecode(root + b"/R/" + name)).write_bytes(b"x")
    reading = library.read()
    if title is None:
        assert reading.catalog.releases == ()
        return
    item = reading.catalog.releases[0].items[0]
    assert item.title == title
    assert os.fsencode(item.file_name) == name
    # The tags of a file are found under its name.
    assert library.read(reading).catalog.version == reading.catalog.version


def test_most_frequent_spelling_of_an_artist_is_used(library: Library) -> None:
    for number, artist in enumerate(("the band", "The Band", "The Band")):
        library.put(f"R/{number}.wav", tagged_wav(number, artist=artist))
    assert library.only().artist == "The Band"
