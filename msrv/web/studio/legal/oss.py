# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""OSS report of a quarter: the page, its JSON, and its CSV file."""

from dataclasses import dataclass
from typing import Final

from aiohttp import web

from msrv.ledger.db.reports import item_sales
from msrv.ledger.db.taxes.taxed_orders import read_oss_report
from msrv.taxes.oss_report import (
    OssReport,
    ReportRow,
    SaleGroup,
    UndecidedReason,
    UndecidedSale,
)
from msrv.taxes.quarters import Quarter
from msrv.taxes.report_data import rate_text, report_data
from msrv.taxes.sale_amounts import TaxedOrder
from msrv.taxes.sale_tax import SaleTax
from msrv.translations import gettext
from msrv.translations.countries import country_name
from msrv.translations.dates import format_quarter
from msrv.translations.prices import format_rate
from msrv.web.errors import InvalidField
from msrv.web.store import STORE
from msrv.web.studio import activity, csv_export, page
from msrv.web.studio.order.tax_facts import decision_text

COLUMNS: Final = (
    "part",
    "group",
    "sale_quarter",
    "currency",
    "country",
    "rate_percent",
    "orders",
    "sold_net_minor",
    "sold_tax_minor",
    "sold_gross_minor",
    "refunded_net_minor",
    "refunded_tax_minor",
    "refunded_gross_minor",
    "net_minor",
    "net",
    "tax_minor",
    "tax",
    "gross_minor",
    "gross",
    "orders_decided_by_hand",
)
_MOST_QUARTERS: Final = 40


@dataclass(frozen=True, slots=True)
class ShownRow:
    """Row of a table: quarter of the sales, country and rate as texts."""

    row: ReportRow
    quarter: str
    country: str
    rate: str


@dataclass(frozen=True, slots=True)
class ShownSale:
    """Sale to be decided, with the reason as a text."""

    sale: UndecidedSale
    reason: str


async def show(request: web.Request) -> web.Response:
    """Show the report of a quarter, by default the last one that ended.

    Raises DatabaseError, InvalidField, NotReady.
    """
    quarter = _read_quarter(request)
    report = await _read_report(request, quarter)
    async with page.read_transaction(request) as connection:
        months = await item_sales.months_with_sales(connection)
    present = Quarter.of(request.app[STORE].clock())
    with_sales = {_quarter_of(month) for month in months}
    quarters = sorted({*with_sales, quarter, present}, reverse=True)
    return page.render(
        request,
        "oss.html",
        report_data(report),
        report=report,
        title=_quarter_text(quarter),
        quarters=[
            (str(each), _quarter_text(each))
            for each in quarters[:_MOST_QUARTERS]
        ],
        is_running=quarter >= present,
        to_declare=_shown(report.of(SaleGroup.OSS)),
        corrections=_shown(report.corrections),
        others=_shown(
            report.of(SaleGroup.OWN, SaleGroup.BUSINESS, SaleGroup.OUTSIDE)
        ),
        open_sums=report.of(SaleGroup.UNDECIDED),
        undecided=[_shown_sale(each) for each in report.undecided],
        decided=[(each, _decision_text(each)) for each in report.decided],
        actor_label=activity.actor_label,
        own_country=country_name(report.own_country)
        if report.own_country
        else "",
        groups=_group_names(),
    )


async def send_csv(request: web.Request) -> web.StreamResponse:
    """Send the sums of a quarter as CSV.

    Raises DatabaseError, InvalidField, NotReady.
    """
    quarter = _read_quarter(request)
    report = await _read_report(request, quarter)
    response = await csv_export.start(request, f"oss-{quarter}.csv")
    if request.method == "HEAD":
        return response
    await activity.record(request, "export-oss", str(quarter))
    rows: list[tuple[str | int, ...]] = [COLUMNS]
    rows += [_cells("sales", each) for each in report.rows]
    rows += [_cells("correction", each) for each in report.corrections]
    await response.write(csv_export.lines(rows))
    await response.write_eof()
    return response


async def _read_report(request: web.Request, quarter: Quarter) -> OssReport:
    return await read_oss_report(
        lambda: page.read_transaction(request),
        quarter,
        request.app[STORE].catalog.current.shop.tax.country,
    )


def _read_quarter(request: web.Request) -> Quarter:
    """Return `quarter`, by default the last one. Raises InvalidField."""
    text = request.query.get("quarter", "").strip()
    if not text:
        return Quarter.of(request.app[STORE].clock()).shifted(-1)
    try:
        return Quarter.parse(text)
    except ValueError:
        raise InvalidField(
            "quarter", gettext("must be a quarter like 2026-Q4")
        ) from None


def _quarter_of(month: str) -> Quarter:
    """Return the quarter of a month like `2026-03`."""
    return Quarter(int(month[:4]), (int(month[5:]) + 2) // 3)


def _quarter_text(quarter: Quarter) -> str:
    return format_quarter(quarter.year, quarter.number)


def _shown(rows: tuple[ReportRow, ...]) -> list[ShownRow]:
    return [
        ShownRow(
            each,
            _quarter_text(each.key.sale_quarter),
            country_name(each.key.country)
            if each.key.country
            else gettext("Country not known"),
            format_rate(each.key.rate_bp) if each.key.rate_bp >= 0 else "",
        )
        for each in rows
    ]


def _shown_sale(sale: UndecidedSale) -> ShownSale:
    tax = sale.order.tax or SaleTax()
    named = {country_name(each.country) for each in tax.evidence}
    reasons = {
        UndecidedReason.NO_COUNTRY: gettext("The country is not known."),
        UndecidedReason.CONTRADICTION: gettext(
            "The evidence names several countries: %(countries)s.",
            countries=", ".join(sorted(named)),
        ),
        UndecidedReason.NO_RATE: gettext(
            "There is no rate for %(country)s.",
            country=country_name(tax.country),
        ),
    }
    return ShownSale(sale, reasons[sale.reason])


def _decision_text(order: TaxedOrder) -> str:
    """Return the country and the rate that were decided, for people."""
    assert order.decision is not None  # noqa: S101 - of a decided order
    return decision_text(order.decision)


def _group_names() -> dict[str, str]:
    return {
        SaleGroup.OWN: gettext("Your own country"),
        SaleGroup.BUSINESS: gettext("Buyers with a tax number"),
        SaleGroup.OUTSIDE: gettext("Outside the European Union"),
        SaleGroup.OSS: gettext("Other member states"),
        SaleGroup.UNDECIDED: gettext("To be decided"),
    }


def _cells(part: str, row: ReportRow) -> tuple[str | int, ...]:
    key, left = row.key, row.left
    amounts = (left.net_minor, left.tax_minor, left.gross_minor)
    return (
        part,
        str(key.group),
        str(key.sale_quarter),
        key.currency,
        key.country,
        rate_text(key.rate_bp),
        row.orders,
        row.sold.net_minor,
        row.sold.tax_minor,
        row.sold.gross_minor,
        row.repaid.net_minor,
        row.repaid.tax_minor,
        row.repaid.gross_minor,
        *(
            cell
            for minor in amounts
            for cell in (minor, csv_export.decimal(minor, key.currency))
        ),
        row.decided,
    )
