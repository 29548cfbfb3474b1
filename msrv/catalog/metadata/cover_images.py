"""Pictures: their size and main colour, and smaller copies of them.

A library may hold pictures that a stranger made, so only the formats that
covers come in are read, up to a bound of pixels and of memory, and in a
process apart (`parsing`). Nothing of the original but its pixels reaches a
visitor: no place, no camera, no name.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

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
"""Larger pictures are refused. 7000 by 7000 fits, twice what any shop asks.

It is less than the bound where Pillow itself begins to warn.
"""
MEMORY_AT_MOST: Final = 256 << 20
"""Pictures that take more memory to decode are refused, too, in bytes."""

_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")
# How many bytes of memory Pillow takes for a pixel of these, as measured:
# their decoders hold several copies.
_DECODER_BYTES: Final = {"WEBP": 17, "AVIF": 17, "GIF": 5}
_MODE_BYTES: Final = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2}
_OTHER_MODE_BYTES: Final = 4
_STRIP_BYTES: Final = 8 << 20
_LARGEST_WHOLE: Final = 1280
"""A picture is made smaller than twice this before it is converted whole."""

# What Pillow's readers raise at a file that lies about itself, apart from
# the errors of its own that are added where it is imported.
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


class ArtworkError(Exception):
    """A cover can't be had: NotAPicture or UnsupportedWidth."""


class NotAPicture(ArtworkError):
    """The file is broken, too large, or of a kind that is not read.

    `reason` is half a sentence for the operator, on the file.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ArtworkFacts:
    """A picture's size in pixels as it is shown, and its main colour.

    `colour` is `#rrggbb`: of the few colours that sum the picture up, the one
    that covers most of it.
    """

    width: int
    height: int
    colour: str


def measure_image(file: BinaryIO) -> ArtworkFacts:
    """Read a picture whole and say what it is.

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
    # Most frequent first; of equals the lower number, so that the same
    # picture has the same colour on every machine.
    counts = enumerate(few.histogram())
    index, _ = max(counts, key=lambda pair: (pair[1], -pair[0]))
    red, green, blue = palette[3 * index : 3 * index + 3]
    return ArtworkFacts(width, height, f"#{red:02x}{green:02x}{blue:02x}")


@contextmanager
def _open_image(file: BinaryIO) -> Iterator["Pixels"]:
    """Open a picture; what goes wrong while it is read is NotAPicture."""
    from PIL import Image  # noqa: PLC0415 - see the top of the module

    file = _embedded_or_whole(file)
    try:
        with Image.open(file, formats=_FORMATS) as image:
            if image.width * image.height > PIXELS_AT_MOST:
                raise NotAPicture(f"it has more than {PIXELS_AT_MOST} pixels")
            yield image
    # The warning, where warnings are errors, comes before our own look.
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as e:
        raise NotAPicture(f"it has more than {PIXELS_AT_MOST} pixels") from e
    except _BROKEN as error:
        raise NotAPicture(
            "it can't be read as a JPEG, PNG, WebP, GIF or AVIF picture"
        ) from error


def _embedded_or_whole(file: BinaryIO) -> BinaryIO:
    """Return the picture inside of a file that is a sound, or the file."""
    file.seek(0)
    head = file.read(12)
    file.seek(0)
    if not is_audio(head):
        return file
    try:
        return io.BytesIO(read_picture(file))
    except NoEmbeddedPicture as error:
        raise NotAPicture(f"it is a sound, and {error}") from error


def _orientation(image: "Pixels") -> int:
    """Say which way up EXIF would have it shown: 1 to 8, 1 is as it is."""
    try:
        orientation = image.getexif().get(_ORIENTATION, 1)
    except _BROKEN:
        # What is said about a picture may be broken when it is not.
        return 1
    return orientation if orientation in _UPRIGHT else 1


def _normalize(image: "Pixels", orientation: int, side: int) -> "Pixels":
    """Make it upright, opaque, sRGB, and at most `side` pixels each way.

    Never larger than it was; the proportions stay. What is transparent comes
    out on black. Raises NotAPicture where it takes too much memory.
    """
    from PIL import Image  # noqa: PLC0415 - see the top of the module

    profile = image.info.get("icc_profile")
    image = _reduce(image, side)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    if orientation in _UPRIGHT:
        image = image.transpose(Image.Transpose[_UPRIGHT[orientation]])
    if image.mode == "RGBA":
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image).convert("RGB")
    return _to_srgb(image, profile)


def _reduce(image: "Pixels", side: int) -> "Pixels":
    """Decode a picture and make it smaller, not yet to `side`.

    A strip at a time: converted whole, a large picture takes several times
    its own memory.
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
    # A picture that is nothing but long stays what it is the other way.
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
    """Raise NotAPicture where it would take too much memory to decode."""
    pixels = image.width * image.height
    each = _DECODER_BYTES.get(image.format or "") or _MODE_BYTES.get(
        image.mode, _OTHER_MODE_BYTES
    )
    needed = pixels * each
    if image.info.get("progressive"):
        # All of a progressive JPEG's coefficients are held, two bytes each,
        # whatever size it is decoded to.
        layers = getattr(image, "layer", ())
        sampled = [across * down for _, across, down, *_ in layers] or [1]
        needed += 2 * full_pixels * sum(sampled) // max(sampled)
    if needed > MEMORY_AT_MOST:
        raise NotAPicture(
            f"it takes {needed >> 20} MB of memory to read, and "
            f"{MEMORY_AT_MOST >> 20} MB is the limit: save it smaller, or as "
            "a JPEG that is not progressive"
        )


def _to_resizable_mode(image: "Pixels") -> "Pixels":
    """Convert to a mode that can be resized: RGBA, L, RGB or CMYK."""
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode.startswith("I"):
        # 16 bits of grey, which convert() would cut off at 255.
        return image.point(lambda level: level / 257).convert("L")
    if image.mode not in {"L", "RGB", "CMYK"}:
        return image.convert("RGB")
    return image


def _to_srgb(image: "Pixels", profile: bytes | None) -> "Pixels":
    """Turn colours into those that a picture without a profile has.

    Copies carry no profile, and a wide one's colours would come out pale.
    """
    from PIL import ImageCms  # noqa: PLC0415 - see the top of the module

    if profile:
        # A profile that is broken, or for other colours, is as good as none.
        with suppress(ImageCms.PyCMSError, *_BROKEN):
            wide = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            turned = ImageCms.profileToProfile(
                image, wide, srgb, outputMode="RGB"
            )
            if turned is not None:
                return turned
    return image.convert("RGB")


def shrink_image(file: BinaryIO, width: int) -> bytes:
    """Make a copy of a picture that fits into `width` by `width`, as WebP.

    WebP is what every browser of the last years shows, at about half a
    JPEG's size. Raises NotAPicture, and what reading the file raises.
    """
    with _open_image(file) as image:
        small = _normalize(image, _orientation(image), width)
    copy = io.BytesIO()
    small.save(copy, "WEBP", quality=80)
    return copy.getvalue()
