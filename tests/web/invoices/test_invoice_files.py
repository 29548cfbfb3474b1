# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Files of invoices, judged by other programs: pypdf and factur-x.

factur-x has the XML Schemas of the standard.
"""

import io
from dataclasses import replace
from typing import Any

import facturx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from msrv.catalog.details.invoicing import Seller
from msrv.ledger.invoices.documents import (
    Document,
    DocumentKind,
    DocumentLine,
    NumberedDocument,
    TaxBasis,
    document_from_json,
    document_to_json,
)
from msrv.translations import Language, language_set_to
from msrv.web.invoices.factur_x import (
    NOBODY,
    BuyerDetails,
    factur_x,
)
from msrv.web.invoices.responses import document_pdf

NOON = 1_800_000_000
SELLER = Seller(
    "Wet <Coats> & Söhne", "Quay 1", "10115", "Berlin", "DE", "DE123456789"
)
HOSTILE = '{nb} Night </ram:Name> & "Bus" ]]> \u202eevil رحلة 東京'
INVOICE = NumberedDocument(
    "INV-2027",
    17,
    Document(
        order_id="MFRGGZDFMZTWQ2LKNNWG23TP",
        position=0,
        kind=DocumentKind.INVOICE,
        issued_at=NOON,
        sold_at=NOON - 90_000,
        provider="stripe",
        currency="EUR",
        country="FR",
        lines=(
            DocumentLine("bus", HOSTILE, 1200, 200),
            DocumentLine("zine", "Zine", 1, 0),
        ),
        seller=SELLER,
        basis=TaxBasis.CHARGED,
        rate_bp=2000,
    ),
)
BUYER = BuyerDetails("Kim <i>", ("Rue 1", "75001 Paris", "4", "5"), "FR12")


def with_changes(**changes: Any) -> NumberedDocument:  # noqa: ANN401 - of any field
    """Return the invoice with other values."""
    return replace(INVOICE, document=replace(INVOICE.document, **changes))


VALID = {
    "charged": INVOICE,
    "net prices": with_changes(are_gross=False),
    "exempt": with_changes(
        basis=TaxBasis.EXEMPT, rate_bp=None, exemption="§ 19 UStG"
    ),
    "reverse charge": with_changes(
        basis=TaxBasis.REVERSE_CHARGE,
        rate_bp=None,
        lines=(DocumentLine("zine", "Zine", 1, 0),),
    ),
    "credit note": with_changes(
        kind=DocumentKind.CREDIT_NOTE, position=1, corrects="INV-2027-00016"
    ),
    "yen": with_changes(currency="JPY"),
    "tax number alone": with_changes(
        seller=replace(SELLER, vat_id="", tax_number="12/345/67890")
    ),
}


@pytest.mark.parametrize("name", VALID)
@pytest.mark.parametrize("buyer", [NOBODY, BUYER], ids=["nobody", "buyer"])
def test_xml_is_valid_by_the_schemas_of_the_standard(
    name: str, buyer: BuyerDetails
) -> None:
    document = VALID[name]
    xml = factur_x(document, buyer)
    if name == "reverse charge" and buyer is NOBODY:
        assert xml is None
        return
    assert xml is not None
    assert facturx.xml_check_xsd(xml, flavor="factur-x", level="basic")
    assert document.name.encode() in xml


@pytest.mark.parametrize(
    "changes",
    [
        {"country": ""},
        {"rate_bp": None},
        {"rate_bp": 0},
        {"basis": TaxBasis.UNKNOWN},
        {"seller": replace(SELLER, country="US")},
    ],
)
def test_no_xml_is_made_of_what_is_not_known(
    changes: dict[str, Any],
) -> None:
    document = with_changes(**changes)
    assert factur_x(document, BUYER) is None
    pdf = PdfReader(io.BytesIO(document_pdf(document, BUYER)))
    assert not pdf.attachments
    assert "Invoice INV-2027-00017" in pdf.pages[0].extract_text()


@pytest.mark.parametrize("language", ["en", "de", "ar", "ja"])
def test_pdf_has_the_xml_and_says_the_same(language: str) -> None:
    with language_set_to(Language(language, language)):
        first, second = (document_pdf(INVOICE, BUYER) for _ in "12")
    assert first == second
    name, xml = facturx.get_xml_from_pdf(first)
    assert name == "factur-x.xml"
    assert xml == factur_x(INVOICE, BUYER)
    pdf = PdfReader(io.BytesIO(first))
    root: Any = pdf.root_object
    (attached,) = root["/AF"]
    assert attached.get_object()["/AFRelationship"] == "/Alternative"
    (intent,) = root["/OutputIntents"]
    assert intent.get_object()["/S"] == "/GTS_PDFA1"
    metadata = root["/Metadata"].get_data().decode()
    for each in (
        "<pdfaid:part>3</pdfaid:part>",
        "<pdfaid:conformance>B</pdfaid:conformance>",
        "<fx:ConformanceLevel>BASIC</fx:ConformanceLevel>",
        "2027-01-15T08:00:00+00:00",
    ):
        assert each in metadata
    stated = pdf.pages[0].extract_text()
    for each in (
        "INV-2027-00017",
        "DE123456789",
        "Kim <i>",
        "{nb}",
        "10.01",
        "2.00",
    ):
        assert each in stated.replace(",", "."), each
    # Every font is in the file.
    resources: Any = pdf.pages[0]["/Resources"]
    for font in resources["/Font"].values():
        (descendant,) = font.get_object()["/DescendantFonts"]
        descriptor = descendant.get_object()["/FontDescriptor"]
        assert "/FontFile2" in descriptor.get_object()


@pytest.mark.parametrize("language", ["de", "pl"])
def test_sum_without_tax_is_no_balance_after_refunds(language: str) -> None:
    with language_set_to(Language(language, language)):
        pdf = PdfReader(io.BytesIO(document_pdf(INVOICE, BUYER)))
    assert "Netto" in pdf.pages[0].extract_text()


@pytest.mark.slow
def test_hundred_long_lines_are_on_several_pages() -> None:
    line = DocumentLine("bus", "Départ " * 28, 700, 112)
    document = with_changes(lines=(line,) * 100)
    pdf = PdfReader(io.BytesIO(document_pdf(document, NOBODY)))
    assert len(pdf.pages) > 5
    last = pdf.pages[-1].extract_text()
    assert "€700.00" in last
    assert "Total paid" in last


_AMOUNTS = st.integers(0, 10**7)
_TEXTS = st.text(st.characters(exclude_categories=[]))
"""Any text at all: a document may be older than a rule for its title."""


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(_TEXTS, _AMOUNTS, _AMOUNTS), min_size=1, max_size=9),
    st.builds(BuyerDetails, _TEXTS, st.tuples(_TEXTS, _TEXTS), _TEXTS),
)
def test_xml_of_any_texts_is_valid_and_sums_of_any_lines_agree(
    rows: list[tuple[str, int, int]], buyer: BuyerDetails
) -> None:
    document = replace(
        INVOICE.document,
        lines=tuple(
            DocumentLine(str(at), title, net + tax, tax)
            for at, (title, net, tax) in enumerate(rows)
        ),
    )
    assert document.net_minor + document.tax_minor == document.gross_minor
    assert document_from_json(document_to_json(document)) == document
    xml = factur_x(replace(INVOICE, document=document), buyer)
    assert xml is not None
    assert facturx.xml_check_xsd(xml, flavor="factur-x", level="basic")
