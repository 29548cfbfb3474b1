# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Amounts of sales: net and tax, and what of them went back. Pure."""

from dataclasses import dataclass

from msrv.taxes.country_decisions import CountryDecision
from msrv.taxes.sale_tax import CountryEvidence, SaleTax


@dataclass(frozen=True, slots=True)
class Amounts:
    """Amounts in minor units of a currency; net and tax add up to gross."""

    net_minor: int = 0
    tax_minor: int = 0

    @property
    def gross_minor(self) -> int:
        """Amount that buyers paid."""
        return self.net_minor + self.tax_minor

    def __add__(self, other: "Amounts") -> "Amounts":
        """Return the sum."""
        return Amounts(
            self.net_minor + other.net_minor, self.tax_minor + other.tax_minor
        )

    def __sub__(self, other: "Amounts") -> "Amounts":
        """Return the difference."""
        return Amounts(
            self.net_minor - other.net_minor, self.tax_minor - other.tax_minor
        )


def amounts_of(total_minor: int, tax: SaleTax | None) -> Amounts:
    """Return the amounts of prices; a tax that isn't known counts as none."""
    known = tax or SaleTax()
    return Amounts(known.net_minor(total_minor), known.tax_minor or 0)


@dataclass(frozen=True, slots=True)
class SalesSum:
    """Sum of sales of which all but the amounts is the same.

    `total_minor` is that of their prices, and `tax` has that of their taxes.
    """

    currency: str
    orders: int
    total_minor: int
    tax: SaleTax | None

    @property
    def evidence(self) -> tuple[CountryEvidence, ...]:
        """Pieces of evidence of the country."""
        return self.tax.evidence if self.tax else ()


@dataclass(frozen=True, slots=True)
class Repayment:
    """Money that went back: `amount_minor` of the `paid_minor` of an order.

    `at` is in Unix seconds.
    """

    at: int
    amount_minor: int
    paid_minor: int


@dataclass(frozen=True, slots=True)
class TaxedOrder:
    """Order with what a report needs of it; repayments are oldest first.

    `total_minor` is the sum of its prices, without a tax that was added.
    `decision` is the seller's on its country, which counts before the tax.
    """

    order_id: str
    sold_at: int
    currency: str
    total_minor: int
    tax: SaleTax | None
    repayments: tuple[Repayment, ...] = ()
    decision: CountryDecision | None = None

    @property
    def sold(self) -> Amounts:
        """Amounts of the sale."""
        proven = amounts_of(self.total_minor, self.tax)
        if self.decision is None:
            return proven
        tax_minor = self.decision.tax_minor
        return Amounts(proven.gross_minor - tax_minor, tax_minor)

    def repaid_before(self, time: int) -> Amounts:
        """Return what had gone back before a time, with its share of the tax.

        The shares of all repayments are rounded together, half up, so that
        those of an order that was repaid whole add up to its tax.
        """
        sold = self.sold
        gross = gone = 0
        for each in self.repayments:
            if each.at >= time:
                break
            gone += each.amount_minor
            paid = each.paid_minor or sold.gross_minor
            part = min(gone, paid)
            gross = max(gross, sold.gross_minor * part // paid)
        if not gross:
            return Amounts()
        whole = sold.gross_minor
        tax = (2 * sold.tax_minor * gross + whole) // (2 * whole)
        return Amounts(gross - tax, tax)
