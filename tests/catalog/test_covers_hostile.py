# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Covers that are damaged, or larger than they seem."""

import struct
import zlib

import pytest
from PIL import Image, features

from msrv.catalog.metadata.cover_images import NotAPicture, measure_image
from tests.catalog.cover_pictures import PictureLibrary, encode


def bomb(side: int) -> bytes:
    """Return a small PNG whose header states `side` pixels square."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checked = name + data
        length = struct.pack(">I", len(data))
        return length + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def look(picture_library: PictureLibrary) -> None:
    """Measure the last file of the library."""
    with (picture_library.root / "cover.png").open("rb") as file:
        measure_image(file)


GOOD_JPEG = encode(Image.effect_noise((400, 400), 50), "JPEG")
GOOD_PNG = encode(Image.effect_noise((400, 400), 50))
BROKEN = {
    "empty": b"",
    "text": b"not a picture at all",
    "truncated JPEG": GOOD_JPEG[: len(GOOD_JPEG) // 2],
    "truncated PNG": GOOD_PNG[: len(GOOD_PNG) // 2],
    "only a JPEG's beginning": GOOD_JPEG[:20],
    "PostScript, that would start a program": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "a form that no cover comes in": encode(Image.new("L", (9, 9)), "TIFF"),
}
BOMBS = {
    "our bound": 7100,
    "where Pillow warns": 11_000,
    "where Pillow refuses": 60_000,
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
async def test_undecodable_picture_is_refused_with_a_reason(
    picture_library: PictureLibrary, data: bytes
) -> None:
    cover = picture_library.put(data)
    with pytest.raises(NotAPicture) as caught:
        look(picture_library)
    assert caught.value.reason
    with pytest.raises(NotAPicture):
        await picture_library.covers.image(cover, 160)
    assert not picture_library.cache.exists()


@pytest.mark.skipif(
    not features.check("avif"), reason="this Pillow reads no AVIF"
)
async def test_damaged_avif_is_refused_with_a_reason(
    picture_library: PictureLibrary,
) -> None:
    data = encode(Image.effect_noise((64, 64), 50), "AVIF")
    begin = data.index(b"mdat") + 4
    picture_library.put(data[:begin] + bytes(len(data) - begin))
    with pytest.raises(NotAPicture):
        look(picture_library)


@pytest.mark.parametrize("side", BOMBS.values(), ids=BOMBS)
async def test_picture_of_too_many_pixels_is_not_decoded(
    picture_library: PictureLibrary, side: int
) -> None:
    cover = picture_library.put(bomb(side))
    with pytest.raises(NotAPicture, match="pixels"):
        look(picture_library)
    with pytest.raises(NotAPicture, match="pixels"):
        await picture_library.covers.image(cover, 160)
