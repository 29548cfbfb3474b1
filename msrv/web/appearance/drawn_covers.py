# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Covers of releases without a picture, drawn from their title.

As an SVG with the title, artist and shapes; and as a JPEG for link previews,
with the shapes alone: there are no fonts on a server that could write every
title, and a preview has the title beside it.
"""

import hashlib
import html
import io
import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from msrv.catalog.model import Release
from msrv.web.appearance.cover_shapes import (
    MARGIN,
    SIDE,
    WIDTH,
    Box,
    Shape,
    choose_palette,
    draw_shapes,
)
from msrv.web.appearance.graphemes import (
    graphemes,
    is_right_to_left,
    is_wide,
)

_FONTS: Final = (
    "ui-monospace,&#39;SF Mono&#39;,Menlo,Consolas,&#39;DejaVu Sans "
    "Mono&#39;,monospace"
)
_LETTER: Final = 0.602
"""Width of a monospaced letter, in em; of a wide one it is 1."""
_SIZES: Final = ((92, 2), (76, 3), (60, 4), (48, 5), (40, 6))
"""Sizes of the title in pixels, each with the most lines at it."""
_LINE: Final = 1.1
_ARTIST_SIZE: Final = 26
_VERSION: Final = "1"


def drawn_cover_path(release: Release, name: str = "drawn.svg") -> str:
    """Return the path of a release's drawn cover, or of its JPEG's `name`."""
    return f"/covers/{release.release_id}/{name}?v={cover_version(release)}"


@lru_cache(maxsize=4096)
def _version(release_id: str, title: str, artist: str) -> str:
    source = repr((_VERSION, release_id, title, artist))
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def cover_version(release: Release) -> str:
    """Return the digest of all that a drawn cover depends on."""
    return _version(release.release_id, release.title, release.artist)


@lru_cache(maxsize=256)
def drawn_cover(release_id: str, title: str, artist: str) -> bytes:
    """Return a cover as an SVG. It is a pure function of its arguments."""
    palette = choose_palette(release_id)
    size, lines = _fit_title(title)
    bottom = MARGIN + round(size * _LINE * len(lines)) + 12
    texts = [
        _text(line, MARGIN + size * (0.8 + _LINE * row), size, palette.ink)
        for row, line in enumerate(lines)
    ]
    if artist:
        (line,) = _break_lines(artist, WIDTH / _ARTIST_SIZE, 1)
        y = bottom + _ARTIST_SIZE
        texts.append(_text(line, y, _ARTIST_SIZE, palette.ink, weight=400))
        bottom += _ARTIST_SIZE + 14
    top = bottom + 20
    box = Box(MARGIN, top, WIDTH, SIDE - MARGIN - top)
    shapes = draw_shapes(release_id, box)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}" '
        f'width="{SIDE}" height="{SIDE}">'
        f'<rect width="{SIDE}" height="{SIDE}" fill="{palette.ground}"/>'
        f"{_path(shapes, palette.ink, is_accent=False)}"
        f"{_path(shapes, palette.accent, is_accent=True)}"
        f'<g font-family="{_FONTS}">{"".join(texts)}</g></svg>'
    ).encode("utf-8", "replace")


@lru_cache(maxsize=32)
def painted_cover(release_id: str, side: int) -> bytes:
    """Return the shapes of a cover as a JPEG. Blocks for a moment."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - slow to import

    palette = choose_palette(release_id)
    scale = 2 * side / SIDE
    image = Image.new("RGB", (2 * side, 2 * side), palette.ground)
    draw = ImageDraw.Draw(image)
    for shape in draw_shapes(release_id, Box(MARGIN, MARGIN, WIDTH, WIDTH)):
        colour = palette.accent if shape.is_accent else palette.ink
        box = shape.box
        left, top = box.left * scale, box.top * scale
        right = left + box.width * scale
        bottom = top + box.height * scale
        if shape.kind == "rectangle":
            draw.rectangle((left, top, right, bottom), colour)
        elif shape.kind == "ellipse":
            draw.ellipse((left, top, right, bottom), colour)
        else:
            x, y = (scale * each for each in _corner(shape))
            radius = box.width * scale
            draw.pieslice(
                (x - radius, y - radius, x + radius, y + radius),
                90 * shape.quarter,
                90 * shape.quarter + 90,
                colour,
            )
    data = io.BytesIO()
    image.resize((side, side), Image.Resampling.LANCZOS).save(
        data, "JPEG", quality=85
    )
    return data.getvalue()


def _fit_title(title: str) -> tuple[int, list[str]]:
    """Return the largest size at which a title fits, and its lines."""
    pieces = [_width(piece.strip()) for piece in _pieces(title)]
    for size, most in _SIZES:
        width = WIDTH / size
        lines = _break_lines(title, width, most + 1)
        # At a smaller size, a word may not have to be broken.
        is_whole = max(pieces, default=0) <= width or size == _SIZES[-1][0]
        if len(lines) <= most and is_whole:
            return size, lines
    size, most = _SIZES[-1]
    return size, _break_lines(title, WIDTH / size, most)


def _break_lines(text: str, width: float, most: int) -> list[str]:
    """Return a text in lines of a width in em; the last may end in `…`.

    Lines end between words, or else inside of one; and between any two
    characters of scripts without spaces.
    """
    lines = [""]
    for piece in _pieces(text):
        if _width(lines[-1] + piece.rstrip()) > width and lines[-1]:
            lines.append("")
        lines[-1] += piece
    lines = [line.strip() for line in lines if line.strip()] or [""]
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while _width(last + "…") > width:
        last = "".join([*graphemes(last)][:-1])
    return [*lines[: most - 1], last.rstrip() + "…"]


def _pieces(text: str) -> Iterable[str]:
    """Yield the pieces that a line may end after."""
    longest = WIDTH / _SIZES[-1][0]
    piece = ""
    for each in graphemes(text):
        piece += each
        if each.isspace() or is_wide(each) or _width(piece) > longest - 1:
            yield piece
            piece = ""
    if piece:
        yield piece


def _width(text: str) -> float:
    """Return the width of a text in em, as far as it can be known."""
    return sum(1 if is_wide(each) else _LETTER for each in graphemes(text))


def _text(
    line: str, y: float, size: int, colour: str, weight: int = 800
) -> str:
    is_rtl = is_right_to_left(line)
    x = SIDE - MARGIN if is_rtl else MARGIN
    direction = ' direction="rtl"' if is_rtl else ""
    return (
        f'<text x="{x}" y="{math.ceil(y)}" font-size="{size}" '
        f'font-weight="{weight}" fill="{colour}"{direction}>'
        f"{html.escape(line)}</text>"
    )


def _path(shapes: Iterable[Shape], colour: str, *, is_accent: bool) -> str:
    """Return all shapes of one colour as one path."""
    drawn = "".join(
        _outline(each) for each in shapes if each.is_accent is is_accent
    )
    return f'<path fill="{colour}" d="{drawn}"/>' if drawn else ""


def _outline(shape: Shape) -> str:
    box = shape.box
    if shape.kind == "rectangle":
        return f"M{box.left} {box.top}h{box.width}v{box.height}h{-box.width}z"
    if shape.kind == "ellipse":
        across, down = box.width / 2, box.height / 2
        return (
            f"M{box.left} {box.top + down:g}"
            f"a{across:g} {down:g} 0 1 0 {box.width} 0"
            f"a{across:g} {down:g} 0 1 0 {-box.width} 0z"
        )
    x, y = _corner(shape)
    size = box.width
    right = size if shape.quarter in {0, 3} else -size
    down = size if shape.quarter in {0, 1} else -size
    sweep = 1 if shape.quarter in {0, 2} else 0
    return f"M{x} {y}h{right}a{size} {size} 0 0 {sweep} {-right} {down}z"


def _corner(shape: Shape) -> tuple[int, int]:
    """Return the corner of a box that is the centre of a quarter."""
    box = shape.box
    x = box.left if shape.quarter in {0, 3} else box.left + box.width
    y = box.top if shape.quarter in {0, 1} else box.top + box.height
    return x, y
