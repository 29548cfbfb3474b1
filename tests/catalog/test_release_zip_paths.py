# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Paths in a release's ZIP: short enough for Windows, and distinct."""

import re
import unicodedata
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msrv.catalog.model import Item, Release
from msrv.catalog.release_zip import plan_zip, zip_members, zip_name
from tests.catalog.sample_release import RELEASE, SHOP, item, names


def extra(path: str) -> Item:
    return replace(item(path, path), hidden=True)


def longest_path(release: Release) -> int:
    """Return the length of the longest path below `Downloads` on Windows."""
    folder = zip_name(release).removesuffix(".zip")
    paths = [
        f"{folder}\\{member.name}".encode("utf-16-le")
        for member in zip_members(release, SHOP)
    ]
    return max(len(path) // 2 for path in paths)


CLASSICAL = replace(
    RELEASE,
    artist="Berliner Philharmoniker, Herbert von Karajan, Wiener Singverein",
    title="Beethoven: Symphony No. 9 in D minor, Op. 125, with the Finale on "
    "Schiller's Ode to Joy, recorded in the Jesus-Christus-Kirche in Berlin",
    items=tuple(
        replace(
            item(
                "Bus/x1.FLAC",
                "Symphony No. 9 in D minor, Op. 125 “Choral”: IV. Presto - "
                "Allegro assai - Allegro assai vivace, alla marcia - Andante "
                "maestoso - Adagio ma non troppo, ma divoto",
                number,
            ),
            artist="Gundula Janowitz, Hilde Rössel-Majdan, Waldemar Kmentt",
        )
        for number in (4, 5)
    ),
)


def test_long_classical_album_unpacks_on_windows() -> None:
    """`C:\\Users\\`, a user name of 20 and `Downloads` take 40 of 259."""
    track = (
        "Gundula Janowitz, Hilde Rössel-Majdan, Waldemar… - "
        "Symphony No. 9 in D minor, Op. 125 “Choral”….flac"
    )
    assert longest_path(CLASSICAL) <= 259 - 40
    assert [member.name for member in zip_members(CLASSICAL, SHOP)] == [
        f"{zip_name(CLASSICAL)[:-4]}/{name}"
        for name in (f"04 {track}", f"05 {track}", "cover.png", "README.txt")
    ]


def test_short_names_are_unchanged() -> None:
    """Downloads that started before an update can be resumed."""
    release = replace(RELEASE, title="T" * 60, artist="A" * 20)
    folder = f"{'A' * 20} - {'T' * 60}"
    assert zip_name(release) == f"{folder}.zip"
    assert zip_members(release, SHOP)[0].name == (
        f"{folder}/01 The Wet Coats - Departure.flac"
    )


def test_shortened_names_stay_distinct() -> None:
    album = replace(
        CLASSICAL,
        items=tuple(
            replace(each, number=None) for each in CLASSICAL.items * 12
        ),
    )
    found = [member.name for member in zip_members(album, SHOP)]
    assert len({name.casefold() for name in found}) == len(found)
    assert found[1].endswith(" (2).flac")
    assert longest_path(album) <= 259 - 40


def test_extras_keep_their_folders() -> None:
    release = replace(
        RELEASE,
        extras=(
            extra("Bus/album.cue"),
            extra("Bus/Scans/back.JPG"),
            extra("Bus/CD1/Scans/back.JPG"),
        ),
    )
    assert names(release)[3:] == [
        "cover.png",
        "album.cue",
        "Scans/back.JPG",
        "CD1 - Scans/back.JPG",
        "README.txt",
    ]


WORDS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("e\u0301\u0308 .-👩🏽日"),
    )
)
NAMES = st.builds(
    lambda text, times: text * times, WORDS, st.sampled_from([1, 1, 2, 9, 99])
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    artist=NAMES,
    title=NAMES,
    tracks=st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=5),
    files=st.lists(NAMES.filter(lambda name: "/" not in name), max_size=3),
    extras=st.lists(NAMES.map("Bus/Scans/".__add__), max_size=3),
)
def test_any_library_makes_paths_that_windows_accepts(
    artist: str,
    title: str,
    tracks: list[tuple[str, str]],
    files: list[str],
    extras: list[str],
) -> None:
    release = replace(
        RELEASE,
        artist=artist,
        title=title,
        items=(
            *(
                replace(item("Bus/x1.FLAC", text, number), artist=by)
                for number, (by, text) in enumerate(tracks, 1)
            ),
            *(item(f"Bus/{name}.pdf", name) for name in files),
        ),
        extras=tuple(map(extra, extras)),
    )
    found = zip_members(release, SHOP)
    assert longest_path(release) <= 259 - 40
    assert len({member.name.casefold() for member in found}) == len(found)
    for number, member in enumerate(found[: len(tracks)], 1):
        name = member.name.rpartition("/")[2]
        assert name.startswith(f"{number:02d}")
        assert name.endswith(".flac")
    for member in found:
        for part in member.name.split("/"):
            assert unicodedata.is_normalized("NFC", part)
            assert not re.search(r'[\x00-\x1f\\:*?"<>|]|[. ]$|^\s', part)
    again = plan_zip(replace(release), SHOP)
    assert plan_zip(release, SHOP).etag == again.etag
