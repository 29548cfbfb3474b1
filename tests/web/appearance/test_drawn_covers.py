# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Covers drawn from a title: complete, different, and the same each time."""

import io
import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from msrv.display_text import clean_line
from msrv.web.appearance.colours import contrast
from msrv.web.appearance.cover_shapes import PALETTES, SIDE
from msrv.web.appearance.drawn_covers import drawn_cover, painted_cover
from msrv.web.appearance.graphemes import graphemes
from tests.conftest import Client

SVG = "{http://www.w3.org/2000/svg}"
TITLES = [
    "Departure",
    "",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "夜のバスと静かな雨の音楽集",
    "ليل الموج الطويل جدا",
    "A long title " * 20,
    "👩‍🎤🇩🇪 Sirens <b>&amp;",
    "x" * 200,
]


def lines_of(svg: bytes) -> list[ET.Element]:
    return list(ET.fromstring(svg).iter(f"{SVG}text"))  # noqa: S314 - our own


@pytest.mark.parametrize("title", TITLES)
def test_title_is_within_the_cover(title: str) -> None:
    for line in lines_of(drawn_cover("an-id", title, "Artist " * 30)):
        size, text = int(line.attrib["font-size"]), line.text or ""
        width = sum(
            1 if ord(each[0]) > 0x2E80 else 0.6 for each in graphemes(text)
        )
        assert width * size <= SIDE - 64 + size
        assert size <= int(line.attrib["y"]) <= SIDE


def test_title_is_whole_and_in_order() -> None:
    title = "Ten songs about getting home late"
    lines = lines_of(drawn_cover("an-id", title, ""))
    assert " ".join(line.text or "" for line in lines) == title


def test_title_that_is_too_long_ends_in_an_ellipsis() -> None:
    lines = lines_of(drawn_cover("an-id", "word " * 100, ""))
    assert len(lines) == 6
    assert (lines[-1].text or "").endswith("…")


def test_arabic_title_begins_at_the_right() -> None:
    (line, *_) = lines_of(drawn_cover("an-id", "ليل", ""))
    assert line.attrib["direction"] == "rtl"
    assert int(line.attrib["x"]) == SIDE - 32


def test_japanese_title_fills_lines_without_spaces() -> None:
    lines = lines_of(drawn_cover("an-id", TITLES[3], ""))
    assert len(lines) > 1
    assert int(lines[0].attrib["font-size"]) > 40
    assert "".join(line.text or "" for line in lines) == TITLES[3]


@settings(max_examples=40)
@given(st.text(max_size=300), st.text(max_size=80))
def test_any_title_is_one_small_image_without_a_script(
    title: str, artist: str
) -> None:
    svg = drawn_cover("an-id", clean_line(title), clean_line(artist))
    tree = ET.fromstring(svg)  # noqa: S314 - our own
    names = {each.tag.removeprefix(SVG) for each in tree.iter()}
    assert names <= {"svg", "rect", "path", "g", "text"}
    assert len(svg) < 8_000


def test_covers_differ_and_stay_the_same() -> None:
    drawn = [drawn_cover(f"release-{n}", "Title", "") for n in range(60)]
    assert len(set(drawn)) == len(drawn)
    assert drawn_cover.__wrapped__("release-7", "Title", "") == drawn[7]
    assert all(len(each) < 2_600 for each in drawn)


def test_every_palette_is_readable() -> None:
    for palette in PALETTES:
        assert contrast(palette.ink, palette.ground) >= 7
        assert contrast(palette.accent, palette.ground) >= 2


def test_graphemes_are_not_divided() -> None:
    singer = "\U0001f469\u200d\U0001f3a4"
    flags = ["\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7"]
    expected = [singer, *flags, "e\u0301", "x"]
    assert list(graphemes("".join(expected))) == expected


def test_jpeg_has_the_shapes_of_the_cover() -> None:
    found = [painted_cover(f"release-{n}", 300) for n in range(12)]
    for data in found:
        with Image.open(io.BytesIO(data)) as image:
            assert (image.format, image.size) == ("JPEG", (300, 300))
            assert len(image.getcolors(90_000) or ()) > 50
    assert all(one != other for one, other in pairwise(found))


async def test_release_without_a_picture_has_a_drawn_cover(
    store: Client,
) -> None:
    page = await (await store.get("/catalog/umbrella-single")).text()
    found = re.search(
        r'<img src="(/covers/[^"]+drawn.svg[^"]+)"[^>]*alt="([^"]+)"', page
    )
    assert found
    assert found[2] == "Cover of Umbrella"
    answer = await store.get(found[1])
    assert answer.status == 200
    assert answer.content_type == "image/svg+xml"
    assert "immutable" in answer.headers["Cache-Control"]
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    shared = await store.get("/covers/umbrella-single/1200")
    assert shared.content_type == "image/jpeg"
    assert (await store.get("/covers/nothing/drawn.svg")).status == 404
    assert (await store.get("/covers/umbrella-single/640")).status == 404
