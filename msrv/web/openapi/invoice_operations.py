# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Operations of invoices, and their schema.

Apart from those of orders, which are many.
"""

from collections.abc import Mapping
from typing import Final

from msrv.ledger.invoices.documents import DocumentKind
from msrv.web.openapi.operation import Operation
from msrv.web.openapi.schema_types import (
    ADDRESS,
    COUNT,
    MINOR,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    Json,
    array,
    member_of,
    or_null,
    record,
)

INVOICE_OPERATIONS: Final = tuple(
    Operation(
        name,
        "get",
        f"{place}/invoice",
        "The invoice of an order, and its credit notes",
        {200: "Invoice"},
        (404, 503),
        redirects=(302,),
    )
    for name, place in (
        ("invoice", "/purchases/{receipt}"),
        ("gift-invoice", "/gifts/{bill}"),
    )
)

DOCUMENT: Final[Json] = record(
    {
        "number": TEXT,
        "kind": member_of(DocumentKind),
        "order_id": TEXT,
        "issued_at": TIME,
        "sold_at": TIME,
        "currency": TEXT,
        "gross_minor": MINOR,
        "net_minor": or_null(MINOR),
        "tax_minor": or_null(MINOR),
        "rate_basis_points": or_null(COUNT),
        "country": TEXT_OR_NULL,
        "corrects": TEXT_OR_NULL,
        "pdf": ADDRESS,
    }
)

INVOICE_SCHEMAS: Final[Mapping[str, Json]] = {
    "Invoice": record(
        {
            "order_id": TEXT,
            "documents": array(DOCUMENT),
        }
    ),
}
