# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Cover images: their size and main colour, and reduced copies.

A library may contain pictures from strangers, so only the usual formats of
covers are decoded, within bounds of pixels and memory, and in a separate
process (`parsing`). Visitors get nothing of the original but its pixels: no
location, no camera, no author.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal

from msrv.catalog.metadata.audio_pictures import (
    NoEmbeddedPicture,
    is_audio,
    read_picture,
)

if TYPE_CHECKING:
    from PIL.Image import Image as Pixels

# Pillow is imported where it is used (PLC0415): it takes as long as the rest
# of a start, and a store whose covers are all cached never needs it.

PIXELS_AT_MOST: Final = 50_000_000
"""Pixels of the largest picture that is decoded.

7000 by 7000 fits, twice what any shop requires. Pillow's own bound, where it
starts to warn, is higher.
"""
MEMORY_AT_MOST: Final = 256 << 20
"""Bytes of memory that decoding a picture may take."""

PictureFormat = Literal["AVIF", "ICON", "JPEG", "LOGO", "WEBP"]
"""Format of a reduced copy, by Pillow's name; a logo is a WebP, an icon a PNG.

An icon is a square, in which the picture is whole.
"""
# Of similar quality by PSNR. The parser may not start threads for its encoder,
# and a slower speed of AVIF saves a tenth for three times the work
# (docs/performance.md).
_ENCODINGS: Final[dict[PictureFormat, dict[str, Any]]] = {
    "AVIF": {"quality": 65, "speed": 8, "max_threads": 1},
    "ICON": {"optimize": True},
    "JPEG": {"quality": 80},
    "LOGO": {"quality": 90},
    "WEBP": {"quality": 80},
}
_ICON_PART: Final = 0.8
"""Part of an icon's side that a transparent picture takes."""
_LIGHT: Final = 140
"""Mean level of grey, of 255, from which a drawing needs a dark ground."""
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
# Bytes of memory a pixel takes in Pillow, as measured: these decoders hold
# several copies.
_DECODER_BYTES: Final = {"WEBP": 17, "AVIF": 17, "GIF": 5}
_MODE_BYTES: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2}
_OTHER_MODE_BYTES: Final = 4
_STRIP_BYTES: Final = 8 << 20
_LARGEST_WHOLE: Final = 1280
"""A picture is converted whole only below twice this size."""

# Errors that Pillow's readers raise for malformed files, apart from its own,
# which are added where it is imported.
_BROKEN = (
    OSError,
    RuntimeError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    EOFError,
    struct.error,
    zlib.error,
)

_ORIENTATION = 0x0112  # the tag in EXIF 2.32, 4.6.4
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
_FIRST_ON_ITS_SIDE = 5


class CoverError(Exception):
    """A cover isn't available: NotAPicture or UnsupportedWidth."""


class NotAPicture(CoverError):
    """The file is broken, too large, or of an unsupported format.

    `reason` is a half-sentence about the file, for the operator.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """A picture's size in pixels, as displayed, and its main colour.

    `colour` is `#rrggbb`: the most frequent of a palette of eight.
    """

    width: int
    height: int
    colour: str


def measure_image(file: BinaryIO) -> ImageFacts:
    """Return the facts of a picture, which is decoded completely.

    Blocks on the disk and on decoding. Raises NotAPicture.
    """
    with _open_image(file) as image:
        width, height = image.size
        orientation = _orientation(image)
        small = _normalize(image, orientation, 64)
    if orientation >= _FIRST_ON_ITS_SIDE:
        width, height = height, width
    few = small.quantize(8)
    palette = few.getpalette() or [0, 0, 0]
    # The most frequent one; among equals the lower index, so that a picture
    # has the same colour on every machine.
    counts = enumerate(few.histogram())
    index, _ = max(counts, key=lambda pair: (pair[1], -pair[0]))
    red, green, blue = palette[3 * index : 3 * index + 3]
    return ImageFacts(width, height, f"#{red:02x}{green:02x}{blue:02x}")


@contextmanager
def _open_image(file: BinaryIO) -> Iterator["Pixels"]:
    """Open a picture; errors inside the block are raised as NotAPicture."""
    from PIL import Image  # noqa: PLC0415 - see the top of the module

    file = _embedded_or_whole(file)
    try:
        with Image.open(file, formats=_FORMATS) as image:
            if image.width * image.height > PIXELS_AT_MOST:
                raise NotAPicture(f"it has more than {PIXELS_AT_MOST} pixels")
            yield image
    # Where warnings are errors, Pillow's comes before our own check.
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        raise NotAPicture(f"it has more than {PIXELS_AT_MOST} pixels") from e
    except _BROKEN as error:
        raise NotAPicture(
            "it can't be read as a JPEG, PNG, WebP, GIF or AVIF picture"
        ) from error


def _embedded_or_whole(file: BinaryIO) -> BinaryIO:
    """Return the picture inside an audio file; any other file as it is."""
    file.seek(0)
    head = file.read(12)
    file.seek(0)
    if not is_audio(head):
        return file
    try:
        return io.BytesIO(read_picture(file))
    except NoEmbeddedPicture as error:
        raise NotAPicture(f"it is an audio file, and {error}") from error


def _orientation(image: "Pixels") -> int:
    """Return the EXIF orientation, 1 to 8; 1 is upright."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except _BROKEN:
        # The EXIF data may be broken when the picture isn't.
        return 1
    return orientation if orientation in _UPRIGHT else 1


def _normalize(
    image: "Pixels", orientation: int, side: int, *, keep_alpha: bool = False
) -> "Pixels":
    """Return a copy: upright, opaque, sRGB, at most `side` pixels each way.

    It is never enlarged and keeps its proportions. Transparent parts are
    black, unless `keep_alpha`. Raises NotAPicture if decoding would take too
    much memory.
    """
    from PIL import Image  # noqa: PLC0415 - see the top of the module

    profile = image.info.get("icc_profile")
    image = _reduce(image, side)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    if orientation in _UPRIGHT:
        image = image.transpose(Image.Transpose[_UPRIGHT[orientation]])
    if image.mode == "RGBA" and keep_alpha:
        opaque = _to_srgb(image.convert("RGB"), profile)
        opaque.putalpha(image.getchannel("A"))
        return opaque
    if image.mode == "RGBA":
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image).convert("RGB")
    return _to_srgb(image, profile)


def _reduce(image: "Pixels", side: int) -> "Pixels":
    """Return a decoded copy of reduced size, but still larger than `side`.

    It is converted in strips: converting a large picture whole takes several
    times its own memory.
    """
    from PIL import Image  # noqa: PLC0415 - see the top of the module

    full_pixels = image.width * image.height
    largest = max(image.size)
    enough = min(2 * side, max(side, _LARGEST_WHOLE))
    if largest > enough:
        # A JPEG can be decoded to a half, a quarter or an eighth.
        width, height = (each * enough // largest for each in image.size)
        image.draft(None, (max(width, 1), max(height, 1)))
    _check_memory(image, full_pixels)
    factor = max(1, max(image.size) // enough)
    if factor == 1:
        return _to_resizable_mode(image)
    # A very long picture isn't reduced in the other direction.
    factors = min(factor, image.width), min(factor, image.height)
    row_bytes = _OTHER_MODE_BYTES * image.width * factors[1]
    rows = factors[1] * max(1, _STRIP_BYTES // row_bytes)
    width = -(-image.width // factors[0])
    height = -(-image.height // factors[1])
    reduced = None
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        strip = _to_resizable_mode(image.crop((0, top, image.width, bottom)))
        if reduced is None:
            reduced = Image.new(strip.mode, (width, height))
        reduced.paste(strip.reduce(factors), (0, top // factors[1]))
    assert reduced is not None  # noqa: S101 - it has at least a row
    return reduced


def _check_memory(image: "Pixels", full_pixels: int) -> None:
    """Raise NotAPicture if decoding would take too much memory."""
    pixels = image.width * image.height
    each = _DECODER_BYTES.get(image.format or "") or _MODE_BYTES.get(
        image.mode, _OTHER_MODE_BYTES
    )
    needed = pixels * each
    if image.info.get("progressive"):
        # A progressive JPEG's coefficients are all held in memory, two bytes
        # each, at any size of the result.
        layers = getattr(image, "layer", ())
        sampled = [across * down for _, across, down, *_ in layers] or [1]
        needed += 2 * full_pixels * sum(sampled) // max(sampled)
    if needed > MEMORY_AT_MOST:
        raise NotAPicture(
            f"decoding it takes {needed >> 20} MB of memory, and the limit is "
            f"{MEMORY_AT_MOST >> 20} MB: save it smaller, or as a JPEG that "
            "is not progressive"
        )


def _to_resizable_mode(image: "Pixels") -> "Pixels":
    """Return it in a mode that can be resized: RGBA, L, RGB or CMYK."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode.startswith("I"):
        # 16 bits of grey, which convert() would cut off at 255.
        return image.point(lambda level: level / 257).convert("L")
    if image.mode not in {"L", "RGB", "CMYK"}:
        return image.convert("RGB")
    return image


def _to_srgb(image: "Pixels", profile: bytes | None) -> "Pixels":
    """Return it in sRGB, which browsers assume without a profile.

    Copies carry no profile, and wide-gamut colours would look pale.
    """
    from PIL import ImageCms  # noqa: PLC0415 - see the top of the module

    if profile:
        # A profile that is broken, or of another mode, counts as none.
        with suppress(ImageCms.PyCMSError, *_BROKEN):
            wide = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            turned = ImageCms.profileToProfile(
                image, wide, srgb, outputMode="RGB"
            )
            if turned is not None:
                return turned
    return image.convert("RGB")


def shrink_image(
    file: BinaryIO, width: int, form: PictureFormat = "WEBP"
) -> bytes:
    """Return a copy of a picture, at most `width` by `width`.

    All current browsers support WebP, at about half a JPEG's size, and most
    support AVIF, which is smaller still; a JPEG is for other programs. Where
    Pillow was built without AVIF, a WebP is returned in its place: browsers
    go by the content. Raises NotAPicture and OSError.
    """
    from PIL import features  # noqa: PLC0415 - see the top of the module

    if form == "AVIF" and not features.check("avif"):
        form = "WEBP"
    keep_alpha = form in {"ICON", "LOGO"}
    with _open_image(file) as image:
        small = _normalize(
            image, _orientation(image), width, keep_alpha=keep_alpha
        )
    if form == "ICON":
        small = _on_square(small, width)
    copy = io.BytesIO()
    pillow_format = {"ICON": "PNG", "LOGO": "WEBP"}.get(form, form)
    small.save(copy, pillow_format, **_ENCODINGS[form])
    return copy.getvalue()


def _on_square(image: "Pixels", side: int) -> "Pixels":
    """Return it in the middle of an opaque square of `side` pixels.

    A transparent one has a margin, on black if it is light and else on white.
    The ground of any other is its own, by its corner.
    """
    from PIL import Image, ImageStat  # noqa: PLC0415 - see the top of the module

    if image.mode == "RGBA":
        inner = round(side * _ICON_PART)
        image.thumbnail((inner, inner), Image.Resampling.LANCZOS)
        shown = image.getchannel("A")
        visible = ImageStat.Stat(image.convert("L"), shown)
        is_light = visible.count[0] > 0 and visible.mean[0] > _LIGHT
        ground: Any = (12, 10, 9) if is_light else (255, 255, 255)
    else:
        shown, ground = None, image.getpixel((0, 0))
    square = Image.new("RGB", (side, side), ground)
    place = ((side - image.width) // 2, (side - image.height) // 2)
    square.paste(image, place, shown)
    return square
