# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Stylesheets, scripts and icons, prepared once; and the store's theme.

An address carries a digest of its content (`/static/store.css?v=…`), so that
a browser can cache it for a year and a changed file has another address. The
theme is a stylesheet generated from the accent colour in `store.toml`.
"""

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

from msrv.catalog.model import Shop

_TYPES: Final = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}

DARK_GROUND: Final = "#0c0a09"
LIGHT_GROUND: Final = "#f7f2e9"
_MIN_CONTRAST: Final = 4.6
"""A little over 4.5, for panels that are slightly off the background."""
_STEPS: Final = 20

_Colour = tuple[float, float, float]
_WHITE: Final = (1.0, 1.0, 1.0)
_BLACK: Final = (0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, ready to send. `etag` is quoted; `packed` is gzip."""

    media_type: str
    data: bytes
    packed: bytes
    etag: str

    @property
    def packed_etag(self) -> str:
        """ETag of the gzip form, which is another representation."""
        return f'"{self.version}-gz"'

    @property
    def version(self) -> str:
        """Value of `?v=` in the address."""
        return self.etag.strip('"')


def prepare(media_type: str, data: bytes) -> Asset:
    """Return an asset with the given content."""
    digest = hashlib.sha256(data).hexdigest()[:16]
    packed = gzip.compress(data, mtime=0)
    return Asset(media_type, data, packed, f'"{digest}"')


class Assets:
    """Files of `static/`; with `fresh`, read again for each request."""

    def __init__(self, *, fresh: bool = False) -> None:
        self._fresh = fresh
        self._prepared = self._read()

    def get(self, name: str) -> Asset | None:
        """Return a file by its name, or None."""
        return self._all().get(name)

    def url(self, name: str) -> str:
        """Return the address of a file. Raises KeyError."""
        return f"/static/{name}?v={self._all()[name].version}"

    def _all(self) -> dict[str, Asset]:
        if self._fresh:
            self._prepared = self._read()
        return self._prepared

    @staticmethod
    def _read() -> dict[str, Asset]:
        prepared = {}
        for file in files("msrv.web").joinpath("static").iterdir():
            suffix = file.name.rpartition(".")[2]
            if file.is_file() and suffix in _TYPES:
                prepared[file.name] = prepare(
                    _TYPES[suffix], file.read_bytes()
                )
        return prepared


@lru_cache(maxsize=8)
def theme_stylesheet(shop: Shop) -> str:
    """Return the custom properties that depend on `store.toml`."""
    name = max(len(shop.name), 4)
    dark = readable(shop.accent, DARK_GROUND)
    light = readable(shop.accent, LIGHT_GROUND)
    return (
        f":root{{--name-length:{name};--accent:{dark};"
        f"--on-accent:{_text_colour_on(dark)}}}"
        "@media (prefers-color-scheme:light){"
        f":root{{--accent:{light};--on-accent:{_text_colour_on(light)}}}}}\n"
    )


@lru_cache(maxsize=8)
def theme_url(shop: Shop) -> str:
    """Return the theme's address, which changes with its content."""
    digest = hashlib.sha256(theme_stylesheet(shop).encode()).hexdigest()[:16]
    return f"/theme.css?v={digest}"


def readable(colour: str, ground: str) -> str:
    """Return a colour (`#rrggbb`), adjusted to be readable on a background.

    Text must reach a contrast of 4.5:1 (WCAG 2.2, success criterion 1.4.3),
    so the colour is mixed with white or black, in steps, until it does.
    """
    start, base = _rgb(colour), _rgb(ground)
    target = _BLACK if _luminance(base) > 0.5 else _WHITE
    for step in range(_STEPS + 1):
        mixed = _mix(start, target, step / _STEPS)
        if contrast(_hex(mixed), ground) >= _MIN_CONTRAST:
            return _hex(mixed)
    return _hex(target)


def contrast(one: str, other: str) -> float:
    """Return WCAG's contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))))
    return (high + 0.05) / (low + 0.05)


def _text_colour_on(colour: str) -> str:
    """Return black or white, for text on a colour."""
    white, black = _hex(_WHITE), _hex(_BLACK)
    return (
        black if contrast(colour, black) >= contrast(colour, white) else white
    )


def _luminance(colour: _Colour) -> float:
    """Return WCAG's relative luminance."""
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
