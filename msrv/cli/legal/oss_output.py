# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Work of the command `oss`, and its output.

Apart from the command: it imports SQLAlchemy, which others don't need.
"""

import asyncio
from collections.abc import Iterable, Iterator

from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.db.taxes.taxed_orders import read_oss_report
from msrv.money import Money, NotMoney
from msrv.settings import Settings
from msrv.taxes.oss_report import OssReport, ReportRow, SaleGroup
from msrv.taxes.quarters import Quarter
from msrv.taxes.report_data import rate_text, report_data
from msrv.text_table import plural, table

__all__ = ["read_report", "report_data", "report_text"]

_TITLES = {
    SaleGroup.OSS: "Other member states",
    SaleGroup.OWN: "Own country",
    SaleGroup.BUSINESS: "Buyers with a tax number",
    SaleGroup.OUTSIDE: "Outside the European Union",
    SaleGroup.UNDECIDED: "To be decided",
}


def read_report(
    settings: Settings, quarter: Quarter, own_country: str
) -> OssReport:
    """Return the report of a quarter. Raises LedgerError."""
    return asyncio.run(_read(settings, quarter, own_country))


async def _read(
    settings: Settings, quarter: Quarter, own_country: str
) -> OssReport:
    database = Database.existing(settings)
    try:
        async with database.read_transaction() as connection:
            await schema_upgrade.require_revision(connection)
        return await read_oss_report(
            database.read_transaction, quarter, own_country
        )
    finally:
        await database.close()


def report_text(report: OssReport) -> str:
    """Return a report as tables."""
    return "\n".join(_lines(report))


def _lines(report: OssReport) -> Iterator[str]:
    own = report.own_country or "not set; see [tax] country in store.toml"
    yield f"OSS report {report.quarter} (UTC), own country: {own}"
    for group, title in _TITLES.items():
        rows = report.of(group)
        if rows or group is SaleGroup.OSS:
            yield ""
            yield title
            yield from _table(rows)
    if report.undecided:
        yield ""
        yield from _undecided(report)
    if report.corrections:
        yield ""
        yield "Corrections of earlier quarters"
        yield from _table(report.corrections)
    if report.decided:
        yield ""
        yield "Decided by hand"
        yield table(
            [
                (
                    each.order_id,
                    each.decision.country,
                    each.decision.decided_by,
                )
                for each in report.decided
                if each.decision is not None
            ]
        )
    if report.with_one_evidence:
        yield ""
        count = plural(report.with_one_evidence, "sale")
        yield f"{count} to other member states with one piece of evidence"


def _undecided(report: OssReport) -> Iterator[str]:
    yield table(
        [
            (
                each.order.order_id,
                each.order.currency,
                _decimal(each.order.sold.gross_minor, each.order.currency),
                each.reason,
            )
            for each in report.undecided
        ],
        right={2},
    )
    if more := report.undecided_count - len(report.undecided):
        yield f"and {more:,} more"


def _table(rows: Iterable[ReportRow]) -> Iterator[str]:
    cells = [
        (
            str(row.key.sale_quarter),
            row.key.country or "?",
            f"{rate_text(row.key.rate_bp)}%" if row.key.rate_bp >= 0 else "?",
            str(row.orders),
            row.key.currency,
            *(
                _decimal(minor, row.key.currency)
                for minor in (
                    row.left.net_minor,
                    row.left.tax_minor,
                    row.left.gross_minor,
                )
            ),
        )
        for row in rows
    ]
    if not cells:
        yield "none"
        return
    head = ("sold in", "country", "rate", "orders", "", "net", "tax", "gross")
    yield table([head, *cells], right={2, 3, 5, 6, 7})


def _decimal(minor: int, currency: str) -> str:
    """Return an amount in major units, which may be negative."""
    try:
        text = Money(abs(minor), currency).decimal
    except NotMoney:
        text = f"{abs(minor)} minor units"
    return f"-{text}" if minor < 0 else text
