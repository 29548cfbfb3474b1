# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The covers and the bands: flat, few colours, type set to a grid.

The type is Inter (Debian: fonts-inter, SIL Open Font License); the pictures
are drawn at four times their size and made smaller, for even edges.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from demo.stowage import HALF, Points, Square, stow

SIZE: Final = 1500
BLACK: Final = "#0f0e0d"
PAPER: Final = "#f2ece1"
RED: Final = "#ff3b30"

_SCALE: Final = 4


@dataclass(frozen=True, slots=True)
class _Style:
    """A face of Inter, its size in pixels, and how much closer it is set."""

    face: str
    size: int
    closer: float = 0.0


_MARGIN: Final = 90
_TRACKS: Final = 4
_TYPE: Final = Path("/usr/share/fonts/opentype/inter")
_TITLE: Final = _Style("InterDisplay-Black", 150, closer=0.01)
_BAND: Final = _Style("InterDisplay-Bold", 44)


def items_may_have_shifted() -> Image.Image:
    """Stow a hold full of items; paint the one that is ours."""
    picture, draw = _ground(BLACK)
    pitch = (SIZE - 2 * _MARGIN) / (10 + 2 * HALF)
    first = np.array([_MARGIN + HALF * pitch, 500])
    for square in stow(columns=11, rows=8, ours=(6, 7)):
        colour = RED if square.ours else PAPER
        draw.polygon(_scaled(first + square.corners() * pitch), fill=colour)
    _text(draw, (_MARGIN, 216), "Items May", _TITLE, PAPER)
    _text(draw, (_MARGIN, 372), "Have Shifted", _TITLE, PAPER)
    end = SIZE - _MARGIN - _width("Lost Property", _BAND)
    _text(draw, (end, 216), "Lost Property", _BAND, RED)
    return _small(picture)


def minutes_of_the_last_meeting() -> Image.Image:
    """Draw an hour of meeting; the last four minutes were of use."""
    picture, draw = _ground(RED)
    centre = np.array([SIZE - _MARGIN - 470.0, 560.0])
    for minute in range(60):
        angle = 2 * np.pi * minute / 60
        way = np.array([np.sin(angle), -np.cos(angle)])
        across = np.array([-way[1], way[0]]) * 12
        corners = (
            centre + way * 205 - across * 0.6,
            centre + way * 205 + across * 0.6,
            centre + way * 470 + across,
            centre + way * 470 - across,
        )
        of_use = minute >= 60 - _TRACKS
        draw.polygon(_scaled(corners), fill=PAPER if of_use else BLACK)
    _text(draw, (_MARGIN, 122), "The Working Group", _BAND, BLACK)
    _text(draw, (_MARGIN, 1262), "Minutes of the", _TITLE, BLACK)
    _text(draw, (_MARGIN, 1410), "Last Meeting", _TITLE, PAPER)
    return _small(picture)


def lost_property() -> Image.Image:
    """Draw a suitcase from the front, with somebody else's label."""
    picture, draw = _ground(BLACK)
    _block(draw, (600, 330, 900, 560), 60, PAPER)
    _block(draw, (670, 400, 830, 560), 30, BLACK)
    _block(draw, (240, 500, 1260, 1180), 80, PAPER)
    for left in (430, 1010):
        _block(draw, (left, 500, left + 60, 1180), 0, BLACK)
    turned = Square(750, 860, 0.2, ours=True).corners(half=110)
    draw.polygon(_scaled(turned), fill=RED)
    return _small(picture)


def the_working_group() -> Image.Image:
    """Draw a meeting from above; the singer's chair is empty."""
    picture, draw = _ground(RED)
    centre = np.array([SIZE / 2, SIZE / 2])
    draw.ellipse(_scaled((centre - 330, centre + 330)), fill=BLACK)
    for place in range(5):
        angle = 2 * np.pi * place / 5
        way = np.array([np.sin(angle), -np.cos(angle)])
        is_empty = place == 1
        at = centre + way * (590 if is_empty else 470)
        chair = Square(at[0], at[1], float(angle), is_empty).corners(half=95)
        draw.polygon(_scaled(chair), fill=PAPER if is_empty else BLACK)
    return _small(picture)


def _block(
    draw: ImageDraw.ImageDraw,
    box: tuple[float, float, float, float],
    radius: float,
    colour: str,
) -> None:
    """Draw a rectangle with round corners."""
    left, top, right, bottom = (each * _SCALE for each in box)
    draw.rounded_rectangle(
        (left, top, right, bottom), radius * _SCALE, fill=colour
    )


def _ground(colour: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("RGB", (SIZE * _SCALE, SIZE * _SCALE), colour)
    return picture, ImageDraw.Draw(picture)


def _small(picture: Image.Image) -> Image.Image:
    small = picture.resize((SIZE, SIZE), Image.Resampling.BOX)
    # Three colours and the steps between them: a palette holds them all.
    return small.quantize(
        48, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )


def _scaled(points: Iterable[Points]) -> list[tuple[float, float]]:
    return [(float(x) * _SCALE, float(y) * _SCALE) for x, y in points]


def _text(
    draw: ImageDraw.ImageDraw,
    at: tuple[float, float],
    text: str,
    style: _Style,
    colour: str,
) -> None:
    """Set a line on the baseline at `at`."""
    font = _font(style.face, style.size)
    x, y = at[0] * _SCALE, at[1] * _SCALE
    for place, sign in enumerate(text):
        before = font.getlength(text[: place + 1]) - font.getlength(sign)
        before -= style.closer * style.size * _SCALE * place
        draw.text((x + before, y), sign, colour, font, "ls")


def _width(text: str, style: _Style) -> float:
    return _font(style.face, style.size).getlength(text) / _SCALE


@cache
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    path = _TYPE / f"{face}.otf"
    try:
        return ImageFont.truetype(path, size * _SCALE)
    except OSError:
        raise SystemExit(
            f"{path} is not there; the covers need Inter:"
            " apt-get install fonts-inter"
        ) from None
