# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Covers: upright, in sRGB, and of the requested width at most."""

import io

import pytest
from PIL import Image, ImageCms

from msrv.catalog.covers import SHARED_WIDTH, WIDTHS, UnsupportedWidth
from msrv.catalog.metadata.cover_images import measure_image
from tests.catalog.cover_pictures import RED, PictureLibrary, encode, is_near

ORIENTATION = 0x0112


def turned(orientation: int) -> bytes:
    """Return 40 x 20 stored pixels, red on their left half, blue right."""
    image = Image.new("RGB", (40, 20), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(image, "JPEG", quality=95, subsampling=0, exif=exif)


def test_size_and_main_colour_are_measured() -> None:
    image = Image.new("RGB", (300, 200), RED)
    image.paste((255, 255, 255), (0, 0, 90, 90))
    facts = measure_image(io.BytesIO(encode(image)))
    assert (facts.width, facts.height) == (300, 200)
    assert is_near(tuple(bytes.fromhex(facts.colour[1:])), RED)


@pytest.mark.parametrize(
    ("mode", "form"),
    [
        ("1", "PNG"),
        ("L", "PNG"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("RGBA", "PNG"),
        ("I;16", "PNG"),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGB", "WEBP"),
        ("RGBA", "WEBP"),
        ("P", "GIF"),
    ],
)
async def test_every_picture_format_is_resized(
    picture_library: PictureLibrary, mode: str, form: str
) -> None:
    if mode == "I;16":
        white = Image.new("I;16", (200, 100), 65535)
    else:
        white = Image.new("RGB", (200, 100), (255, 255, 255)).convert(mode)
    data = encode(white, form)
    shown = await picture_library.shown(data)
    assert shown.format == "WEBP"
    assert shown.size == (160, 80)
    assert is_near(shown.convert("RGB").getpixel((80, 40)), (255, 255, 255))
    assert picture_library.put(data).colour >= "#f0"


async def test_sixteen_bit_grey_stays_grey(
    picture_library: PictureLibrary,
) -> None:
    shown = await picture_library.shown(
        encode(Image.new("I;16", (9, 9), 0x8080))
    )
    assert is_near(shown.getpixel((4, 4)), (128, 128, 128))


async def test_transparent_parts_are_black(
    picture_library: PictureLibrary,
) -> None:
    image = Image.new("RGBA", (100, 100), (255, 255, 255, 0))
    image.paste((*RED, 255), (0, 0, 30, 100))
    image.paste((200, 200, 200, 128), (30, 0, 60, 100))
    shown = await picture_library.shown(encode(image))
    assert is_near(shown.getpixel((45, 50)), (100, 100, 100))
    assert shown.mode == "RGB"
    assert is_near(shown.getpixel((90, 50)), (0, 0, 0))
    assert is_near(shown.getpixel((10, 50)), RED)


async def test_transparent_palette_is_black(
    picture_library: PictureLibrary,
) -> None:
    image = Image.new("P", (100, 100), 1)
    image.putpalette([255, 255, 255, *RED])
    image.paste(0, (50, 0, 100, 100))
    shown = await picture_library.shown(encode(image, "GIF", transparency=0))
    assert is_near(shown.getpixel((90, 50)), (0, 0, 0))
    assert is_near(shown.getpixel((10, 50)), RED)


@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [
        (1, (40, 20), (5, 10)),
        (2, (40, 20), (35, 10)),
        (3, (40, 20), (35, 10)),
        (4, (40, 20), (5, 10)),
        (5, (20, 40), (10, 5)),
        (6, (20, 40), (10, 5)),
        (7, (20, 40), (10, 35)),
        (8, (20, 40), (10, 35)),
        (9, (40, 20), (5, 10)),
    ],
)
async def test_exif_orientation_is_applied(
    picture_library: PictureLibrary,
    orientation: int,
    size: tuple[int, int],
    red_at: tuple[int, int],
) -> None:
    data = turned(orientation)
    cover = picture_library.put(data)
    assert (cover.width, cover.height) == size
    shown = await picture_library.shown(data)
    assert shown.size == size
    assert is_near(shown.getpixel(red_at), (255, 0, 0), within=40)


async def test_metadata_is_removed(picture_library: PictureLibrary) -> None:
    exif = Image.Exif()
    exif[0x010E] = "the seller's kitchen"
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    data = encode(
        Image.new("RGB", (50, 50), RED),
        "JPEG",
        exif=exif,
        icc_profile=srgb.tobytes(),
        comment=b"kitchen",
    )
    assert b"kitchen" in data
    shown = await picture_library.shown(data)
    assert (
        b"kitchen"
        not in (
            await picture_library.covers.image(picture_library.put(data), 160)
        ).data
    )
    assert not {"exif", "icc_profile", "xmp"} & set(shown.info)


async def test_colour_profile_is_applied(
    picture_library: PictureLibrary,
) -> None:
    srgb = ImageCms.createProfile("sRGB")
    image = Image.new("RGB", (50, 50), (180, 90, 40))
    profile = bytearray(ImageCms.ImageCmsProfile(srgb).tobytes())
    # Swap red and blue, by their names in the table of tags.
    for place in range(128, 400):
        if profile[place : place + 4] == b"rXYZ":
            profile[place : place + 4] = b"bXYZ"
        elif profile[place : place + 4] == b"bXYZ":
            profile[place : place + 4] = b"rXYZ"
    data = encode(image, icc_profile=bytes(profile))
    shown = await picture_library.shown(data)
    assert is_near(shown.getpixel((25, 25)), (40, 90, 180), within=30)


@pytest.mark.parametrize("profile", [b"junk", b"\0" * 200])
async def test_broken_colour_profile_is_ignored(
    picture_library: PictureLibrary, profile: bytes
) -> None:
    data = encode(Image.new("RGB", (50, 50), RED), "JPEG", icc_profile=profile)
    shown = await picture_library.shown(data)
    assert is_near(shown.getpixel((25, 25)), RED)
    assert "icc_profile" not in shown.info


async def test_colour_profile_of_another_mode_is_ignored(
    picture_library: PictureLibrary,
) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    image = Image.new("L", (50, 50), 99)
    shown = await picture_library.shown(
        encode(image, icc_profile=srgb.tobytes())
    )
    assert is_near(shown.getpixel((25, 25)), (99, 99, 99))


async def test_animation_becomes_its_first_frame(
    picture_library: PictureLibrary,
) -> None:
    frames = [Image.new("RGB", (50, 50), c) for c in (RED, (0, 0, 255))]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    shown = await picture_library.shown(data)
    assert getattr(shown, "n_frames", 1) == 1
    assert is_near(shown.getpixel((25, 25)), RED)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
async def test_extreme_proportions_are_resized(
    picture_library: PictureLibrary, size: tuple[int, int]
) -> None:
    shown = await picture_library.shown(
        encode(Image.new("RGB", size, RED)), 160
    )
    assert max(shown.size) == min(160, max(size))
    assert min(shown.size) == 1


@pytest.mark.parametrize(
    ("width", "size"),
    [(160, (160, 80)), (320, (320, 160)), (640, (500, 250))],
)
async def test_cover_fits_its_width_and_is_never_enlarged(
    picture_library: PictureLibrary, width: int, size: tuple[int, int]
) -> None:
    data = encode(Image.new("RGB", (500, 250), RED))
    assert (await picture_library.shown(data, width)).size == size


async def test_widths_beyond_the_original_share_one_copy(
    picture_library: PictureLibrary,
) -> None:
    cover = picture_library.put(encode(Image.new("RGB", (100, 100), RED)))
    copies = {
        width: await picture_library.covers.image(cover, width)
        for width in WIDTHS
    }
    # Link previews have a JPEG of their own: few services read WebP.
    shared = copies.pop(SHARED_WIDTH)
    assert shared.media_type == "image/jpeg"
    assert {copy.media_type for copy in copies.values()} == {"image/webp"}
    assert len({copy.etag for copy in copies.values()}) == 1
    assert len(list(picture_library.cache.iterdir())) == 2


async def test_widths_beyond_the_original_share_one_avif(
    picture_library: PictureLibrary,
) -> None:
    cover = picture_library.put(encode(Image.new("RGB", (100, 100), RED)))
    copies = [
        await picture_library.covers.image(cover, width, as_avif=True)
        for width in WIDTHS
        if width != SHARED_WIDTH
    ]
    assert {copy.media_type for copy in copies} == {"image/avif"}
    assert len({copy.etag for copy in copies}) == 1
    shown = Image.open(io.BytesIO(copies[0].data))
    assert shown.size == (100, 100)
    assert is_near(shown.convert("RGB").getpixel((50, 50)), RED)
    webp = await picture_library.covers.image(cover, 160)
    assert webp.media_type == "image/webp"


@pytest.mark.parametrize("width", [0, -1, 161, 10**9])
async def test_other_widths_are_refused(
    picture_library: PictureLibrary, width: int
) -> None:
    cover = picture_library.put(encode(Image.new("RGB", (500, 500), RED)))
    with pytest.raises(UnsupportedWidth):
        await picture_library.covers.image(cover, width)
