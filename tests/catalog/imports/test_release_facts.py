# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Artist, title, date and names of what is imported."""

import pytest

from msrv.catalog.imports.release_facts import (
    common_prefix,
    final_names,
    find_facts,
    has_several_albums,
    single_facts,
)
from msrv.catalog.metadata.tags import Tags

ANN = Tags(title="Go", artist="Ann", album="Bus", date="2026-03-06")


def test_tags_have_precedence_over_names() -> None:
    facts = find_facts("Other - Name", [ANN, ANN], "Ann - Wrong - ")
    assert (facts.artist, facts.title) == ("Ann", "Bus")
    assert facts.date == "2026-03-06"


@pytest.mark.parametrize(
    ("own", "prefix", "artist", "title"),
    [
        ("Ann - Bus", "", "Ann", "Bus"),
        ("Ann - Bus (1)", "", "Ann", "Bus"),
        ("Ann - Bus - Live", "", "Ann", "Bus - Live"),
        ("Bus", "", "", "Bus"),
        ("download", "Ann - Bus - ", "Ann", "Bus"),
    ],
)
def test_names_are_used_without_tags(
    own: str, prefix: str, artist: str, title: str
) -> None:
    facts = find_facts(own, [], prefix)
    assert (facts.artist, facts.title) == (artist, title)


def test_different_artists_are_various() -> None:
    bob = Tags(artist="Bob", album="Bus")
    facts = find_facts("x", [ANN, bob], "")
    assert (facts.artist, facts.is_various) == ("", True)
    led = [Tags(artist=n, album_artist="DJ", album="Bus") for n in "ab"]
    facts = find_facts("x", led, "")
    assert (facts.artist, facts.is_various) == ("DJ", False)


def test_spelling_of_most_tracks_is_used() -> None:
    tags = [Tags(artist=each, album="Bus") for each in ("ANN", "Ann", "Ann")]
    assert find_facts("x", tags, "").artist == "Ann"


def test_date_that_differs_or_is_none_is_empty() -> None:
    other = Tags(artist="Ann", album="Bus", date="2027")
    assert find_facts("x", [ANN, other], "").date == ""
    wrong = Tags(artist="Ann", album="Bus", date="2026-02-31")
    assert find_facts("x", [wrong], "").date == ""


def test_disc_is_no_part_of_the_title() -> None:
    tags = [Tags(artist="Ann", album=f"Bus (Disc {n})") for n in (1, 2)]
    assert find_facts("x", tags, "").title == "Bus"


def test_single_track_is_called_as_the_track() -> None:
    facts = single_facts("Ann - Go", ANN)
    assert (facts.artist, facts.title) == ("Ann", "Go")
    facts = single_facts("Ann - Go", Tags())
    assert (facts.artist, facts.title) == ("Ann", "Go")


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["A - B - 01 x.flac", "A - B - 02 y.flac"], "A - B - "),
        (["A - B - 01 x.flac", "A - B - 11 y - z.flac"], "A - B - "),
        (["A - 1984 - 01 x.flac", "A - 1984 - 02 y.flac"], "A - 1984 - "),
        (["CD1/A - B - 01 x.flac", "CD2/A - B - 01 y.flac"], "A - B - "),
        (["A - x.flac", "A - y.flac"], ""),
        (["01 x.flac", "02 y.flac"], ""),
        (["A - B - 01 x.flac", "other.flac"], ""),
        ([], ""),
    ],
)
def test_common_prefix(names: list[str], prefix: str) -> None:
    assert common_prefix(names, []) == prefix


def test_prefix_of_a_single_track_is_that_of_its_tags() -> None:
    assert common_prefix(["Ann - Bus - 01 Go.mp3"], [ANN]) == "Ann - Bus - "
    assert common_prefix(["ANN - Go.mp3"], [ANN]) == "ANN - "
    assert common_prefix(["Go.mp3"], [ANN]) == ""
    slash = Tags(artist="AC/DC", album="x")
    assert common_prefix(["AC-DC - Go.mp3"], [slash]) == "AC-DC - "


def test_final_names() -> None:
    assert final_names(
        [
            "A - B - 01 x.flac",
            "01 x.flac",
            "CD2/A - B - 01 x.flac",
            "Scans/back.jpg",
            "bonus/02 y.flac",
            "A - B - release.toml",
            "A - B - .flac",
            "A - B - cover.jpg",
        ],
        "A - B - ",
    ) == {
        "A - B - 01 x.flac": "01 x.flac",
        "01 x.flac": "01 x (2).flac",
        "CD2/A - B - 01 x.flac": "CD2/01 x.flac",
        "Scans/back.jpg": "Scans/back.jpg",
        "bonus/02 y.flac": "02 y.flac",
        "A - B - release.toml": "A - B - release.toml",
        "A - B - .flac": "A - B - .flac",
        "A - B - cover.jpg": "cover.jpg",
    }


def test_several_albums_are_noticed() -> None:
    other = Tags(album="Other")
    assert has_several_albums({"a/1.flac": ANN, "b/1.flac": other})
    assert not has_several_albums({"1.flac": ANN, "2.flac": other})
    assert not has_several_albums({"CD1/1.flac": ANN, "CD2/1.flac": other})
    assert not has_several_albums({"a/1.flac": ANN, "b/1.flac": ANN})
