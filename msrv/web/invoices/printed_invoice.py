# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Texts of an invoice or a credit note, in the current language.

Apart from the PDF, which is drawn in a thread, and knows no language.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from msrv.ledger.invoices.documents import (
    Document,
    DocumentKind,
    NumberedDocument,
    TaxBasis,
)
from msrv.proofs.receipts import is_simulated
from msrv.translations import current_language, gettext
from msrv.translations.countries import country_name
from msrv.translations.dates import format_interval
from msrv.translations.prices import format_rate
from msrv.web.formatting import amount
from msrv.web.invoices.factur_x import BuyerDetails


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """Row of the table: the title of an item, and what it costs."""

    title: str
    amount: str


@dataclass(frozen=True, slots=True)
class PrintedInvoice:
    """Everything that a page of an invoice says, ready to be drawn.

    `language` is a tag of BCP 47, `direction` is `ltr` or `rtl`. `at` is the
    document's time in Unix seconds. The last of the totals is the sum.
    """

    title: str
    store: str
    language: str
    direction: str
    at: int
    seller: tuple[str, ...]
    buyer_label: str
    buyer: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    columns: tuple[str, str]
    lines: tuple[PrintedLine, ...]
    totals: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


def printed_invoice(
    numbered: NumberedDocument, buyer: BuyerDetails
) -> PrintedInvoice:
    """Return the texts of a document, in the current language."""
    document = numbered.document
    language = current_language()
    is_simulation = is_simulated(document.provider)
    has_net_lines = not document.are_gross
    return PrintedInvoice(
        title=document_title(numbered),
        store=document.seller.name,
        language=language.tag,
        direction=language.direction,
        at=document.issued_at,
        seller=tuple(_seller(document)),
        buyer_label=gettext("Buyer"),
        buyer=tuple(_buyer(document, buyer)),
        facts=tuple(_facts(numbered)),
        columns=(
            gettext("Item"),
            gettext("Price without tax")
            if has_net_lines
            else gettext("Price"),
        ),
        lines=tuple(
            PrintedLine(
                line.title,
                amount(
                    line.net_minor if has_net_lines else line.gross_minor,
                    document.currency,
                ),
            )
            for line in document.lines
        ),
        totals=tuple(_totals(document)),
        notes=tuple(_notes(document, is_simulation=is_simulation)),
    )


def document_title(numbered: NumberedDocument) -> str:
    """Return the kind and the number of a document."""
    name = numbered.name
    if numbered.document.kind is DocumentKind.CREDIT_NOTE:
        return gettext("Credit note %(number)s", number=name)
    return gettext("Invoice %(number)s", number=name)


def _seller(document: Document) -> Iterator[str]:
    seller = document.seller
    yield seller.name
    yield seller.street
    yield f"{seller.postcode} {seller.city}"
    yield country_name(seller.country)
    if seller.vat_id:
        yield gettext("VAT number: %(number)s", number=seller.vat_id)
    if seller.tax_number:
        yield gettext("Tax number: %(number)s", number=seller.tax_number)


def _buyer(document: Document, buyer: BuyerDetails) -> Iterator[str]:
    if buyer.name:
        yield buyer.name
    yield from buyer.address
    if document.country:
        yield country_name(document.country)
    elif not buyer.name:
        yield gettext(
            "The buyer of order %(number)s", number=document.order_id
        )
    if buyer.vat_id:
        yield gettext("VAT number: %(number)s", number=buyer.vat_id)


def _facts(numbered: NumberedDocument) -> Iterator[tuple[str, str]]:
    document = numbered.document
    if document.kind is DocumentKind.CREDIT_NOTE:
        yield gettext("Number of the credit note"), numbered.name
    else:
        yield gettext("Invoice number"), numbered.name
    yield gettext("Date"), _day(document.issued_at)
    yield gettext("Date of supply"), _day(document.sold_at)
    yield gettext("Order"), document.order_id
    if document.corrects:
        yield gettext("Corrects invoice"), document.corrects


def _totals(document: Document) -> Iterator[tuple[str, str]]:
    currency = document.currency
    if document.basis is not TaxBasis.UNKNOWN:
        yield gettext("Net"), amount(document.net_minor, currency)
        if document.rate_bp is None:
            name = gettext("Tax")
        else:
            name = gettext("Tax %(rate)s", rate=format_rate(document.rate_bp))
        yield name, amount(document.tax_minor, currency)
    if document.kind is DocumentKind.CREDIT_NOTE:
        name = gettext("Total refunded")
    else:
        name = gettext("Total paid")
    yield name, amount(document.gross_minor, currency)


def _notes(document: Document, *, is_simulation: bool) -> Iterator[str]:
    if is_simulation:
        yield gettext(
            "This is a test: the payment was simulated, and no money moved."
        )
    if document.kind is DocumentKind.CREDIT_NOTE:
        yield gettext(
            "This credit note corrects invoice %(number)s: the amount was "
            "refunded.",
            number=document.corrects,
        )
    elif document.kind is DocumentKind.RENEWED:
        yield gettext(
            "This invoice charges again what a credit note to invoice "
            "%(number)s had credited: the refund was not made.",
            number=document.corrects,
        )
    if document.tax_minor and document.are_gross:
        yield gettext("Prices include the tax.")
    elif document.basis is TaxBasis.EXEMPT:
        yield document.exemption
    elif document.basis is TaxBasis.REVERSE_CHARGE:
        yield gettext("Reverse charge: the buyer owes the tax.")
    elif document.basis is TaxBasis.UNKNOWN:
        yield gettext("This document states no tax.")
    yield gettext("Delivered by download.")


def _day(at: int) -> str:
    return format_interval(f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}")
