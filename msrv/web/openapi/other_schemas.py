# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Schemas of errors, keys and health.

Apart: they belong neither to the catalog nor to an order.
"""

from collections.abc import Mapping
from typing import Final

from msrv.web.openapi.schema_types import (
    COUNT,
    MINOR,
    TEXT,
    TEXT_OR_NULL,
    TIME,
    TOTAL,
    Json,
    array,
    described,
    one_of,
    record,
)

_KEY: Final[Json] = record(
    dict.fromkeys(("crv", "kty", "x", "alg", "kid", "use"), TEXT)
)


OTHER_SCHEMAS: Final[Mapping[str, Json]] = {
    "Error": record(
        {
            "error": described(TEXT, "a code for programs"),
            "message": described(TEXT, "a sentence for people"),
        },
        {
            "field": described(TEXT, "the field that is invalid"),
            "format": TEXT,
            "order_id": TEXT,
            "scope": described(TEXT_OR_NULL, "the one that a token needs"),
            "waiting_events": described(COUNT, "not in the database yet"),
            "item_id": TEXT,
            "limit": COUNT,
            "expired_at": TIME,
            "incident": described(TEXT, "a reference in the store's log"),
            "reason": TEXT,
            "minimum_minor": MINOR,
            "maximum_minor": MINOR,
            **TOTAL,
        },
    ),
    "Keys": record({"keys": array(_KEY)}),
    "Language": record({"language": TEXT}),
    "Health": record({"status": one_of(["ok"])}),
    "Ready": record(
        {"status": one_of(["ready", "degraded", "draining", "stocking"])},
        {
            "resting": one_of(["ledger"]),
            "waiting": one_of(["bucket", "certificate"]),
        },
    ),
    "OpenAPI": {"type": "object", "required": ["openapi", "info", "paths"]},
}
