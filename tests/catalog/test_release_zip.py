# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Contents of a release's ZIP, and names that work on every system."""

import re
import zipfile
from dataclasses import replace
from datetime import date
from gettext import NullTranslations
from io import BytesIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msrv import translations
from msrv.catalog.model import Shop
from msrv.catalog.names.portable_names import portable_name
from msrv.catalog.release_zip import plan_zip, zip_members, zip_name
from msrv.downloads.ranges import ByteRange
from msrv.translations import Language, language_set_to
from tests.catalog.sample_release import DATA, RELEASE, SHOP, item, names
from tests.downloads.contents import joined


def test_zip_contains_all_items_the_cover_and_a_readme() -> None:
    """Withdrawn tracks are included."""
    assert names(RELEASE) == [
        "01 The Wet Coats - Departure.flac",
        "02 The Wet Coats - Wrong Stop.flac",
        "Lyrics.pdf",
        "cover.png",
        "README.txt",
    ]
    assert zip_name(RELEASE) == "The Wet Coats - Night Bus.zip"


def test_members_have_the_content_of_their_names() -> None:
    body = plan_zip(RELEASE, SHOP).body
    data = joined(body, ByteRange(0, body.size_bytes), DATA)
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert archive.testzip() is None
        folder = "The Wet Coats - Night Bus/"
        track = f"{folder}01 The Wet Coats - Departure.flac"
        assert archive.read(track) == DATA["Bus/x1.FLAC"]
        assert archive.getinfo(track).date_time[:3] == (2026, 3, 6)
        readme = archive.read(f"{folder}README.txt").decode()
    assert readme.replace("\r\n", "\n") == (
        "Night Bus\nThe Wet Coats\n2026-03-06\n\nSongs about\nweather.\n\n"
        "01 The Wet Coats - Departure.flac\n"
        "02 The Wet Coats - Wrong Stop.flac\nLyrics.pdf\n\n"
        "Bought from Wet Coats.\nhello@example.org\n"
    )
    assert "\n" not in readme.replace("\r\n", "")


def test_readme_is_in_the_language_of_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Not in the buyer's: a ZIP is the same for all, and resumes anywhere."""

    class Named(NullTranslations):
        def __init__(self, language: str) -> None:
            super().__init__()
            self._language = language

        def gettext(self, message: str) -> str:
            return f"{self._language}: {message}"

    monkeypatch.setattr(translations, "catalog", Named)
    polish = replace(SHOP, language="pl")
    readme = zip_members(RELEASE, polish)[-1].source
    assert isinstance(readme, bytes)
    assert readme.endswith(
        b"pl: Bought from Wet Coats.\r\nhello@example.org\r\n"
    )
    etag = plan_zip(RELEASE, polish).etag
    with language_set_to(Language("fr", "fr")):
        assert plan_zip(RELEASE, polish).etag == etag
    # Another language is another file: no download is continued with it.
    assert plan_zip(RELEASE, SHOP).etag != etag


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-06", date(2026, 3, 6)),
        ("2026-03", date(1980, 1, 1)),
        ("2026", date(1980, 1, 1)),
        ("", date(1980, 1, 1)),
        ("1971-05-01", date(1980, 1, 1)),
    ],
)
def test_members_have_the_release_date(text: str, expected: date) -> None:
    """So the ZIP is the same on every day, and a download resumes."""
    archive = plan_zip(replace(RELEASE, date=text), Shop())
    local = archive.body.chunks[0]
    assert isinstance(local, bytes)
    found = int.from_bytes(local[12:14], "little")
    assert (found >> 9) + 1980 == expected.year
    assert (found >> 5 & 15, found & 31) == (expected.month, expected.day)


def test_names_of_several_discs_have_the_disc_number() -> None:
    first, second, lyrics = RELEASE.items
    discs = (
        replace(first, disc=1),
        replace(second, disc=2, number=1),
        lyrics,
    )
    assert names(replace(RELEASE, items=discs))[:3] == [
        "1-01 The Wet Coats - Departure.flac",
        "2-01 The Wet Coats - Wrong Stop.flac",
        "Lyrics.pdf",
    ]


def test_duplicate_names_are_numbered() -> None:
    items = (
        item("Bus/a/Stem.wav", "Stem"),
        item("Bus/b/stem.wav", "stem"),
        item("Bus/c/Stem.wav", "Stem too"),
        item("Bus/README.txt", "Read me"),
        item("Bus/Cover.PNG", "Cover"),
    )
    assert names(replace(RELEASE, items=items)) == [
        "Stem.wav",
        "stem (2).wav",
        "Stem (3).wav",
        "README.txt",
        "Cover.PNG",
        "cover (2).png",
        "README (2).txt",
    ]


def test_zip_name_without_an_artist_has_no_dash() -> None:
    release = replace(RELEASE, title="Zine", artist="")
    assert zip_name(release) == "Zine.zip"


def test_undecodable_title_is_replaced_in_names() -> None:
    release = replace(RELEASE, title="caf\udce9")
    assert zip_name(release) == "The Wet Coats - caf.zip"
    assert zip_members(release, SHOP)[-1].source.startswith(  # type: ignore[union-attr]  # the README
        b"caf?"
    )


@pytest.mark.parametrize(
    ("name", "suffix", "expected"),
    [
        ("a/b\\c:d*e?f", ".wav", "a-b-c-d-e-f.wav"),
        ('"<|>"', ".wav", "-.wav"),
        ("../../etc/passwd", "", "-..-etc-passwd"),
        ("tab\there\x00\x1f\x7f", ".wav", "tab here.wav"),
        ("gpj.\u202eexe", "", "gpj. exe"),
        ("ends in dots. . ", "", "ends in dots"),
        ("CON", ".flac", "_CON.flac"),
        ("con", "", "_con"),
        ("Lpt1.old", ".txt", "_Lpt1.old.txt"),
        ("CONcert", ".flac", "CONcert.flac"),
        ("", ".flac", "_.flac"),
        ("...", "", "_"),
        ("Bjo\u0308rk", ".mp3", "Bj\u00f6rk.mp3"),
        ("日" * 100, ".flac", "日" * 58 + ".flac"),
        ("caf\udce9", ".mp3", "caf.mp3"),
    ],
)
def test_portable_names(name: str, suffix: str, expected: str) -> None:
    assert portable_name(name, suffix) == expected


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(st.characters()), min_size=1, max_size=6))
def test_any_titles_make_portable_names(titles: list[str]) -> None:
    tracks = tuple(
        item("Bus/x1.FLAC", title, number)
        for number, title in enumerate(titles, 1)
    )
    found = zip_members(replace(RELEASE, items=tracks, title=titles[0]), SHOP)
    assert len({member.name.casefold() for member in found}) == len(found)
    for member in found:
        folder, name = member.name.split("/")
        for part in (folder, name):
            assert len(part.encode()) <= 200
            assert not re.search(r'[\x00-\x1f\\:*?"<>|]|[. ]$|^\s', part)
