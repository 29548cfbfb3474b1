# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""What follows from an order and its refunds: sums that always agree."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msrv.catalog.details.invoicing import InvoiceRules, Seller
from msrv.ledger.db.order_queries import Order, OrderLine
from msrv.ledger.invoices.corrections import corrections_of, invoice_of
from msrv.ledger.invoices.documents import NumberedDocument, TaxBasis
from msrv.taxes.sale_tax import SaleTax
from tests.ledger.sample_events import NOON, order_id

RULES = InvoiceRules(
    Seller("Wet Coats", "Quay 1", "10115", "Berlin", "DE", "DE123456789"),
    NOON,
    "INV",
)


def order(prices: list[int], tax: SaleTax | None) -> Order:
    """Return an order of lines with these prices."""
    return Order(
        order_id(1),
        NOON,
        "stripe",
        "pi_1",
        "EUR",
        sum(prices),
        0,
        tuple(
            OrderLine(f"item-{at}", "Item", price, refunded=False)
            for at, price in enumerate(prices)
        ),
        tax=tax,
    )


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_documents_add_up_to_what_was_kept_of_each_line(
    data: st.DataObject,
) -> None:
    prices = data.draw(st.lists(st.integers(1, 5000), min_size=1, max_size=5))
    is_included = data.draw(st.booleans())
    tax = SaleTax(
        "FR",
        tax_minor=data.draw(st.integers(0, sum(prices) // 3)),
        is_included=is_included,
    )
    sold = order(prices, tax)
    made = [NumberedDocument("INV", 1, invoice_of(sold, RULES, NOON))]
    invoice = made[0].document
    assert invoice.tax_minor == tax.tax_minor
    assert invoice.gross_minor == tax.gross_minor(sum(prices))
    for _ in range(data.draw(st.integers(1, 6))):
        back = [data.draw(st.integers(0, price)) for price in prices]
        lines = tuple(
            replace(line, refunded_minor=minor)
            for line, minor in zip(sold.lines, back, strict=True)
        )
        now = replace(sold, lines=lines, refunded_minor=sum(back))
        for each in corrections_of(now, made, NOON):
            for line in each.lines:
                assert line.gross_minor > 0
                assert 0 <= line.tax_minor <= line.gross_minor
            made.append(NumberedDocument("INV", len(made) + 1, each))
            assert each.position == len(made) - 1
        assert corrections_of(now, made, NOON) == []
        kept = sum(
            each.document.sign * each.document.gross_minor for each in made
        )
        if is_included:
            assert kept == sum(prices) - sum(back)
        if back == prices:
            assert kept == 0
            assert not sum(
                each.document.sign * each.document.tax_minor for each in made
            )


@pytest.mark.parametrize(
    ("tax", "exemption", "expected"),
    [
        (None, "", TaxBasis.UNKNOWN),
        (SaleTax("FR"), "", TaxBasis.UNKNOWN),
        (SaleTax("FR"), "§ 19 UStG", TaxBasis.EXEMPT),
        (SaleTax("FR", tax_minor=9), "§ 19 UStG", TaxBasis.CHARGED),
        (SaleTax("FR", tax_minor=0), "", TaxBasis.CHARGED),
        (
            SaleTax("FR", tax_minor=0, is_business=True),
            "",
            TaxBasis.REVERSE_CHARGE,
        ),
        (
            SaleTax("FR", tax_minor=9, is_business=True),
            "",
            TaxBasis.CHARGED,
        ),
        (SaleTax("DE", tax_minor=0, is_business=True), "", TaxBasis.CHARGED),
        (SaleTax("US", tax_minor=0, is_business=True), "", TaxBasis.CHARGED),
    ],
)
def test_reverse_charge_is_for_businesses_in_other_member_states(
    tax: SaleTax | None, exemption: str, expected: TaxBasis
) -> None:
    rules = replace(RULES, tax_exemption=exemption)
    made = invoice_of(order([100], tax), rules, NOON)
    assert made.basis is expected
