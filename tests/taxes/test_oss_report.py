# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The OSS report: where each sale belongs, and its sums."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.taxes import oss_report
from msrv.taxes.oss_report import (
    OssReport,
    ReportBuilder,
    SaleGroup,
    UndecidedReason,
    group_of,
)
from msrv.taxes.quarters import Quarter
from msrv.taxes.rates import included_tax
from msrv.taxes.report_data import rate_text
from msrv.taxes.sale_amounts import (
    Amounts,
    Repayment,
    SalesSum,
    TaxedOrder,
)
from msrv.taxes.sale_tax import CountryEvidence, SaleTax
from tests.taxes.test_sale_tax import taxes

Q3, Q4 = Quarter(2026, 3), Quarter(2026, 4)
DAY = 86_400


def evidence(*countries: str) -> tuple[CountryEvidence, ...]:
    """Return pieces of evidence of countries."""
    kinds = ("billing-address", "card", "link")
    return tuple(map(CountryEvidence, kinds, countries))


def order(
    number: int,
    country: str = "FR",
    minor: int = 1200,
    rate_bp: int = 2000,
    *,
    at: int = Q4.since,
    repayments: tuple[Repayment, ...] = (),
) -> TaxedOrder:
    """Return an order whose prices include the tax."""
    tax = SaleTax(
        country,
        evidence(country, country),
        included_tax(minor, rate_bp),
        rate_bp=rate_bp,
    )
    return TaxedOrder(f"O{number}", at, "EUR", minor, tax, repayments)


def report(quarter: Quarter, orders: Sequence[TaxedOrder]) -> OssReport:
    """Return the report of a quarter for a German seller."""
    builder = ReportBuilder(quarter, "DE")
    sold = [each for each in orders if Quarter.of(each.sold_at) == quarter]
    builder.add_sales(
        SalesSum(each.currency, 1, each.total_minor, each.tax) for each in sold
    )
    builder.add_repayments(orders)
    builder.list_undecided(sold)
    return builder.report()


@pytest.mark.parametrize(
    ("tax", "own", "expected"),
    [
        (None, "DE", (SaleGroup.UNDECIDED, UndecidedReason.NO_COUNTRY)),
        (
            SaleTax(tax_minor=1),
            "DE",
            (SaleGroup.UNDECIDED, UndecidedReason.NO_COUNTRY),
        ),
        (
            SaleTax("FR", evidence("FR", "DE"), 1, rate_bp=2000),
            "DE",
            (SaleGroup.UNDECIDED, UndecidedReason.CONTRADICTION),
        ),
        (SaleTax("FR"), "DE", (SaleGroup.UNDECIDED, UndecidedReason.NO_RATE)),
        (SaleTax("DE"), "DE", (SaleGroup.OWN, None)),
        (SaleTax("DE", tax_minor=1, rate_bp=1), "", (SaleGroup.OSS, None)),
        (SaleTax("FR", tax_minor=1, rate_bp=1), "DE", (SaleGroup.OSS, None)),
        (SaleTax("FR", is_business=True), "DE", (SaleGroup.BUSINESS, None)),
        (SaleTax("US", is_business=True), "DE", (SaleGroup.OUTSIDE, None)),
        (SaleTax("GB"), "DE", (SaleGroup.OUTSIDE, None)),
        # Monaco is taxed as France is.
        (SaleTax("MC", tax_minor=1, rate_bp=1), "DE", (SaleGroup.OSS, None)),
        (SaleTax("MC"), "FR", (SaleGroup.OWN, None)),
    ],
    ids=str,
)
def test_sale_belongs_to_one_group(
    tax: SaleTax | None,
    own: str,
    expected: tuple[SaleGroup, UndecidedReason | None],
) -> None:
    assert group_of(tax, own) == expected


def test_sums_are_by_country_and_rate() -> None:
    found = report(
        Q4,
        [
            order(1),
            order(2),
            order(3, rate_bp=550),
            order(4, "MC"),
            order(5, "DE", rate_bp=1900),
        ],
    )
    rows = {
        (row.key.group, row.key.country, row.key.rate_bp): row
        for row in found.rows
    }
    assert len(rows) == len(found.rows) == 3
    french = rows[SaleGroup.OSS, "FR", 2000]
    assert (french.orders, french.sold) == (3, Amounts(3000, 600))
    assert french.sold.gross_minor == 3600
    assert rows[SaleGroup.OSS, "FR", 550].sold == Amounts(1137, 63)
    assert rows[SaleGroup.OWN, "DE", 1900].sold == Amounts(1008, 192)
    assert found.corrections == ()
    assert found.undecided_count == found.with_one_evidence == 0


def test_refund_of_an_earlier_quarter_is_a_correction_of_it() -> None:
    sold = order(
        1,
        at=Q3.since,
        repayments=(
            Repayment(Q3.before - 1, 300, 1200),
            Repayment(Q3.before, 600, 1200),
            Repayment(Q4.before, 300, 1200),
        ),
    )
    (before,) = report(Q3, [sold]).rows
    assert (before.sold, before.repaid) == (
        Amounts(1000, 200),
        Amounts(250, 50),
    )
    found = report(Q4, [sold])
    assert found.rows == ()
    (correction,) = found.corrections
    assert correction.key.sale_quarter == Q3
    assert correction.sold == Amounts()
    assert correction.left == Amounts(-500, -100)
    (last,) = report(Q4.shifted(1), [sold]).corrections
    assert last.left == Amounts(-250, -50)
    assert report(Q4.shifted(2), [sold]).corrections == ()


def test_undecided_sales_are_listed_with_their_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(oss_report, "MAX_UNDECIDED", 2)
    unknown = TaxedOrder("A", Q4.since, "EUR", 100, None)
    doubted = TaxedOrder(
        "B", Q4.since, "EUR", 100, SaleTax("FR", evidence("FR", "BE"))
    )
    untaxed = TaxedOrder("C", Q4.since, "EUR", 100, SaleTax("FR"))
    found = report(Q4, [unknown, doubted, untaxed])
    assert [
        (each.order.order_id, each.reason) for each in found.undecided
    ] == [
        ("A", UndecidedReason.NO_COUNTRY),
        ("B", UndecidedReason.CONTRADICTION),
    ]
    assert found.undecided_count == 3
    assert {row.key.group for row in found.rows} == {SaleGroup.UNDECIDED}
    assert sum(row.sold.gross_minor for row in found.rows) == 300


def test_sales_with_one_piece_of_evidence_are_counted() -> None:
    tax = SaleTax("FR", evidence("FR"), 20, rate_bp=2000)
    found = report(Q4, [TaxedOrder("A", Q4.since, "EUR", 120, tax), order(2)])
    assert found.with_one_evidence == 1


@st.composite
def orders(draw: st.DrawFn) -> list[TaxedOrder]:
    """Return orders of two years, with what went back of them since."""
    found = []
    for number in range(draw(st.integers(0, 8))):
        minor = draw(st.integers(1, 10**6))
        sold_at = Q3.since + draw(st.integers(0, 180)) * DAY
        tax = draw(st.none() | taxes(minor))
        paid = minor if tax is None else tax.gross_minor(minor)
        parts = draw(st.lists(st.integers(1, paid), max_size=3))
        days = sorted(draw(st.integers(0, 400)) for _ in parts)
        repayments = tuple(
            Repayment(sold_at + day * DAY, part, paid)
            for day, part in zip(days, parts, strict=True)
        )
        currency = draw(st.sampled_from(["EUR", "JPY"]))
        found.append(
            TaxedOrder(f"O{number}", sold_at, currency, minor, tax, repayments)
        )
    return found


@given(orders())
def test_reports_of_all_quarters_add_up_to_the_orders(
    sold: list[TaxedOrder],
) -> None:
    """Each sale and each refund is in one report, and no cent is lost."""
    left = gross = gone = 0
    for shift in range(10):
        quarter = Q3.shifted(shift)
        wanted = [each for each in sold if each.sold_at < quarter.before]
        found = report(quarter, wanted)
        for row in (*found.rows, *found.corrections):
            assert row.left.net_minor + row.left.tax_minor == (
                row.left.gross_minor
            )
            left += row.left.gross_minor
            gross += row.sold.gross_minor
            gone += row.repaid.gross_minor
        assert len(found.undecided) == found.undecided_count
    assert gross == sum(each.sold.gross_minor for each in sold)
    assert left == gross - gone
    assert gone == sum(
        min(
            each.sold.gross_minor,
            sum(part.amount_minor for part in each.repayments),
        )
        for each in sold
    )


@given(orders())
def test_what_was_repaid_whole_leaves_nothing(sold: list[TaxedOrder]) -> None:
    for each in sold:
        end = each.sold_at + 500 * DAY
        repaid = each.repaid_before(end)
        assert 0 <= repaid.tax_minor <= each.sold.tax_minor
        assert 0 <= repaid.gross_minor <= each.sold.gross_minor
        if repaid.gross_minor == each.sold.gross_minor:
            assert repaid == each.sold


@pytest.mark.parametrize(
    ("rate_bp", "text"),
    [(1900, "19"), (2550, "25.5"), (25, "0.25"), (0, "0"), (-1, "")],
)
def test_rate_is_written_without_zeros_at_its_end(
    rate_bp: int, text: str
) -> None:
    assert rate_text(rate_bp) == text
