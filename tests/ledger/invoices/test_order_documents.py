# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""What follows from an order and its refunds: sums that always agree."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msrv.catalog.details.invoicing import InvoiceRules, Seller
from msrv.ledger.db.order_queries import Order, OrderLine
from msrv.ledger.invoices.documents import NumberedDocument, TaxBasis
from msrv.ledger.invoices.order_documents import (
    documents_after_refunds,
    invoice_of,
)
from msrv.ledger.reversals.allocation import (
    LineRefund,
    ReversedAmount,
    allocate_refunds,
)
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


def prices_and_tax(
    data: st.DataObject, *, is_included: bool
) -> tuple[list[int], SaleTax]:
    """Draw the prices of an order, and its tax."""
    prices = data.draw(st.lists(st.integers(1, 5000), min_size=1, max_size=5))
    tax_minor = data.draw(st.integers(0, sum(prices) // 3))
    return prices, SaleTax("FR", tax_minor=tax_minor, is_included=is_included)


@pytest.mark.parametrize("is_included", [True, False])
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_sum_of_each_document_is_the_money_that_moved(
    data: st.DataObject, *, is_included: bool
) -> None:
    """Several refunds after each other, some of which fail, and the rest."""
    prices, tax = prices_and_tax(data, is_included=is_included)
    sold = order(prices, tax)
    items = {line.item_id: line.price_minor for line in sold.lines}
    paid = tax.gross_minor(sum(prices))
    made = [NumberedDocument("INV", 1, invoice_of(sold, RULES, NOON))]
    invoice = made[0].document
    assert invoice.tax_minor == tax.tax_minor
    assert invoice.gross_minor == paid
    amounts: list[ReversedAmount] = []
    steps = data.draw(st.integers(0, 5))
    for step in range(steps + 1):
        left = paid - sum(each.amount_minor for each in amounts)
        if step == steps:
            amounts.append(ReversedAmount(left))
        elif left and data.draw(st.booleans()):
            named = data.draw(st.lists(st.sampled_from(list(items))))
            amounts.append(
                ReversedAmount(
                    data.draw(st.integers(1, left)), tuple(set(named))
                )
            )
        elif amounts:
            amounts.pop(data.draw(st.integers(0, len(amounts) - 1)))
        refunds = allocate_refunds(items, paid, amounts)
        added = documents_after_refunds(made, refunds, NOON)
        moved = sum(each.sign * each.gross_minor for each in added)
        gone = sum(each.amount_minor for each in amounts)
        assert moved == paid - left - gone
        for each in added:
            for line in each.lines:
                assert line.gross_minor > 0
                assert 0 <= line.tax_minor <= line.gross_minor
            made.append(NumberedDocument("INV", len(made) + 1, each))
            assert each.position == len(made) - 1
        assert documents_after_refunds(made, refunds, NOON) == []
        for item, price in items.items():
            net = sum(
                each.document.sign * line.net_minor
                for each in made
                for line in each.document.lines
                if line.item_id == item
            )
            if not is_included:
                # The ledger counts the same of each line.
                assert net == price - refunds[item].part_of_price(price)
    kept = [each.document.sign * each.document.gross_minor for each in made]
    assert sum(kept) == 0
    taxes = [each.document.sign * each.document.tax_minor for each in made]
    assert sum(taxes) == 0


def test_order_whose_tax_was_not_known_is_credited_in_proportion() -> None:
    """Its invoice states the prices, and the payment had a tax in it."""
    sold = order([1000], None)
    made = [NumberedDocument("INV", 1, invoice_of(sold, RULES, NOON))]
    refunds = {"item-0": LineRefund(540, 1080)}
    (note,) = documents_after_refunds(made, refunds, NOON)
    assert (note.gross_minor, note.tax_minor) == (500, 0)


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
