# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""PDF of an invoice: PDF/A-3, with its XML as an attached file.

The same texts lead to the same bytes, on every replica: all times in it are
the document's, and the file's id follows from its content.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from msrv.settings.optional_packages import require_packages
from msrv.web.invoices.factur_x import CONFORMANCE, FILE_NAME
from msrv.web.invoices.printed_invoice import PrintedInvoice
from msrv.web.invoices.xmp import attachment_metadata, xmp_metadata
from msrv.web.pdf.document import FONT, writable

if TYPE_CHECKING:
    from fpdf import FPDF

_PRODUCER: Final = "MSRV"
_FAMILY: Final = "sans"
_MARGIN_MM: Final = 20
_TITLE_POINTS: Final = 17
_TEXT_POINTS: Final = 9.5
_SMALL_POINTS: Final = 8
_LINE_MM: Final = 5
_GAP_MM: Final = 8
_AMOUNT_MM: Final = 45
_LABEL_MM: Final = 45
_GREY: Final = 95
_RULE_MM: Final = 0.2


def invoice_pdf(invoice: PrintedInvoice, xml: bytes | None) -> bytes:
    """Return an invoice as a PDF. Blocks for a fraction of a second.

    Raises PackageMissing if PDFs can't be written here.
    """
    require_packages("pdf", "Writing a PDF")
    from fpdf import FPDF  # noqa: PLC0415 - slow to import, and optional

    pdf = FPDF(format="A4", enforce_compliance="PDF/A-3B")
    at = datetime.fromtimestamp(invoice.at, UTC)
    title, author = writable(invoice.title), writable(invoice.store)
    # A title may contain what stands for the number of pages.
    pdf.str_alias_nb_pages = ""
    pdf.set_creation_date(at)
    pdf.set_title(title)
    pdf.set_author(author)
    pdf.set_producer(_PRODUCER)
    pdf.set_lang(invoice.language)
    attachment = ""
    if xml is not None:
        attachment = attachment_metadata(FILE_NAME, CONFORMANCE)
        pdf.embed_file(
            bytes=xml,
            basename=FILE_NAME,
            mime_type="text/xml",
            modification_date=at,
            associated_file_relationship="ALTERNATIVE",
            desc="Factur-X",
            compress=True,
            checksum=True,
        )
    pdf.set_xmp_metadata(
        xmp_metadata(title, author, _PRODUCER, invoice.at, attachment)
    )
    pdf.set_margin(_MARGIN_MM)
    pdf.set_auto_page_break(True, _MARGIN_MM)  # noqa: FBT003 - the library's
    pdf.add_font(_FAMILY, fname=FONT)
    pdf.set_text_shaping(True)
    pdf.set_line_width(_RULE_MM)
    pdf.add_page()
    _Drawing(pdf, is_mirrored=invoice.direction == "rtl").draw(invoice)
    return bytes(pdf.output())


class _Drawing:
    """Drawing of one invoice, mirrored for a language from right to left."""

    def __init__(self, pdf: "FPDF", *, is_mirrored: bool) -> None:
        self._pdf = pdf
        self._is_mirrored = is_mirrored
        self._start, self._end = ("R", "L") if is_mirrored else ("L", "R")

    def draw(self, invoice: PrintedInvoice) -> None:
        pdf = self._pdf
        half = pdf.epw / 2
        top = pdf.get_y()
        below = self._block(invoice.seller, half, half, top)
        self._font(_TITLE_POINTS)
        self._cell(invoice.title, 0, half - _GAP_MM, top, _LINE_MM * 1.5)
        start = max(below, pdf.get_y()) + _GAP_MM
        self._font(_SMALL_POINTS, grey=True)
        self._cell(invoice.buyer_label, 0, half - _GAP_MM, start)
        self._font(_TEXT_POINTS)
        below = self._block(
            invoice.buyer, 0, half - _GAP_MM, pdf.get_y(), grey=False
        )
        pdf.set_y(start)
        for name, value in invoice.facts:
            self._pair(name, value, half, _LABEL_MM, half - _LABEL_MM)
        pdf.set_y(max(below, pdf.get_y()) + _GAP_MM)
        self._table(invoice)
        pdf.ln(_GAP_MM)
        self._font(_TEXT_POINTS)
        for note in invoice.notes:
            self._cell(note, 0, pdf.epw, pdf.get_y())

    def _table(self, invoice: PrintedInvoice) -> None:
        pdf = self._pdf
        self._font(_SMALL_POINTS, grey=True)
        self._row(*invoice.columns)
        self._rule()
        self._font(_TEXT_POINTS)
        for line in invoice.lines:
            self._row(line.title, line.amount)
        self._rule()
        # The sums stay together, on one page.
        if pdf.will_page_break(_LINE_MM * (len(invoice.totals) + 1)):
            pdf.add_page()
        for name, value in invoice.totals[:-1]:
            self._row(name, value)
        self._font(_TEXT_POINTS + 2)
        self._row(*invoice.totals[-1])

    def _row(self, text: str, amount: str) -> None:
        """Draw a text, and at the end of its first line an amount."""
        pdf = self._pdf
        width = pdf.epw - _AMOUNT_MM
        lines = pdf.multi_cell(
            width,
            _LINE_MM,
            writable(text),
            dry_run=True,
            output="LINES",
        )
        assert isinstance(lines, list)  # noqa: S101 - as was asked for
        if pdf.will_page_break(_LINE_MM * len(lines)):
            pdf.add_page()
        top = pdf.get_y()
        self._cell(amount, width, _AMOUNT_MM, top, align=self._end)
        self._cell(text, 0, width - 2, top)
        pdf.set_y(pdf.get_y() + 1)

    def _pair(
        self, name: str, value: str, at: float, label: float, width: float
    ) -> None:
        """Draw a fact: its name in grey, and beside it the value."""
        top = self._pdf.get_y()
        self._font(_SMALL_POINTS, grey=True)
        self._cell(name, at, label - 2, top)
        below = self._pdf.get_y()
        self._font(_TEXT_POINTS)
        self._cell(value, at + label, width, top)
        self._pdf.set_y(max(below, self._pdf.get_y()))

    def _block(
        self,
        lines: tuple[str, ...],
        at: float,
        width: float,
        top: float,
        *,
        grey: bool = False,
    ) -> float:
        """Draw lines below each other, and return the end."""
        self._font(_TEXT_POINTS, grey=grey)
        self._pdf.set_y(top)
        for line in lines:
            self._cell(line, at, width, self._pdf.get_y())
        return self._pdf.get_y()

    def _cell(
        self,
        text: str,
        at: float,
        width: float,
        top: float,
        height: float = _LINE_MM,
        *,
        align: str = "",
    ) -> None:
        """Draw a text in a column that begins `at` mm from the margin."""
        pdf = self._pdf
        left = pdf.epw - at - width if self._is_mirrored else at
        pdf.set_xy(pdf.l_margin + left, top)
        pdf.multi_cell(
            width,
            height,
            writable(text),
            align=align or self._start,
            new_x="LMARGIN",
            new_y="NEXT",
        )

    def _rule(self) -> None:
        pdf = self._pdf
        y = pdf.get_y()
        pdf.line(pdf.l_margin, y, pdf.l_margin + pdf.epw, y)
        pdf.set_y(y + 1.5)

    def _font(self, points: float, *, grey: bool = False) -> None:
        self._pdf.set_font(_FAMILY, size=points)
        self._pdf.set_text_color(_GREY if grey else 0)
