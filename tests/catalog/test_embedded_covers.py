# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Covers of releases whose only picture is embedded in a track."""

import shutil

import pytest
from PIL import Image

from msrv.catalog import embedded_covers
from msrv.catalog.library import indexing
from msrv.catalog.model import Cover
from msrv.catalog.parsing.errors import ParserCrashed
from msrv.catalog.parsing.parser import Parser
from msrv.catalog.release_zip import zip_members
from tests.catalog.audio_with_pictures import with_pictures
from tests.catalog.cover_pictures import encode
from tests.catalog.temporary_library import (
    Library,
    items_by_name,
    problems,
    wav,
)

FRONT = encode(Image.new("RGB", (40, 30), "#802010"))
OTHER = encode(Image.new("RGB", (20, 20), "#0000ff"))


def track(mark: int, picture: bytes | None = FRONT) -> bytes:
    return with_pictures(wav(mark), "a.wav", picture)


def cover(library: Library) -> Cover:
    found = library.only().cover
    assert found
    return found


def test_picture_in_a_track_is_the_cover(library: Library) -> None:
    library.release("R", {"01 A.wav": wav(1), "02 B.wav": track(2)})
    release = library.only()
    found = cover(library)
    assert (found.width, found.height, found.is_embedded) == (40, 30, True)
    assert found.content == items_by_name(release)["02 B.wav"].content


def test_first_track_with_a_picture_has_the_cover(library: Library) -> None:
    library.release("R", {"01 A.wav": track(1), "02 B.wav": track(2, OTHER)})
    assert cover(library).width == 40


@pytest.mark.parametrize("name", ["cover.png", "folder.png", "front.png"])
def test_cover_file_has_precedence(library: Library, name: str) -> None:
    library.release("R", {"01 A.wav": track(1), name: OTHER})
    assert cover(library).width == 20
    assert not cover(library).is_embedded


def test_embedded_cover_is_used_once_the_cover_file_is_gone(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.release("R", {"01 A.wav": track(1), "cover.png": OTHER})
    first = library.read()
    (library.root / "R/cover.png").unlink()
    monkeypatch.setattr(indexing, "_hash", lambda *_: pytest.fail("hashed"))
    second = library.read(first)
    found = second.catalog.releases[0].cover
    assert found
    assert found.width == 40
    assert second.catalog.version != first.catalog.version


def test_embedded_cover_is_measured_once(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.release("R", {"01 A.wav": track(1)})
    first = library.read()
    monkeypatch.setattr(
        embedded_covers, "_measured", lambda *_: pytest.fail("measured")
    )
    assert library.read().catalog == first.catalog


def test_track_with_an_invalid_picture_is_for_sale(
    library: Library,
) -> None:
    library.release("R", {"01 A.wav": track(1, b"no picture")})
    release = library.only()
    assert release.cover is None
    assert len(release.items) == 2
    library.put("R/02 B.wav", track(2))
    assert cover(library).width == 40


def test_zip_contains_a_track_with_the_cover_once(library: Library) -> None:
    library.release("R", {"01 A.wav": track(1)})
    reading = library.read()
    assert problems(reading) == []
    (release,) = reading.catalog.releases
    names = [each.name for each in zip_members(release, reading.catalog.shop)]
    assert [name.rpartition("/")[2] for name in names] == [
        "01 A.wav",
        "02 B.wav",
        "README.txt",
    ]


def test_track_whose_picture_crashes_its_parser_is_for_sale(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(parser: Parser, _: object, sha256: bytes) -> None:
        parser._marks.record(sha256, "crashes its parser", by_chance=False)
        raise ParserCrashed("crashes its parser")

    monkeypatch.setattr(Parser, "measure", stop)
    library.release("R", {"01 A.wav": track(77)})
    assert len(library.only().items) == 2
    shutil.rmtree(library.data)
    release = library.only()
    assert len(release.items) == 2
    assert release.cover is None
