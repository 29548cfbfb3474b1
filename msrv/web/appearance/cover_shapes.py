# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Shapes of drawn covers, chosen by a release's id.

They are data, in pixels of a square of SIDE, so that a cover can be written
as an SVG and painted as a JPEG. Equal ids give equal shapes on every machine.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

SIDE: Final = 640
MARGIN: Final = 32
WIDTH: Final = SIDE - 2 * MARGIN


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours of a cover: its background, its ink, and one more."""

    ground: str
    ink: str
    accent: str


PALETTES: Final = (
    Palette("#0c0a09", "#f4ede4", "#ff3b30"),
    Palette("#f4ede4", "#17120e", "#d1270f"),
    Palette("#12324a", "#f6ead0", "#f2a33a"),
    Palette("#f2c14e", "#1b1a17", "#b3301c"),
    Palette("#1f3d2f", "#f3ead7", "#8fc46b"),
    Palette("#e9e2f3", "#231942", "#7a3fb5"),
    Palette("#3a1d2b", "#f7e3dc", "#ff7a6b"),
    Palette("#d8e6e4", "#10262b", "#0f7c80"),
    Palette("#26253a", "#eceaf6", "#8f8cf2"),
    Palette("#f3d9ce", "#35150f", "#c2402a"),
)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a drawing: its place and size in pixels."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Shape:
    """One shape inside a box: a rectangle, an ellipse, or a part of one.

    A `quarter` of an ellipse has its centre in a corner of the box: 0 is the
    upper left, and the others follow clockwise. `is_accent` selects the
    second colour.
    """

    kind: str
    box: Box
    is_accent: bool = False
    quarter: int = 0


class _Choices:
    """Numbers that depend on a text alone."""

    def __init__(self, seed: str) -> None:
        self._bytes = iter(hashlib.shake_256(seed.encode()).digest(1024))

    def below(self, limit: int) -> int:
        """Return a number from 0 up to a limit, not included."""
        return next(self._bytes) % limit


def choose_palette(release_id: str) -> Palette:
    """Return the colours of a release's cover."""
    return PALETTES[_Choices(f"palette {release_id}").below(len(PALETTES))]


def draw_shapes(release_id: str, box: Box) -> list[Shape]:
    """Return the shapes of a release's cover, which fill a box."""
    choices = _Choices(f"shapes {release_id}")
    draw = _DRAWINGS[choices.below(len(_DRAWINGS))]
    return list(draw(choices, box))


def _squares(choices: _Choices, box: Box) -> Iterator[Shape]:
    """Yield a grid of squares of different sizes, one of them coloured."""
    columns = 9
    step = box.width // columns
    rows = box.height // step
    marked = choices.below(columns * rows)
    for place in range(columns * rows):
        size = step * (3 + choices.below(6)) // 10
        inset = (step - size) // 2
        left = box.left + place % columns * step + inset
        top = box.top + place // columns * step + inset
        yield Shape("rectangle", Box(left, top, size, size), place == marked)


def _bars(choices: _Choices, box: Box) -> Iterator[Shape]:
    """Yield bars of different heights, from the bottom."""
    count = 12 + choices.below(10)
    step = box.width // count
    marked = choices.below(count)
    for place in range(count):
        height = box.height * (12 + choices.below(89)) // 100
        top = box.top + box.height - height
        bar = Box(box.left + place * step, top, step * 6 // 10, height)
        yield Shape("rectangle", bar, place == marked)


def _lines(choices: _Choices, box: Box) -> Iterator[Shape]:
    """Yield a disc above lines that become thicker."""
    size = min(box.height * (55 + choices.below(20)) // 100, box.width)
    left = box.left + choices.below(1 + box.width - size)
    yield Shape("ellipse", Box(left, box.top, size, size), is_accent=True)
    top, gap = box.top + box.height * (25 + choices.below(20)) // 100, 6
    while top + gap <= box.top + box.height:
        yield Shape("rectangle", Box(box.left, top, box.width, gap))
        top, gap = top + 3 * gap, gap + 1 + choices.below(2)


def _tiles(choices: _Choices, box: Box) -> Iterator[Shape]:
    """Yield tiles with a quarter of a disc in each."""
    columns = 4 + choices.below(3)
    step = box.width // columns
    for place in range(columns * (box.height // step)):
        left = box.left + place % columns * step
        top = box.top + place // columns * step
        is_accent = choices.below(5) == 0
        tile = Box(left, top, step, step)
        yield Shape("quarter", tile, is_accent, choices.below(4))


def _spots(choices: _Choices, box: Box) -> Iterator[Shape]:
    """Yield a grid of discs, some of them smaller or missing."""
    columns = 5 + choices.below(4)
    step = box.width // columns
    rows = box.height // step
    marked = choices.below(columns * rows)
    for place in range(columns * rows):
        size = step * (0, 3, 6, 9)[choices.below(4)] // 10
        if place == marked:
            size = step * 9 // 10
        inset = (step - size) // 2
        left = box.left + place % columns * step + inset
        top = box.top + place // columns * step + inset
        if size:
            yield Shape("ellipse", Box(left, top, size, size), place == marked)


def _stairs(choices: _Choices, box: Box) -> Iterator[Shape]:
    """Yield blocks of different widths below one another."""
    rows = 5 + choices.below(4)
    step = box.height // rows
    marked = choices.below(rows)
    for row in range(rows):
        width = box.width * (15 + choices.below(70)) // 100
        left = box.left + choices.below(4) * (box.width - width) // 3
        block = Box(left, box.top + row * step, width, step * 8 // 10)
        yield Shape("rectangle", block, row == marked)


_DRAWINGS: Final[tuple[Callable[[_Choices, Box], Iterator[Shape]], ...]] = (
    _squares,
    _bars,
    _lines,
    _tiles,
    _spots,
    _stairs,
)
