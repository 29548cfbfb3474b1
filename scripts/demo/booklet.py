# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The booklet: a PDF of a few square pages, with the fonts any reader has.

Courier's signs are all 600/1000 wide, so that a line of text can be measured
without a table; Helvetica is only ever set from the left.
"""

import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

SIDE: Final = 340.0
"""A page's side in points: 12 cm, as in a jewel case."""

MARGIN: Final = 28.0

Colour = tuple[float, float, float]
BLACK: Final[Colour] = (0.059, 0.055, 0.051)
PAPER: Final[Colour] = (0.949, 0.925, 0.882)
RED: Final[Colour] = (1.0, 0.231, 0.188)

_FONTS: Final = {
    "B": "Helvetica-Bold",
    "C": "Courier",
    "D": "Courier-Bold",
}
_WIDTH: Final = 0.6


class Page:
    """One page, drawn from the top left, in points."""

    def __init__(self, ground: Colour, ink: Colour) -> None:
        self.ink = ink
        self._steps: list[str] = []
        self.box((0, 0, SIDE, SIDE), ground)

    def box(
        self, place: tuple[float, float, float, float], fill: Colour
    ) -> None:
        """Fill a box of left, top, width and height."""
        left, top, width, height = place
        self._steps.append(
            f"{_rgb(fill)} rg"
            f" {left:.2f} {SIDE - top - height:.2f}"
            f" {width:.2f} {height:.2f} re f"
        )

    def polygon(
        self, corners: Iterable[Sequence[float]], fill: Colour
    ) -> None:
        """Fill what lies between these corners."""
        path = " l ".join(f"{x:.2f} {SIDE - y:.2f}" for x, y in corners)
        start, _, rest = path.partition(" l ")
        self._steps.append(f"{_rgb(fill)} rg {start} m {rest} l h f")

    def text(
        self,
        at: tuple[float, float],
        text: str,
        font: str = "C8",
        ink: Colour | None = None,
    ) -> None:
        """Set a line with its baseline at `at`; `font` as in `B24`."""
        face, size = font[0], font[1:]
        raw = text.encode("cp1252").decode("latin-1")
        for sign in "\\()":
            raw = raw.replace(sign, f"\\{sign}")
        self._steps.append(
            f"BT /{face} {size} Tf {_rgb(ink or self.ink)} rg"
            f" {at[0]:.2f} {SIDE - at[1]:.2f} Td ({raw}) Tj ET"
        )

    def right(
        self, at: tuple[float, float], text: str, font: str = "C8"
    ) -> None:
        """Set a line of Courier that ends at `at`."""
        width = len(text) * _WIDTH * float(font[1:])
        self.text((at[0] - width, at[1]), text, font)

    def prose(
        self, at: tuple[float, float], text: str, columns: int = 47
    ) -> float:
        """Set a paragraph, and return the baseline of the line after it."""
        left, top = at
        for line in textwrap.wrap(text, columns, break_on_hyphens=False):
            self.text((left, top), line)
            top += 12
        return top

    def leader(self, top: float, name: str, value: str) -> None:
        """Set a line as a till receipt does: name, dots, value."""
        columns = int((SIDE - 2 * MARGIN) / (8 * _WIDTH))
        dots = "." * (columns - len(name) - len(value) - 2)
        self.text((MARGIN, top), f"{name} {dots} {value}")

    def content(self) -> bytes:
        """Return what the page draws, as a content stream."""
        return "\n".join(self._steps).encode("latin-1")


def write(pages: Sequence[Page], title: str, author: str) -> bytes:
    """Return a whole PDF 1.4 file (ISO 32000-1, 7.5)."""
    first = 4 + len(_FONTS)
    places = [first + 2 * place for place in range(len(pages))]
    kids = " ".join(f"{place} 0 R" for place in places)
    fonts = " ".join(
        f"/{face} {4 + place} 0 R" for place, face in enumerate(_FONTS)
    )
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (en) >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        f"<< /Title ({title}) /Author ({author}) >>".encode("cp1252"),
    ]
    objects += [
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{name}"
        " /Encoding /WinAnsiEncoding >>".encode()
        for name in _FONTS.values()
    ]
    for place, page in zip(places, pages, strict=True):
        content = page.content()
        objects += [
            f"<< /Type /Page /Parent 2 0 R"
            f" /MediaBox [0 0 {SIDE:g} {SIDE:g}]"
            f" /Resources << /Font << {fonts} >> >>"
            f" /Contents {place + 1} 0 R >>".encode(),
            b"<< /Length %d >>\nstream\n%s\nendstream"
            % (len(content), content),
        ]
    return _file(objects)


def _file(objects: Iterable[bytes]) -> bytes:
    """Join the objects, numbered, and a table of where each one is."""
    # The second line's bytes tell a mail program that this is not text.
    result = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    table = [b"0000000000 65535 f \n"]
    for number, body in enumerate(objects, 1):
        table.append(b"%010d 00000 n \n" % len(result))
        result += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(result)
    result += b"xref\n0 %d\n%s" % (len(table), b"".join(table))
    result += b"trailer\n<< /Size %d /Root 1 0 R /Info 3 0 R >>\n" % len(table)
    result += b"startxref\n%d\n%%%%EOF\n" % start
    return bytes(result)


def _rgb(colour: Colour) -> str:
    return " ".join(f"{part:.3f}" for part in colour)
