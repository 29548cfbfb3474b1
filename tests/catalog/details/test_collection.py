# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Details of releases, from `release.toml` and from their files."""

import io

import pytest
from PIL import Image

from msrv.catalog.config.release_config import parse_release
from msrv.catalog.details.release_details import (
    ReleaseDetails,
    ReleaseKind,
    Tempo,
)
from msrv.catalog.model import Shop
from msrv.catalog.parsing.errors import ParserCrashed
from msrv.catalog.parsing.parser import Parser
from msrv.toml_file import InvalidConfig
from tests.catalog.temporary_library import Library, tagged_wav, wav

TOML = """
kind = "Sample Pack"
genres = ["Dub", "dub", "電子音楽"]
tags = ["live"]
label = "Rain"
catalog_number = "RAIN 7"
isbn = "978-3-16-148410-0"
language = "pt-BR"
licence = "royalty-free"
version = "1.2"
platforms = ["Linux", "macOS"]
key = "A minor"
tempo = "90-140"
pages = 12
"""

NAMES = ", ".join(f"'{number}'" for number in range(21))


def pdf(pages: int) -> bytes:
    """Return a PDF of a number of pages."""
    first, *others = [Image.new("L", (8, 8), n) for n in range(pages)]
    data = io.BytesIO()
    first.save(data, "PDF", save_all=True, append_images=others)
    return data.getvalue()


def test_stated_details_go_before_those_of_the_files(library: Library) -> None:
    sound = tagged_wav(genre="Noise", tempo="70", key="C")
    library.release("A", {"01 A.wav": sound}, TOML)
    assert library.only().details == ReleaseDetails(
        kind=ReleaseKind.SAMPLE_PACK,
        genres=("Dub", "電子音楽"),
        tags=("live",),
        label="Rain",
        catalog_number="RAIN 7",
        isbn="978-3-16-148410-0",
        language="pt-BR",
        licence="royalty-free",
        version="1.2",
        platforms=("Linux", "macOS"),
        key="A minor",
        tempo=Tempo(90, 140),
        page_count=12,
        duration_seconds=1.0,
    )


def test_genres_tempo_and_key_are_those_of_the_tracks(
    library: Library,
) -> None:
    files = {
        "01 A.wav": tagged_wav(1, genre="Drone; dub", tempo="90", key="Am"),
        "02 B.wav": tagged_wav(2, genre="Dub", tempo="120.5", key="Am"),
    }
    library.release("A", files)
    details = library.only().details
    assert details.kind is ReleaseKind.SINGLE
    assert details.genres == ("dub", "Drone")
    assert details.tempo == Tempo(90, 120)
    assert details.key == "Am"
    assert details.duration_seconds == 1.0


def test_seller_can_state_that_there_is_no_genre(library: Library) -> None:
    files = {"01 A.wav": tagged_wav(1, genre="Dub"), "02 B.wav": wav(2)}
    library.release("A", files, "genres = []")
    assert library.only().details.genres == ()


def test_tempo_of_a_minority_of_tracks_is_not_the_release_s(
    library: Library,
) -> None:
    files = {"01 A.wav": tagged_wav(1, tempo="90"), "02 B.wav": wav(2)}
    library.release("A", files)
    assert library.only().details.tempo is None


def test_book_has_the_pages_of_its_only_pdf(library: Library) -> None:
    library.put("Zine/zine.pdf", pdf(3))
    details = library.only().details
    assert details.kind is ReleaseKind.BOOK
    assert details.page_count == 3
    library.put("Zine/letter.pdf", pdf(4))
    assert library.only().details.page_count is None


def test_pdf_that_crashes_its_parser_is_sold_without_its_pages(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise ParserCrashed("crashes its parser")

    monkeypatch.setattr(Parser, "page_count", crash)
    library.put("Zine/zine.pdf", pdf(3))
    release = library.only()
    assert [each.file_name for each in release.offered] == ["zine.pdf"]
    assert release.details.page_count is None


def test_video_has_its_length(library: Library, ffmpeg_video: bytes) -> None:
    library.put("Film/film.mkv", ffmpeg_video)
    library.put("Film/notes.pdf", pdf(2))
    release = library.only()
    assert release.details.kind is ReleaseKind.VIDEO
    assert release.details.duration_seconds == pytest.approx(2, abs=0.1)
    assert release.details.page_count is None


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('kind = "lp"', "must be one of 'album', 'ep'"),
        ("kind = 3", "must be one of 'album', 'ep'"),
        ('tags = "dub"', "must be a list of names"),
        ('tags = ["dub", ""]', "must be a list of names"),
        ('tags = ["…"]', "must be a list of names"),
        (f"tags = ['{'x' * 61}']", "must be a list of names"),
        (f"tags = [{NAMES}]", "can have up to 20 names"),
        ("genres = [1]", "must be a list of names"),
        ('tempo = "fast"', "must be beats per minute"),
        ('tempo = "140-90"', "must be beats per minute"),
        ("tempo = 0", "must be beats per minute"),
        ("tempo = true", "must be beats per minute"),
        ('isbn = "978-3-16-148410-1"', "must be an ISBN"),
        ('language = "Deutsch!"', "must be a language tag"),
        ("pages = 0", "must be a number of pages"),
        ('pages = "3"', "must be a number of pages"),
    ],
)
def test_invalid_detail_is_a_problem(line: str, what: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        parse_release("release.toml", line, Shop())
    (problem,) = caught.value.problems
    assert problem.what.startswith(f"{line.partition(' ')[0]!r} {what}")


@pytest.mark.parametrize("isbn", ["0-306-40615-2", "080442957X"])
def test_isbn_of_ten_digits_is_accepted(isbn: str) -> None:
    config = parse_release("release.toml", f'isbn = "{isbn}"', Shop())
    assert config.isbn == isbn
