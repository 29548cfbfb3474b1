# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Operations of the studio for programs with a token, each with its scope."""

from collections.abc import Mapping
from typing import Final

from msrv.ledger.operators.tokens import Scope
from msrv.orders.refunds.plan import RefundPart
from msrv.web.openapi.operation import Operation
from msrv.web.openapi.schema_types import (
    NUMBER,
    TEXT,
    Json,
    array,
    described,
    member_of,
    one_of,
    record,
)
from msrv.web.studio.chart import Span

ERRORS: Final = (400, 401, 403, 429)
DAYS: Final[Mapping[str, Json]] = {
    "from": described(TEXT, "the first day, like 2026-03-06, in UTC"),
    "to": described(TEXT, "the last day"),
}
AFTER: Final[Mapping[str, Json]] = {
    "after": described(TEXT, "as in the address `older` of a response")
}
PERIOD: Final[Json] = described(TEXT, "a month like 2026-03, a year, or all")
_CHOICE: Final[Mapping[str, Json]] = {
    "part": member_of(RefundPart),
    "item": described(array(TEXT), "ids of items, for the part `lines`"),
    "amount": described(TEXT, "in major units, for the part `amount`"),
    "end": described(one_of(["1"]), "ends the downloads with an amount"),
}


def _refund_form() -> Json:
    """Return the schema of the form of a refund."""
    number = described(TEXT, "the `number` of the state to be refunded")
    found = record({}, {**_CHOICE, "number": number})
    found["required"] = ["part", "number"]
    return found


STUDIO_OPERATIONS: Final = (
    Operation(
        "studio-sales",
        "get",
        "/studio/sales",
        "Sales over a span, revenue of all time, and best sellers",
        {200: "StudioSales"},
        ERRORS,
        query={"span": member_of(Span)},
        scope=Scope.SALES_READ,
    ),
    Operation(
        "studio-releases",
        "get",
        "/studio/releases",
        "The releases with what was sold of each, 50 a page",
        {200: "StudioReleases"},
        (*ERRORS, 404),
        query={
            "q": TEXT,
            "state": one_of(["", "offered", "hidden", "attention"]),
            "period": PERIOD,
            "page": {**NUMBER, "maximum": 999_999_999},
        },
        scope=Scope.RELEASES_READ,
    ),
    Operation(
        "studio-orders",
        "get",
        "/studio/orders",
        "The orders, newest first, 50 a page, or those that a search found",
        {200: "StudioOrders"},
        ERRORS,
        query={
            "q": described(TEXT, "the start of a number, or a reference"),
            **DAYS,
            "currency": described(TEXT, "like EUR"),
            "item": described(TEXT, "an item's id"),
            "release": described(TEXT, "a release's id"),
            **AFTER,
        },
        scope=Scope.ORDERS_READ,
    ),
    Operation(
        "studio-order",
        "get",
        "/studio/orders/{order}",
        "One order, with what happened to it",
        {200: "StudioOrder"},
        (*ERRORS, 404),
        scope=Scope.ORDERS_READ,
    ),
    Operation(
        "studio-refund-form",
        "get",
        "/studio/orders/{order}/refund",
        "What is left to refund; with a part, what its refund would be",
        {200: "RefundState"},
        (*ERRORS, 404, 409),
        query=_CHOICE,
        scope=Scope.ORDERS_REFUND,
    ),
    Operation(
        "studio-refund",
        "post",
        "/studio/orders/{order}/refund",
        "Refund a part of an order, once for each number",
        {200: "RefundMade"},
        (*ERRORS, 404, 409),
        form=_refund_form(),
        scope=Scope.ORDERS_REFUND,
    ),
)
