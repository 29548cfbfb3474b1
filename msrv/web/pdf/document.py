# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""PDF documents of sections with facts: the same bytes for the same facts.

The font, DejaVu Sans, is embedded: it has Latin, Cyrillic, Greek, Arabic and
Hebrew, among others. A character that it lacks, such as a Chinese one, is
written by its code point, `[U+65E5]`, and never as an empty box.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msrv.settings.optional_packages import require_packages

if TYPE_CHECKING:
    from fpdf import FPDF

FONT: Final = Path(__file__).with_name("DejaVuSans.ttf")
_FAMILY: Final = "sans"
_MARGIN_MM: Final = 18
_TITLE_POINTS: Final = 15
_HEADING_POINTS: Final = 11
_TEXT_POINTS: Final = 9
_NAME_MM: Final = 52
_LINE_MM: Final = 4.6
_GREY: Final = 95
_KEPT_LINES: Final = 40
"""A fact of more lines may be broken over two pages."""


@dataclass(frozen=True, slots=True)
class PdfSection:
    """Section of a document: facts with their names, or a text."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    text: str = ""


def pdf_document(
    title: str, author: str, sections: Iterable[PdfSection], at: int
) -> bytes:
    """Return a PDF document. Blocks for a fraction of a second.

    `at` is the document's time, in Unix seconds. Raises PackageMissing if
    PDFs can't be written here.
    """
    require_packages("pdf", "Writing a PDF")
    from fpdf import FPDF  # noqa: PLC0415 - slow to import, and optional
    from fpdf.enums import XPos, YPos  # noqa: PLC0415 - as above

    pdf = FPDF(format="A4")
    # A title may contain what stands for the number of pages.
    pdf.str_alias_nb_pages = ""
    pdf.set_creation_date(datetime.fromtimestamp(at, UTC))
    pdf.set_title(title)
    pdf.set_author(author)
    pdf.set_producer("MSRV")
    pdf.set_margin(_MARGIN_MM)
    pdf.set_auto_page_break(True, _MARGIN_MM)  # noqa: FBT003 - the library's
    pdf.add_font(_FAMILY, fname=FONT)
    pdf.set_text_shaping(True)
    pdf.add_page()

    def write(text: str, points: float, *, grey: bool = False) -> None:
        pdf.set_font(_FAMILY, size=points)
        pdf.set_text_color(_GREY if grey else 0)
        pdf.multi_cell(
            0,
            points * 0.5,
            writable(text),
            align="L",
            new_x=XPos.LMARGIN,
            new_y=YPos.NEXT,
        )

    write(title, _TITLE_POINTS)
    write(author, _TEXT_POINTS, grey=True)
    for section in sections:
        pdf.ln(_LINE_MM)
        write(section.title, _HEADING_POINTS)
        pdf.ln(1)
        if section.text:
            write(section.text, _TEXT_POINTS)
        pdf.set_font(_FAMILY, size=_TEXT_POINTS)
        pdf.set_text_color(0)
        for name, value in section.facts:
            _write_fact(pdf, name, value)
    return bytes(pdf.output())


def _write_fact(pdf: "FPDF", name: str, value: str) -> None:
    """Write a name, and beside it the value, on one page if they fit."""
    texts = (writable(name), writable(value))
    widths = (_NAME_MM, pdf.epw - _NAME_MM)
    lines = max(
        _line_count(pdf, text, width)
        for text, width in zip(texts, widths, strict=True)
    )
    if pdf.will_page_break(min(lines, _KEPT_LINES) * _LINE_MM):
        pdf.add_page()
    left, top = pdf.get_x(), pdf.get_y()
    pdf.multi_cell(widths[0] - 3, _LINE_MM, texts[0], align="L")
    below = pdf.get_y()
    pdf.set_xy(left + widths[0], top)
    pdf.multi_cell(widths[1], _LINE_MM, texts[1], align="L")
    pdf.set_xy(left, max(below, pdf.get_y()) + 1)


def _line_count(pdf: "FPDF", text: str, width_mm: float) -> int:
    """Return how many lines a text takes."""
    found = pdf.multi_cell(
        width_mm, _LINE_MM, text, dry_run=True, output="LINES", align="L"
    )
    assert isinstance(found, list)  # noqa: S101 - as was asked for
    return len(found)


def writable(text: str) -> str:
    """Return a text in which each character has a glyph.

    Others are written by their code points, with spaces at which a line can be
    broken; format characters are left out.
    """
    known = _code_points()
    pieces: list[str] = []
    for has_glyph, run in groupby(
        text, lambda each: ord(each) in known or each == "\n"
    ):
        if has_glyph:
            pieces.extend(run)
            continue
        missing = [f"U+{ord(each):04X}" for each in run if each.isprintable()]
        if missing:
            pieces.append(f"[{' '.join(missing)}]")
    return "".join(pieces)


@cache
def _code_points() -> frozenset[int]:
    """Return the characters that the font has."""
    from fontTools.ttLib import TTFont  # noqa: PLC0415 - slow to import

    with TTFont(FONT, lazy=True) as font:
        return frozenset(font.getBestCmap())
