# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Memory use of covers."""

import hashlib
import io
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from msrv.catalog.metadata import cover_images
from msrv.catalog.metadata.cover_images import (
    MEMORY_AT_MOST,
    ImageFacts,
    NotAPicture,
    measure_image,
)
from msrv.catalog.parsing.parser import Parser
from tests.catalog.cover_pictures import RED, encode, is_near
from tests.catalog.temporary_library import Library, problems

pytestmark = pytest.mark.slow

HELPER_BYTES = 320 << 20
"""Memory limit of the parser's process; the container has 512 MB."""
SIDE = 7071
"""Side of the largest square that is accepted, in pixels."""

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
PNG_KINDS = {
    "palette": (8, 3),
    "grey with alpha": (8, 4),
    "colour with alpha": (8, 6),
    "16 bits with alpha": (16, 6),
}


def png(side: int, bits: int, kind: int) -> bytes:
    """Return a black PNG, written by hand: Pillow would need the memory."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checked = name + data
        length = struct.pack(">I", len(data))
        return length + checked + struct.pack(">I", zlib.crc32(checked))

    head = struct.pack(">IIBBBBB", side, side, bits, kind, 0, 0, 0)
    palette = chunk(b"PLTE", b"\1\2\3") + chunk(b"tRNS", b"\x80")
    row = bytes(1 + side * bits * _SAMPLES[kind] // 8)
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(row) for _ in range(side))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + (palette if kind == 3 else b"")
        + chunk(b"IDAT", rows + packer.flush())
        + chunk(b"IEND", b"")
    )


def peak_bytes(parser: Parser) -> int:
    """Return the peak memory of the parser's process."""
    assert parser._process is not None
    path = Path(f"/proc/{parser._process.process.pid}/status")
    line = next(
        line
        for line in path.read_text("ascii").splitlines()
        if line.startswith("VmHWM")
    )
    return int(line.split()[1]) << 10


def look(data: bytes, tmp_path: Path) -> tuple[ImageFacts, bytes, int]:
    """Measure and resize a cover; return the peak memory as well."""
    path = tmp_path / "cover"
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).digest()
    with Parser() as parser, path.open("rb") as file:
        facts = parser.measure(file, sha256)
        copy = parser.shrink(file, 1280, sha256)
        return facts, copy, peak_bytes(parser)


@pytest.mark.parametrize(("bits", "kind"), PNG_KINDS.values(), ids=PNG_KINDS)
def test_small_file_of_many_pixels_is_resized_in_bounded_memory(
    tmp_path: Path, bits: int, kind: int
) -> None:
    facts, copy, peak = look(png(SIDE, bits, kind), tmp_path)
    assert (facts.width, facts.height) == (SIDE, SIDE)
    assert Image.open(io.BytesIO(copy)).size == (1280, 1280)
    assert peak < HELPER_BYTES


@pytest.mark.parametrize(
    ("form", "mode", "options"),
    [
        ("JPEG", "RGB", {"quality": 92, "subsampling": 0}),
        ("JPEG", "RGB", {"progressive": True, "subsampling": 0}),
        ("JPEG", "CMYK", {}),
        ("PNG", "RGB", {"compress_level": 1}),
        ("PNG", "P", {"compress_level": 1}),
    ],
    ids=str,
)
def test_cover_of_six_thousand_pixels_is_resized(
    tmp_path: Path, form: str, mode: str, options: dict[str, object]
) -> None:
    image = Image.new("RGB", (6000, 6000), RED).convert(mode)
    facts, copy, peak = look(encode(image, form, **options), tmp_path)
    assert (facts.width, facts.height) == (6000, 6000)
    shown = Image.open(io.BytesIO(copy))
    assert shown.size == (1280, 1280)
    assert is_near(shown.convert("RGB").getpixel((700, 700)), RED, within=60)
    assert peak < HELPER_BYTES


@pytest.mark.parametrize(
    ("form", "mode"),
    [
        ("JPEG", "RGB"),
        ("PNG", "RGBA"),
        ("PNG", "LA"),
        ("WEBP", "RGBA"),
        ("GIF", "P"),
    ],
)
def test_cover_of_three_thousand_pixels_is_resized_in_any_format(
    tmp_path: Path, form: str, mode: str
) -> None:
    image = Image.new("RGB", (3000, 3000), RED).convert(mode)
    facts, copy, peak = look(encode(image, form), tmp_path)
    assert (facts.width, facts.height) == (3000, 3000)
    assert Image.open(io.BytesIO(copy)).size == (1280, 1280)
    assert peak < HELPER_BYTES


@pytest.mark.parametrize(
    ("size", "form", "options"),
    [
        ((4500, 4500), "WEBP", {"method": 0}),
        ((7000, 7000), "JPEG", {"progressive": True, "subsampling": 0}),
    ],
    ids=str,
)
def test_cover_that_needs_too_much_memory_is_refused_with_advice(
    size: tuple[int, int], form: str, options: dict[str, object]
) -> None:
    data = encode(Image.new("RGB", size, RED), form, **options)
    with pytest.raises(NotAPicture, match=f"{MEMORY_AT_MOST >> 20} MB"):
        measure_image(io.BytesIO(data))


def test_release_with_a_cover_that_is_too_large_is_sold_without_it(
    library: Library,
) -> None:
    library.release("R")
    data = encode(
        Image.new("RGB", (7000, 7000)), "JPEG", progressive=True, subsampling=0
    )
    library.put("R/cover.jpg", data)
    reading = library.read()
    (release,) = reading.catalog.releases
    assert release.cover is None
    assert len(release.items) == 2
    (said,) = problems(reading)
    assert "R/cover.jpg: can't be used as a cover: decoding it takes" in said
    assert said.endswith("; not shown")


@pytest.mark.parametrize("side", [64, 160, 320, 640, 1280])
@pytest.mark.parametrize("size", [(2000, 900), (3001, 1999), (5000, 70)])
def test_resizing_in_strips_equals_resizing_at_once(
    side: int, size: tuple[int, int]
) -> None:
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.paste(RED, (size[0] // 3, 0, size[0] // 2, size[1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cover_images, "_STRIP_BYTES", 1)
        found = cover_images._normalize(image, 1, side)
    plain = image.copy()
    plain.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=None)
    assert found.size == plain.size
    wide, high = found.size
    for x in range(1, wide - 1, max(1, wide // 9)):
        for y in range(0, high, max(1, high // 9)):
            seen, wanted = found.getpixel((x, y)), plain.getpixel((x, y))
            assert isinstance(wanted, tuple)
            around = [
                plain.getpixel((near_x, y)) for near_x in (x - 1, x, x + 1)
            ]
            assert any(
                is_near(seen, (each[0], each[1], each[2]), within=40)
                for each in around
                if isinstance(each, tuple)
            ), (x, y, seen, wanted)
