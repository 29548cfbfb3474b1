"""A bar chart as numbers that a template draws: no script, no inline style.

The drawing is stretched to its place and so holds no text; labels stand
around it, at a size that can be read on any screen. What it shows is in a
table beside it as well.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

HEIGHT: Final = 1000
STEP: Final = 100
_FIRST: Final = (10, 56)
_SECOND: Final = (70, 20)
_LEAST: Final = 12
"""What is not nothing can be seen."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `y` counts from above. `title` is what it says."""

    x: int
    y: int
    width: int
    height: int
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars within `width` by HEIGHT, and the labels around them."""

    width: int
    first: tuple[Bar, ...]
    second: tuple[Bar, ...]
    top: str
    middle: str
    begins: str
    ends: str


def draw(
    labels: Sequence[str],
    first: Sequence[int],
    second: Sequence[int],
    say: Callable[[int], str],
) -> Chart:
    """Draw two series of numbers side by side; less than nothing is nothing.

    `say` writes a number as the labels and the bars have it.
    """
    top = ceiling(max((*first, *second, 0)))
    return Chart(
        width=STEP * max(len(labels), 1),
        first=_bars(labels, first, top, _FIRST, say),
        second=_bars(labels, second, top, _SECOND, say),
        top=say(top),
        middle=say(top // 2),
        begins=labels[0] if labels else "",
        ends=labels[-1] if labels else "",
    )


def ceiling(most: int) -> int:
    """Give the next of 2, 10, 20, 40, 100, 200, 400, … that holds `most`."""
    power = 1
    while True:
        for factor in (2, 4, 10):
            if factor * power >= most and factor * power % 2 == 0:
                return factor * power
        power *= 10


def _bars(
    labels: Sequence[str],
    values: Sequence[int],
    top: int,
    place: tuple[int, int],
    say: Callable[[int], str],
) -> tuple[Bar, ...]:
    left, width = place
    bars = []
    for number, (label, value) in enumerate(zip(labels, values, strict=True)):
        if value <= 0:
            continue
        height = max(value * HEIGHT // top, _LEAST)
        bars.append(
            Bar(
                x=number * STEP + left,
                y=HEIGHT - height,
                width=width,
                height=height,
                title=f"{label}: {say(value)}",
            )
        )
    return tuple(bars)
