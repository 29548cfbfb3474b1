# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The OSS report as data: for JSON, the command line and CSV alike."""

from dataclasses import asdict
from typing import Any

from msrv.taxes.country_decisions import CountryDecision
from msrv.taxes.oss_report import (
    OssReport,
    ReportRow,
    UndecidedSale,
)
from msrv.taxes.sale_amounts import (
    Amounts,
)


def report_data(report: OssReport) -> dict[str, Any]:
    """Return a report for JSON; amounts are in minor units."""
    return {
        "quarter": str(report.quarter),
        "own_country": report.own_country or None,
        "sales": [row_data(each) for each in report.rows],
        "corrections": [row_data(each) for each in report.corrections],
        "undecided": [_undecided_data(each) for each in report.undecided],
        "undecided_count": report.undecided_count,
        "with_one_evidence": report.with_one_evidence,
        "decided": [
            {
                "order_id": each.order_id,
                "sold_at": each.sold_at,
                "currency": each.currency,
                "gross_minor": each.sold.gross_minor,
                "decision": decision_data(each.decision),
            }
            for each in report.decided
        ],
    }


def decision_data(decision: CountryDecision | None) -> dict[str, Any] | None:
    """Return a decision for JSON, None without one."""
    return None if decision is None else asdict(decision)


def row_data(row: ReportRow) -> dict[str, Any]:
    """Return a row of a report for JSON."""
    key = row.key
    return {
        "group": str(key.group),
        "sale_quarter": str(key.sale_quarter),
        "currency": key.currency,
        "country": key.country or None,
        "rate": rate_text(key.rate_bp) or None,
        "orders": row.orders,
        "decided": row.decided,
        "sold": _amounts_data(row.sold),
        "refunded": _amounts_data(row.repaid),
        "left": _amounts_data(row.left),
    }


def rate_text(rate_bp: int) -> str:
    """Return a rate in percent, like `19` or `25.5`; empty if unknown."""
    if rate_bp < 0:
        return ""
    whole, part = divmod(rate_bp, 100)
    return f"{whole}.{part:02d}".rstrip("0") if part else str(whole)


def _amounts_data(amounts: Amounts) -> dict[str, int]:
    return {**asdict(amounts), "gross_minor": amounts.gross_minor}


def _undecided_data(sale: UndecidedSale) -> dict[str, Any]:
    order = sale.order
    evidence = order.tax.evidence if order.tax else ()
    return {
        "order_id": order.order_id,
        "sold_at": order.sold_at,
        "currency": order.currency,
        "gross_minor": order.sold.gross_minor,
        "reason": str(sale.reason),
        "evidence": {each.kind: each.country for each in evidence},
    }
