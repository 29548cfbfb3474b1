# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""XML of an invoice: Factur-X 1.0, which is ZUGFeRD 2, in its profile BASIC.

A Cross Industry Invoice of UN/CEFACT, with what EN 16931 asks for. There is
none where the standard asks for something that isn't known, such as the rate
of the tax: an invoice for programs must not guess.
https://fnfe-mpe.org/factur-x/factur-x_en/
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from msrv.ledger.invoices.documents import (
    Document,
    DocumentKind,
    NumberedDocument,
    TaxBasis,
)
from msrv.money import Money
from msrv.taxes.countries import EU_COUNTRIES
from msrv.web.discovery.xml_output import to_document

FILE_NAME: Final = "factur-x.xml"
CONFORMANCE: Final = "BASIC"
_GUIDELINE: Final = (
    "urn:cen.eu:en16931:2017#compliant#urn:factur-x.eu:1p0:basic"
)
_NAMESPACES: Final = {
    "xmlns:rsm": "urn:un:unece:uncefact:data:standard:"
    "CrossIndustryInvoice:100",
    "xmlns:ram": "urn:un:unece:uncefact:data:standard:"
    "ReusableAggregateBusinessInformationEntity:100",
    "xmlns:udt": "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
}
# UNTDID 1001: invoice, credit note.
_TYPES: Final = {
    DocumentKind.INVOICE: "380",
    DocumentKind.CREDIT_NOTE: "381",
    DocumentKind.RENEWED: "380",
}
# UNTDID 5305: standard rate, exempt, reverse charge.
_CATEGORIES: Final = {
    TaxBasis.CHARGED: "S",
    TaxBasis.EXEMPT: "E",
    TaxBasis.REVERSE_CHARGE: "AE",
}
_PAID_ONLINE: Final = "68"
"""Means of payment in UNTDID 4461: an online payment service."""
_ONE: Final = "C62"
"""Unit of UN/ECE Recommendation 20: one piece."""


@dataclass(frozen=True, slots=True)
class BuyerDetails:
    """Name, address and VAT number, as a buyer typed them.

    They are in the document that is made with them, and stored nowhere.
    """

    name: str = ""
    address: tuple[str, ...] = ()
    vat_id: str = ""


NOBODY: Final = BuyerDetails()


def factur_x(numbered: NumberedDocument, buyer: BuyerDetails) -> bytes | None:
    """Return the XML of a document, None where the standard can't be met."""
    document = numbered.document
    if not can_be_stated(document, buyer):
        return None
    root = Element("rsm:CrossIndustryInvoice", _NAMESPACES)
    _add(
        root,
        "rsm:ExchangedDocumentContext/"
        "ram:GuidelineSpecifiedDocumentContextParameter/ram:ID",
        _GUIDELINE,
    )
    head = _add(root, "rsm:ExchangedDocument")
    _add(head, "ram:ID", numbered.name)
    _add(head, "ram:TypeCode", _TYPES[document.kind])
    _add_date(head, "ram:IssueDateTime", document.issued_at)
    deal = _add(root, "rsm:SupplyChainTradeTransaction")
    _add_lines(deal, document)
    _add_parties(deal, document, buyer)
    _add_date(
        deal,
        "ram:ApplicableHeaderTradeDelivery/"
        "ram:ActualDeliverySupplyChainEvent/ram:OccurrenceDateTime",
        document.sold_at,
    )
    _add_settlement(deal, document)
    return to_document(root)


def can_be_stated(document: Document, buyer: BuyerDetails) -> bool:
    """Return whether everything that EN 16931 asks for is known."""
    if document.seller.country not in EU_COUNTRIES or not document.country:
        return False
    if document.basis is TaxBasis.CHARGED:
        return bool(document.rate_bp)
    if document.basis is TaxBasis.REVERSE_CHARGE:
        return bool(document.seller.vat_id and buyer.vat_id)
    return document.basis is TaxBasis.EXEMPT


def _add_lines(deal: Element, document: Document) -> None:
    for number, line in enumerate(document.lines, 1):
        item = _add(deal, "ram:IncludedSupplyChainTradeLineItem")
        _add(
            item, "ram:AssociatedDocumentLineDocument/ram:LineID", str(number)
        )
        _add(item, "ram:SpecifiedTradeProduct/ram:Name", line.title)
        net = _amount(line.net_minor, document)
        _add(
            item,
            "ram:SpecifiedLineTradeAgreement/"
            "ram:NetPriceProductTradePrice/ram:ChargeAmount",
            net,
        )
        _add(
            item,
            "ram:SpecifiedLineTradeDelivery/ram:BilledQuantity",
            "1",
            unitCode=_ONE,
        )
        settled = _add(item, "ram:SpecifiedLineTradeSettlement")
        tax = _add(settled, "ram:ApplicableTradeTax")
        _add(tax, "ram:TypeCode", "VAT")
        _add(tax, "ram:CategoryCode", _CATEGORIES[document.basis])
        _add(tax, "ram:RateApplicablePercent", _rate(document))
        _add(
            settled,
            "ram:SpecifiedTradeSettlementLineMonetarySummation/"
            "ram:LineTotalAmount",
            net,
        )


def _add_parties(
    deal: Element, document: Document, buyer: BuyerDetails
) -> None:
    agreed = _add(deal, "ram:ApplicableHeaderTradeAgreement")
    stated = document.seller
    seller = _add(agreed, "ram:SellerTradeParty")
    _add(seller, "ram:Name", stated.name)
    place = _add(seller, "ram:PostalTradeAddress")
    _add(place, "ram:PostcodeCode", stated.postcode)
    _add(place, "ram:LineOne", stated.street)
    _add(place, "ram:CityName", stated.city)
    _add(place, "ram:CountryID", stated.country)
    for scheme, number in (("VA", stated.vat_id), ("FC", stated.tax_number)):
        if number:
            _add(
                seller,
                "ram:SpecifiedTaxRegistration/ram:ID",
                number,
                schemeID=scheme,
            )
    customer = _add(agreed, "ram:BuyerTradeParty")
    # A consumer's name is not known; the order stands for it.
    _add(customer, "ram:Name", buyer.name or f"Order {document.order_id}")
    place = _add(customer, "ram:PostalTradeAddress")
    for name, line in zip(
        ("ram:LineOne", "ram:LineTwo", "ram:LineThree"),
        _three_lines(buyer.address),
        strict=False,
    ):
        _add(place, name, line)
    _add(place, "ram:CountryID", document.country)
    if buyer.vat_id:
        _add(
            customer,
            "ram:SpecifiedTaxRegistration/ram:ID",
            buyer.vat_id,
            schemeID="VA",
        )


def _three_lines(address: tuple[str, ...]) -> Iterator[str]:
    """Yield at most three lines, the rest in the third."""
    yield from address[:2]
    if address[2:]:
        yield ", ".join(address[2:])


def _add_settlement(deal: Element, document: Document) -> None:
    settled = _add(deal, "ram:ApplicableHeaderTradeSettlement")
    _add(settled, "ram:PaymentReference", document.order_id)
    _add(settled, "ram:InvoiceCurrencyCode", document.currency)
    _add(
        settled,
        "ram:SpecifiedTradeSettlementPaymentMeans/ram:TypeCode",
        _PAID_ONLINE,
    )
    net = _amount(document.net_minor, document)
    tax_amount = _amount(document.tax_minor, document)
    gross = _amount(document.gross_minor, document)
    tax = _add(settled, "ram:ApplicableTradeTax")
    _add(tax, "ram:CalculatedAmount", tax_amount)
    _add(tax, "ram:TypeCode", "VAT")
    if document.basis is TaxBasis.EXEMPT:
        _add(tax, "ram:ExemptionReason", document.exemption)
    elif document.basis is TaxBasis.REVERSE_CHARGE:
        _add(tax, "ram:ExemptionReason", "Reverse charge")
    _add(tax, "ram:BasisAmount", net)
    _add(tax, "ram:CategoryCode", _CATEGORIES[document.basis])
    _add(tax, "ram:RateApplicablePercent", _rate(document))
    sums = _add(settled, "ram:SpecifiedTradeSettlementHeaderMonetarySummation")
    _add(sums, "ram:LineTotalAmount", net)
    _add(sums, "ram:TaxBasisTotalAmount", net)
    _add(
        sums,
        "ram:TaxTotalAmount",
        tax_amount,
        currencyID=document.currency,
    )
    _add(sums, "ram:GrandTotalAmount", gross)
    _add(sums, "ram:TotalPrepaidAmount", gross)
    _add(sums, "ram:DuePayableAmount", _amount(0, document))
    if document.corrects:
        _add(
            settled,
            "ram:InvoiceReferencedDocument/ram:IssuerAssignedID",
            document.corrects,
        )


def _add(
    parent: Element, path: str, text: str | None = None, **attributes: str
) -> Element:
    """Add the elements of a path, and return the last one."""
    for name in path.split("/"):
        parent = SubElement(parent, name)
    parent.text = text
    parent.attrib.update(attributes)
    return parent


def _add_date(parent: Element, path: str, at: int) -> None:
    """Add a date, as UNTDID 2379 writes it in its format 102."""
    _add(
        parent,
        f"{path}/udt:DateTimeString",
        f"{datetime.fromtimestamp(at, UTC):%Y%m%d}",
        format="102",
    )


def _amount(minor: int, document: Document) -> str:
    return Money(minor, document.currency).decimal


def _rate(document: Document) -> str:
    """Return the rate in percent: `19.00`."""
    return str(Decimal(document.rate_bp or 0).scaleb(-2))
