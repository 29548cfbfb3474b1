# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Parsing of titles and track numbers from file names."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.names import ids
from msrv.catalog.names.titles import NameParts, parse_file_names
from tests.catalog.temporary_library import Library, items_by_name, wav


def titles(*names: str) -> list[str]:
    return [parts.title for parts in parse_file_names(names).values()]


@pytest.mark.parametrize(
    ("name", "title", "number"),
    [
        ("01 Departure.flac", "Departure", 1),
        ("09_Departure.flac", "Departure", 9),
        ("03_-_Departure.wav", "Departure", 3),
        ("01-Departure.wav", "Departure", 1),
        ("3. Departure.wav", "Departure", 3),
        ("12. Departure.wav", "Departure", 12),
        ("3) Departure.wav", "Departure", 3),
        ("3 - Departure.wav", "Departure", 3),
        ("7 \N{EN DASH} Departure.wav", "Departure", 7),
        ("00 Intro.wav", "Intro", None),
        ("07.wav", "07", 7),
        ("24-7.mp3", "24-7", None),
        ("99 Luftballons.mp3", "99 Luftballons", None),
        ("10 000 Hours.mp3", "10 000 Hours", None),
        ("7 Seconds.mp3", "7 Seconds", None),
        ("50 Ways to Leave.mp3", "50 Ways to Leave", None),
        ("1979.mp3", "1979", None),
        ("1999 (Live).mp3", "1999 (Live)", None),
        ("3.5 Inches.mp3", "3.5 Inches", None),
        ("4-Track Demo.mp3", "4-Track Demo", None),
        ("1-2-3 Go.mp3", "1-2-3 Go", None),
        ("9-5 Blues.mp3", "9-5 Blues", None),
        ("50 50.mp3", "50 50", None),
        ("007 (Shanty Town).mp3", "007 (Shanty Town)", None),
        ("20-01-15 Rain.wav", "20-01-15 Rain", None),
        ("01-02-2020 Live.flac", "01-02-2020 Live", None),
        ("100% Pure.mp3", "100% Pure", None),
        ("1st Song.mp3", "1st Song", None),
        ("Departure.mp3", "Departure", None),
        (".5 ways.wav", ".5 ways", None),
        ("no suffix", "no suffix", None),
    ],
)
def test_unambiguous_name_is_parsed_by_itself(
    name: str, title: str, number: int | None
) -> None:
    assert parse_file_names([name])[name] == NameParts(title, number)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        # They count from 1.
        (["1 A.wav", "2 B.wav"], ["A", "B"]),
        (["1_A.wav", "2_B.wav", "Bonus.wav"], ["A", "B", "Bonus"]),
        (["1 A.wav", "2 B.wav", "4 C.wav"], ["A", "B", "C"]),
        # Both formats of each.
        (["1 A.mp3", "1 A.flac", "2 B.mp3"], ["A", "A", "B"]),
        # These continue the unambiguous ones.
        (
            ["08 A.wav", "09 B.wav", "10 000 Hours.wav"],
            ["A", "B", "000 Hours"],
        ),
        (["01 A.wav", "12 B.wav"], ["A", "B"]),
        (
            ["01 A.wav", "02 B.wav", "99 Red.wav", "C.wav"],
            ["A", "B", "99 Red", "C"],
        ),
        (["001 A.wav", "002 B.wav"], ["A", "B"]),
        # A record of songs that have numbers in their names.
        (["7 Seconds.wav", "99 Red.wav"], ["7 Seconds", "99 Red"]),
        (["24-7.wav", "9-5 Blues.wav"], ["24-7", "9-5 Blues"]),
        (["2 Hearts.wav", "3 Libras.wav"], ["2 Hearts", "3 Libras"]),
        (["1 Thing.wav", "A.wav", "B.wav"], ["1 Thing", "A", "B"]),
        (["10 000 Hours.wav", "A.wav"], ["10 000 Hours", "A"]),
        (["1979.wav", "01 A.wav"], ["1979", "A"]),
        # Dates, of which each looks like a disc, a number and a title.
        (
            ["20-01-15 Rain.wav", "20-02-03 Wind.wav"],
            ["20-01-15 Rain", "20-02-03 Wind"],
        ),
        (["1-01-A.wav", "1-02-7 Seconds.wav"], ["A", "7 Seconds"]),
        (["1-01-99 Luftballons.mp3"], ["99 Luftballons"]),
    ],
)
def test_ambiguous_number_is_decided_by_other_names(
    names: list[str], wanted: list[str]
) -> None:
    assert titles(*names) == wanted


def test_disc_and_track_numbers_are_separated() -> None:
    names = ["1-01 A.wav", "1-02 B.wav", "2-01 C.wav", "2-10 D.wav"]
    assert list(parse_file_names(names).values()) == [
        NameParts("A", 1, 1),
        NameParts("B", 2, 1),
        NameParts("C", 1, 2),
        NameParts("D", 10, 2),
    ]


def test_hundreds_are_discs() -> None:
    names = ["101 A.wav", "102 B.wav", "103 C.wav", "201 D.wav"]
    assert list(parse_file_names(names).values()) == [
        NameParts("A", 1, 1),
        NameParts("B", 2, 1),
        NameParts("C", 3, 1),
        NameParts("D", 1, 2),
    ]
    second = parse_file_names(["201 A.wav", "202 B.wav", "203. C.wav"])
    assert second["203. C.wav"] == NameParts("C", 3, 2)


@pytest.mark.parametrize(
    "names",
    [
        ["101 Dalmatians.wav", "102 Boyz.wav"],
        ["101 A.wav", "102 B.wav", "103 C.wav", "D.wav"],
        ["101 A.wav", "102 B.wav", "301 C.wav"],
        ["101 A.wav", "105 B.wav", "109 C.wav"],
        ["100 A.wav", "101 B.wav", "102 C.wav"],
    ],
)
def test_other_three_digits_are_part_of_the_title(names: list[str]) -> None:
    assert titles(*names) == [os.path.splitext(name)[0] for name in names]


def test_release_uses_titles_from_names(library: Library) -> None:
    library.put("R/99 Luftballons.wav", wav(1))
    library.put("R/10 000 Hours.pdf")
    library.put("S/01 Departure.wav", wav(2))
    library.put("S/02 Arrival.wav", wav(3))
    first, second = sorted(
        library.read().catalog.releases, key=lambda each: each.folder
    )
    assert items_by_name(first)["99 Luftballons.wav"].title == "99 Luftballons"
    assert items_by_name(first)["99 Luftballons.wav"].number is None
    assert items_by_name(first)["10 000 Hours.pdf"].title == "10 000 Hours"
    assert items_by_name(second)["01 Departure.wav"].title == "Departure"
    assert items_by_name(second)["01 Departure.wav"].number == 1


def test_ids_do_not_depend_on_parsed_titles(library: Library) -> None:
    library.put("R/99 Luftballons.wav", wav(1))
    (item,) = library.only().items
    assert item.item_id == ids.item_id(item.release_id, item.file_name)
    assert item.item_id.startswith("luftballons-")


NAMES = st.text("0123456789 -._)aé/", min_size=1, max_size=12)


@given(st.lists(NAMES, max_size=8, unique=True))
def test_any_names_have_titles(names: list[str]) -> None:
    found = parse_file_names(names)
    assert list(found) == names
    for name, parts in found.items():
        stem = os.path.splitext(name)[0]
        assert stem.endswith(parts.title)
        assert parts.title or not stem
        assert parts.number is None or 0 < parts.number < 1000
