# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files of a store's look: logo, banner, background, fonts, a stylesheet.

Apart from `theme_reader`, since the catalog's model has them too.
"""

from dataclasses import dataclass, field
from typing import Final

THEME_FOLDER: Final = "theme"
"""Folder in the library for these files, which are not for sale."""
SUFFIXES: Final = frozenset(
    {
        ".avif",
        ".css",
        ".gif",
        ".jpeg",
        ".jpg",
        ".md",
        ".png",
        ".svg",
        ".txt",
        ".webp",
        ".woff2",
    }
)
"""Suffixes of files in that folder; with any other, it is a release."""


ICON_SIDE: Final = 180
"""Pixels of the icon on a phone's home screen."""
_SQUARE: Final = 1.25


def is_nearly_square(width: int, height: int) -> bool:
    """Return whether a picture's sides are about the same."""
    sides = sorted((width, height))
    return sides[0] > 0 and sides[1] <= _SQUARE * sides[0]


@dataclass(frozen=True, slots=True)
class ThemeFile:
    """One of the files, ready to be sent.

    `key` is that of `store.toml`, such as `logo` or `fonts.body`. `version`
    is a digest of the file in the library, so that it is the same on every
    replica. `width` and `height` are a picture's proportions, 0 if unknown.
    `icon` is a PNG of ICON_SIDE pixels each way, of a logo that can be one.
    """

    key: str
    media_type: str
    version: str
    data: bytes = field(repr=False, compare=False)
    width: int = 0
    height: int = 0
    icon: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def name(self) -> str:
        """Its name in addresses."""
        return NAMES[self.key]

    @property
    def is_nearly_square(self) -> bool:
        """True for a picture that can be an icon."""
        return is_nearly_square(self.width, self.height)

    @property
    def url(self) -> str:
        """Its address, which changes with its content."""
        return f"/theme/{self.name}?v={self.version}"


NAMES: Final = {
    "logo": "logo",
    "banner": "banner",
    "background": "background",
    "fonts.body": "body.woff2",
    "fonts.display": "display.woff2",
    "extra_css": "extra.css",
}
"""Names in addresses, by the keys of `store.toml`."""
