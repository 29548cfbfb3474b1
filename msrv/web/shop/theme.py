"""The store's own colour, as a stylesheet that keeps text readable.

An operator gives one accent. Text in it must reach a contrast of 4.5:1 on
either ground (WCAG 2.2, success criterion 1.4.3), so it is mixed with white
or black, in steps, until it does.
"""

import hashlib
from functools import lru_cache
from typing import Final

from msrv.catalog.model import Shop

DARK_GROUND: Final = "#0c0a09"
LIGHT_GROUND: Final = "#f7f2e9"
_ENOUGH: Final = 4.6
"""A little over 4.5, for a panel that is not quite the ground's colour."""
_STEPS: Final = 20

_Colour = tuple[float, float, float]
_WHITE: Final = (1.0, 1.0, 1.0)
_BLACK: Final = (0.0, 0.0, 0.0)


@lru_cache(maxsize=8)
def stylesheet(shop: Shop) -> str:
    """Write the custom properties that depend on `store.toml`."""
    name = max(len(shop.name), 4)
    dark = readable(shop.accent, DARK_GROUND)
    light = readable(shop.accent, LIGHT_GROUND)
    return (
        f":root{{--name-length:{name};--accent:{dark};"
        f"--on-accent:{_on(dark)}}}"
        "@media (prefers-color-scheme:light){"
        f":root{{--accent:{light};--on-accent:{_on(light)}}}}}\n"
    )


@lru_cache(maxsize=8)
def url(shop: Shop) -> str:
    """Give the stylesheet's address, which changes with what is in it."""
    digest = hashlib.sha256(stylesheet(shop).encode()).hexdigest()[:16]
    return f"/theme.css?v={digest}"


def readable(colour: str, ground: str) -> str:
    """Move a colour (`#rrggbb`) until text in it can be read on a ground."""
    start, base = _rgb(colour), _rgb(ground)
    target = _BLACK if _luminance(base) > 0.5 else _WHITE
    for step in range(_STEPS + 1):
        mixed = _mix(start, target, step / _STEPS)
        if contrast(_hex(mixed), ground) >= _ENOUGH:
            return _hex(mixed)
    return _hex(target)


def contrast(one: str, other: str) -> float:
    """Give WCAG's contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (high + 0.05) / (low + 0.05)


def _on(colour: str) -> str:
    """Choose black or white for text on a colour."""
    white, black = _hex(_WHITE), _hex(_BLACK)
    return (
        black if contrast(colour, black) >= contrast(colour, white) else white
    )


def _luminance(colour: _Colour) -> float:
    """Give WCAG's relative luminance."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in colour
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mix(one: _Colour, other: _Colour, share: float) -> _Colour:
    red, green, blue = (
        a + (b - a) * share for a, b in zip(one, other, strict=True)
    )
    return red, green, blue


def _rgb(text: str) -> _Colour:
    red, green, blue = bytes.fromhex(text.removeprefix("#"))
    return red / 255, green / 255, blue / 255


def _hex(colour: _Colour) -> str:
    return "#" + bytes(round(part * 255) for part in colour).hex()
