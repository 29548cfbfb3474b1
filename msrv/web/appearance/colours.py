# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Colours that are readable: contrast as WCAG 2.2 defines it.

Colours are `#rrggbb`.
"""

from typing import Final

MIN_CONTRAST: Final = 4.5
"""The least contrast of text (success criterion 1.4.3)."""
_STEPS: Final = 50

_Parts = tuple[float, float, float]
_WHITE: Final = "#ffffff"
_BLACK: Final = "#000000"


def readable(colour: str, *grounds: str) -> str:
    """Return a colour, adjusted to be readable on all of the backgrounds.

    It is mixed with white or with black, in steps, until it is.
    """
    target = text_colour_on(grounds[0])
    for step in range(_STEPS + 1):
        mixed = mix(colour, target, step / _STEPS)
        if all(contrast(mixed, each) >= MIN_CONTRAST for each in grounds):
            return mixed
    return target


def contrast(one: str, other: str) -> float:
    """Return WCAG's contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def text_colour_on(colour: str) -> str:
    """Return black or white, whichever is better readable on a colour."""
    is_dark = contrast(colour, _WHITE) > contrast(colour, _BLACK)
    return _WHITE if is_dark else _BLACK


def luminance(colour: str) -> float:
    """Return WCAG's relative luminance, from 0 to 1."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in _parts(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def mix(one: str, other: str, share: float) -> str:
    """Return a mixture of two colours; `share` is that of the other."""
    parts = zip(_parts(one), _parts(other), strict=True)
    mixed = (round(255 * (a + (b - a) * share)) for a, b in parts)
    return "#" + bytes(mixed).hex()


def _parts(colour: str) -> _Parts:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red / 255, green / 255, blue / 255
