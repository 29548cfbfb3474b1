# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Documents that follow from an order: its invoice, and what corrects it.

Pure: what was refunded is compared with what was credited so far, so that the
same document is never made twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from msrv.catalog.details.invoicing import InvoiceRules
from msrv.ledger.db.order_queries import Order
from msrv.ledger.invoices.documents import (
    Document,
    DocumentKind,
    DocumentLine,
    NumberedDocument,
    TaxBasis,
)
from msrv.ledger.reversals.allocation import LineRefund
from msrv.money import split
from msrv.taxes.countries import EU_COUNTRIES, country_of_tax
from msrv.taxes.sale_tax import SaleTax


def invoice_of(order: Order, rules: InvoiceRules, now: int) -> Document:
    """Return the invoice of an order, made at `now`, in Unix seconds."""
    tax = order.tax
    prices = [line.price_minor for line in order.lines]
    basis = _basis(tax, rules)
    tax_minor = 0
    if basis is TaxBasis.CHARGED and tax is not None:
        tax_minor = tax.tax_minor or 0
    taxes = split(tax_minor, prices)
    are_gross = tax is None or tax.is_included or not tax_minor
    return Document(
        order_id=order.order_id,
        position=0,
        kind=DocumentKind.INVOICE,
        issued_at=now,
        sold_at=order.sold_at,
        provider=order.provider,
        currency=order.currency,
        country=tax.country if tax else "",
        lines=tuple(
            DocumentLine(
                line.item_id,
                line.title,
                line.price_minor + (0 if are_gross else part),
                part,
            )
            for line, part in zip(order.lines, taxes, strict=True)
        ),
        seller=rules.seller,
        basis=basis,
        rate_bp=tax.rate_bp if tax and basis is TaxBasis.CHARGED else None,
        are_gross=are_gross,
        exemption=rules.tax_exemption if basis is TaxBasis.EXEMPT else "",
    )


def _basis(tax: SaleTax | None, rules: InvoiceRules) -> TaxBasis:
    """Return why there is a tax, or none.

    What the provider calculated comes before what the seller states. Within
    the European Union a business in another member state owes the tax itself
    (Article 196 of Directive 2006/112/EC).
    """
    if tax is not None and tax.tax_minor:
        return TaxBasis.CHARGED
    if rules.tax_exemption:
        return TaxBasis.EXEMPT
    if tax is None or tax.tax_minor is None:
        return TaxBasis.UNKNOWN
    home = country_of_tax(rules.seller.country)
    buyer = country_of_tax(tax.country)
    if tax.is_business and home != buyer and {home, buyer} <= EU_COUNTRIES:
        return TaxBasis.REVERSE_CHARGE
    return TaxBasis.CHARGED


def documents_after_refunds(
    made: Sequence[NumberedDocument],
    refunds: Mapping[str, LineRefund],
    now: int,
) -> list[Document]:
    """Return the documents that an order lacks after its invoice.

    `made` are its documents, the invoice first. A credit note for lines that
    were refunded by more than was credited, and a renewed invoice for lines
    that were refunded by less: their sums are the money that moved.
    """
    invoice = made[0]
    more: list[DocumentLine] = []
    less: list[DocumentLine] = []
    for line in invoice.document.lines:
        refund = refunds.get(line.item_id)
        if refund is None:
            continue
        gross = refund.part_of(line.gross_minor)
        tax = refund.part_of(line.tax_minor)
        for each in made[1:]:
            for one in each.document.lines:
                if one.item_id == line.item_id:
                    gross += each.document.sign * one.gross_minor
                    tax += each.document.sign * one.tax_minor
        if gross > 0:
            more.append(replace(line, gross_minor=gross, tax_minor=tax))
        elif gross < 0:
            less.append(replace(line, gross_minor=-gross, tax_minor=-tax))
    found: list[Document] = []
    for kind, lines in (
        (DocumentKind.CREDIT_NOTE, more),
        (DocumentKind.RENEWED, less),
    ):
        if lines:
            found.append(
                replace(
                    invoice.document,
                    position=len(made) + len(found),
                    kind=kind,
                    issued_at=now,
                    lines=tuple(lines),
                    corrects=invoice.name,
                )
            )
    return found
