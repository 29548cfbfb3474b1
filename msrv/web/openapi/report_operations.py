# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Operations of the studio's figures, lists and links, for programs.

Apart from those of sales, orders and refunds of money, which are enough.
"""

from typing import Final

from msrv.ledger.operators.tokens import Scope
from msrv.web.openapi.operation import Operation
from msrv.web.openapi.schema_types import TEXT, described, member_of, one_of
from msrv.web.openapi.studio_operations import AFTER, DAYS, ERRORS, PERIOD
from msrv.web.studio.chart import Span

_ITEM = described(TEXT, "an item's id; without it, the whole order")
_UNDO = described(one_of(["1"]), "restores the downloads")

REPORT_OPERATIONS: Final = (
    Operation(
        "studio",
        "get",
        "/studio",
        "The figures of today and of the last days, and what needs attention",
        {200: "StudioHome"},
        ERRORS,
        scope=Scope.SALES_READ,
    ),
    Operation(
        "studio-sellers",
        "get",
        "/studio/sellers",
        "The best sellers of a period",
        {200: "StudioSellers"},
        ERRORS,
        query={"period": PERIOD},
        scope=Scope.SALES_READ,
    ),
    Operation(
        "studio-downloads",
        "get",
        "/studio/downloads",
        "Downloads over a span",
        {200: "StudioDownloads"},
        ERRORS,
        query={"span": member_of(Span)},
        scope=Scope.SALES_READ,
    ),
    Operation(
        "studio-oss",
        "get",
        "/studio/oss",
        "The sums of a quarter for the EU's one-stop shop",
        {200: "StudioOss"},
        ERRORS,
        query={"quarter": described(TEXT, "like 2026-Q4")},
        scope=Scope.SALES_READ,
    ),
    Operation(
        "studio-release",
        "get",
        "/studio/releases/{release}",
        "A release with what was sold of it, by item and by month",
        {200: "StudioRelease"},
        (*ERRORS, 404),
        query={"period": PERIOD},
        scope=Scope.RELEASES_READ,
    ),
    Operation(
        "studio-invoices",
        "get",
        "/studio/invoices",
        "The invoices and credit notes of a month, 100 a page",
        {200: "StudioInvoices"},
        ERRORS,
        query={
            "period": described(TEXT, "a month like 2026-03"),
            "after": described(TEXT, "as in the address `next`"),
        },
        scope=Scope.ORDERS_READ,
    ),
    Operation(
        "studio-download-list",
        "get",
        "/studio/downloads/list",
        "The downloads that were started, or completed, on some days",
        {200: "StudioDownloadList"},
        ERRORS,
        query={
            **DAYS,
            "completed": described(one_of(["1"]), "those completed then"),
            **AFTER,
        },
        scope=Scope.ORDERS_READ,
    ),
    Operation(
        "studio-refunds",
        "get",
        "/studio/refunds",
        "Money that went back, and downloads that ended, the latest first",
        {200: "StudioRefunds"},
        ERRORS,
        query={**DAYS, **AFTER},
        scope=Scope.ORDERS_READ,
    ),
    Operation(
        "studio-withdrawals",
        "get",
        "/studio/withdrawals",
        "Withdrawals from contracts, those that wait first",
        {200: "StudioWithdrawals"},
        ERRORS,
        scope=Scope.ORDERS_READ,
    ),
    Operation(
        "studio-ask",
        "get",
        "/studio/orders/{order}/revoke",
        "The lines of an order whose downloads would end",
        {200: "LinesToEnd"},
        (*ERRORS, 404),
        query={"item": _ITEM, "undo": _UNDO},
        scope=Scope.ORDERS_REFUND,
    ),
    Operation(
        "studio-revoke",
        "post",
        "/studio/orders/{order}/revoke",
        "End the downloads of an order or of a line, or restore them",
        {200: "LinesEnded"},
        (*ERRORS, 404),
        form={
            "type": "object",
            "properties": {"item": _ITEM, "undo": _UNDO},
        },
        scope=Scope.ORDERS_REFUND,
    ),
    Operation(
        "studio-send-receipt",
        "post",
        "/studio/orders/{order}/mail",
        "Mail an order's receipt to its buyer",
        {202: "MailQueued"},
        (*ERRORS, 404),
        form={"type": "object", "properties": {}},
        scope=Scope.RECEIPTS_SEND,
    ),
    Operation(
        "studio-webhooks",
        "get",
        "/studio/webhooks",
        "The endpoints of outgoing webhooks, with their latest deliveries",
        {200: "StudioWebhooks"},
        ERRORS,
        scope=Scope.WEBHOOKS_WRITE,
    ),
    Operation(
        "studio-webhooks-change",
        "post",
        "/studio/webhooks",
        "Send a delivery again, or enable an endpoint that was disabled",
        {200: "WebhooksChanged"},
        (*ERRORS, 404),
        form={
            "type": "object",
            "properties": {
                "endpoint": described(TEXT, "an endpoint's id"),
                "number": described(TEXT, "the number of a delivery"),
                "enable": described(one_of(["1"]), "enables the endpoint"),
            },
            "required": ["endpoint"],
        },
        scope=Scope.WEBHOOKS_WRITE,
    ),
)
