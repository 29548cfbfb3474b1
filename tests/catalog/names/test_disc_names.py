# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Disc numbers in the names of folders and albums."""

import pytest

from msrv.catalog.names.disc_names import (
    disc_number,
    may_be_title,
    without_disc,
)


@pytest.mark.parametrize(
    ("name", "parent", "number"),
    [
        ("CD1", "", 1),
        ("cd 2", "", 2),
        ("CD 1 - Title", "", 1),
        ("CD01", "", 1),
        ("[CD 2]", "", 2),
        ("Disc 1", "", 1),
        ("Disc_2 (Live)", "", 2),
        ("Disc 1 of 2", "", 1),
        ("Disk 02", "", 2),
        ("Disc Two", "", 2),
        ("Disc II", "", 2),
        ("Disque 1", "", 1),
        ("DVD 1", "", 1),
        ("LP2", "", 2),
        ("Vinyl A", "", 1),
        ("диск 2", "", 2),
        ("Night Bus CD 2", "Night Bus", 2),
        ("Night Bus (Disc 2)", "Night Bus", 2),
        ("Night Bus (Disc 2)", "Wet Coats", None),
        ("Disc Two: Live", "", 2),
        ("Disc Two - Live", "", 2),
        ("Disc Two \u2013 Live", "", 2),
        ("Tape B [Sides]", "", 2),
        ("Disc One of 2", "", 1),
        ("Disc 2 Live", "", 2),
        ("Tape I Made", "", None),
        ("Record A Hit", "", None),
        ("LP One More Time", "", None),
        ("Record Un Dia", "", None),
        ("CD", "", None),
        ("CDs", "", None),
        ("CD 0", "", None),
        ("CD1000", "", None),
        ("Disco 2000", "", None),
        ("Discography", "", None),
        ("Disc Jockey", "", None),
        ("Live", "", None),
        ("1", "", None),
        ("", "", None),
    ],
)
def test_disc_number_of_a_folder_name(
    name: str, parent: str, number: int | None
) -> None:
    assert disc_number(name, parent) == number


@pytest.mark.parametrize("name", ["LP3", "LP 4", "Tape Five", "MC5"])
def test_disc_may_have_an_albums_name(name: str) -> None:
    assert disc_number(name) is not None
    assert may_be_title(name)


@pytest.mark.parametrize("name", ["CD1", "Vinyl A", "Disc 2", "MCD 1"])
def test_other_discs_have_no_title(name: str) -> None:
    assert not may_be_title(name)


@pytest.mark.parametrize(
    ("title", "album"),
    [
        ("Night Bus (Disc 2)", "Night Bus"),
        ("Night Bus [CD1]", "Night Bus"),
        ("Night Bus - CD 1", "Night Bus"),
        ("Night Bus CD1", "Night Bus"),
        ("Night Bus (Disc 1 of 2)", "Night Bus"),
        ("Night Bus", "Night Bus"),
        ("CD 1", "CD 1"),
        ("Compact Disc", "Compact Disc"),
    ],
)
def test_album_title_has_no_disc_number(title: str, album: str) -> None:
    assert without_disc(title) == album
