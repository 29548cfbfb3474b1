# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sums of a quarter for the one-stop shop of the European Union (OSS).

By country of consumption and rate, as a return under Article 369g of
Directive 2006/112/EC states them: refunds of earlier quarters' sales are
corrections of those quarters. What isn't part of such a return is summed
apart, so that all sums together are the quarter's sales.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from msrv.taxes.countries import EU_COUNTRIES, country_of_tax
from msrv.taxes.country_decisions import CountryDecision
from msrv.taxes.quarters import Quarter
from msrv.taxes.sale_amounts import (
    Amounts,
    SalesSum,
    TaxedOrder,
    amounts_of,
)
from msrv.taxes.sale_tax import SaleTax

MAX_UNDECIDED: Final = 500
"""Sales that a report lists for a decision; all of them are counted."""


class SaleGroup(StrEnum):
    """Part of an OSS return that a sale belongs to, or none."""

    OSS = "oss"
    """To consumers in other member states."""
    OWN = "own-country"
    BUSINESS = "business"
    """To buyers in other member states who stated a tax number."""
    OUTSIDE = "outside-eu"
    UNDECIDED = "undecided"


class UndecidedReason(StrEnum):
    """Why it can't be known where a sale belongs."""

    NO_COUNTRY = "no-country"
    CONTRADICTION = "contradiction"
    NO_RATE = "no-rate"


@dataclass(frozen=True, slots=True, order=True)
class RowKey:
    """Group, quarter, currency, country and rate of a row.

    `sale_quarter` is that of the sales. `rate_bp` is in basis points, -1
    where it isn't known.
    """

    group: SaleGroup
    sale_quarter: Quarter
    currency: str
    country: str
    rate_bp: int


@dataclass(frozen=True, slots=True)
class ReportRow:
    """Sums of a key: orders, what was sold, and what of that was repaid.

    In a row of an earlier quarter, a correction, nothing is sold. Of
    `decided` of the orders, the seller decided the country.
    """

    key: RowKey
    orders: int
    sold: Amounts
    repaid: Amounts
    decided: int = 0

    @property
    def left(self) -> Amounts:
        """Amounts that remain to be declared; negative in a correction."""
        return self.sold - self.repaid


@dataclass(frozen=True, slots=True)
class UndecidedSale:
    """Sale whose place in the return the seller has to decide."""

    order: TaxedOrder
    reason: UndecidedReason


@dataclass(frozen=True, slots=True)
class OssReport:
    """Sums of a quarter.

    `rows` are those of its own sales, `corrections` those of earlier ones.
    `undecided` are at most MAX_UNDECIDED of the quarter's sales, the oldest
    first, of `undecided_count`. `with_one_evidence` counts sales to other
    member states with only one piece of evidence. `decided` are at most as
    many of the quarter's sales whose country the seller decided.
    """

    quarter: Quarter
    own_country: str
    rows: tuple[ReportRow, ...]
    corrections: tuple[ReportRow, ...]
    undecided: tuple[UndecidedSale, ...]
    undecided_count: int
    with_one_evidence: int
    decided: tuple[TaxedOrder, ...] = ()

    def of(self, *groups: SaleGroup) -> tuple[ReportRow, ...]:
        """Return the rows of some groups."""
        return tuple(row for row in self.rows if row.key.group in groups)


def group_of(
    tax: SaleTax | None,
    own_country: str,
    decision: CountryDecision | None = None,
) -> tuple[SaleGroup, UndecidedReason | None]:
    """Return the group of a sale, and why it is undecided."""
    if decision is not None:
        tax = replace(
            tax or SaleTax(),
            country=decision.country,
            evidence=(),
            tax_minor=decision.tax_minor,
            rate_bp=decision.rate_bp,
        )
    if tax is None or not tax.country or tax.is_contradicted:
        is_known = tax is not None and tax.is_contradicted
        reason = (
            UndecidedReason.CONTRADICTION
            if is_known
            else UndecidedReason.NO_COUNTRY
        )
        return SaleGroup.UNDECIDED, reason
    country = country_of_tax(tax.country)
    if own_country and country == country_of_tax(own_country):
        return SaleGroup.OWN, None
    if country not in EU_COUNTRIES:
        return SaleGroup.OUTSIDE, None
    if tax.is_business:
        return SaleGroup.BUSINESS, None
    if tax.rate_bp is None:
        return SaleGroup.UNDECIDED, UndecidedReason.NO_RATE
    return SaleGroup.OSS, None


@dataclass(slots=True)
class _Sums:
    orders: int = 0
    sold: Amounts = field(default_factory=Amounts)
    repaid: Amounts = field(default_factory=Amounts)
    decided: int = 0


class ReportBuilder:
    """Builder of a quarter's report, from sums and single orders."""

    def __init__(self, quarter: Quarter, own_country: str) -> None:
        self._quarter = quarter
        self._own_country = own_country
        self._sums: dict[RowKey, _Sums] = {}
        self._undecided: list[UndecidedSale] = []
        self._decided: list[TaxedOrder] = []
        self._counts: Counter[str] = Counter()

    def add_sales(self, sales: Iterable[SalesSum]) -> None:
        """Add what was sold in the quarter."""
        for each in sales:
            group, reason = group_of(each.tax, self._own_country)
            key = _key(group, self._quarter, each.currency, each.tax)
            sums = self._sums.setdefault(key, _Sums())
            sums.orders += each.orders
            sums.sold += amounts_of(each.total_minor, each.tax)
            if reason is not None:
                self._counts["undecided"] += each.orders
            elif group is SaleGroup.OSS and len(each.evidence) == 1:
                self._counts["one evidence"] += each.orders

    def add_decided(self, orders: Iterable[TaxedOrder]) -> None:
        """Add sales of the quarter whose country the seller decided."""
        for order in orders:
            sums = self._sums_of(order)
            sums.orders += 1
            sums.decided += 1
            sums.sold += order.sold
            if len(self._decided) < MAX_UNDECIDED:
                self._decided.append(order)
            _, reason = group_of(order.tax, self._own_country, order.decision)
            if reason is not None:  # the seller's own country has changed
                self._counts["undecided"] += 1
                self._undecided.append(UndecidedSale(order, reason))

    def _sums_of(self, order: TaxedOrder) -> _Sums:
        """Return the sums that an order belongs to."""
        group, _ = group_of(order.tax, self._own_country, order.decision)
        quarter = Quarter.of(order.sold_at)
        key = _key(group, quarter, order.currency, order.tax, order.decision)
        return self._sums.setdefault(key, _Sums())

    def add_repayments(self, orders: Iterable[TaxedOrder]) -> None:
        """Add what went back in the quarter of orders, each once."""
        for order in orders:
            repaid = order.repaid_before(self._quarter.before)
            repaid -= order.repaid_before(self._quarter.since)
            if repaid == Amounts():
                continue
            sums = self._sums_of(order)
            sums.repaid += repaid
            if Quarter.of(order.sold_at) != self._quarter:
                sums.orders += 1
                sums.decided += order.decision is not None

    def list_undecided(self, orders: Iterable[TaxedOrder]) -> bool:
        """List those that are undecided; return whether more fit the list."""
        for order in orders:
            _, reason = group_of(order.tax, self._own_country)
            if reason is not None and len(self._undecided) < MAX_UNDECIDED:
                self._undecided.append(UndecidedSale(order, reason))
        return len(self._undecided) < MAX_UNDECIDED

    def report(self) -> OssReport:
        """Return the report of what was added."""
        rows = [
            ReportRow(key, sums.orders, sums.sold, sums.repaid, sums.decided)
            for key, sums in sorted(
                self._sums.items(), key=lambda pair: pair[0]
            )
        ]
        return OssReport(
            self._quarter,
            self._own_country,
            tuple(
                row for row in rows if row.key.sale_quarter == self._quarter
            ),
            tuple(
                row for row in rows if row.key.sale_quarter != self._quarter
            ),
            tuple(self._undecided),
            self._counts["undecided"],
            self._counts["one evidence"],
            tuple(self._decided),
        )


def _key(
    group: SaleGroup,
    quarter: Quarter,
    currency: str,
    tax: SaleTax | None,
    decision: CountryDecision | None = None,
) -> RowKey:
    known = decision or tax or SaleTax()
    return RowKey(
        group,
        quarter,
        currency,
        country_of_tax(known.country),
        -1 if known.rate_bp is None else known.rate_bp,
    )
