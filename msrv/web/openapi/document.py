# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The OpenAPI document, and its route."""

import functools
import hashlib
import json
from typing import Final

from aiohttp import web

from msrv import __version__
from msrv.downloads.conditions import is_known_to_client
from msrv.web.openapi.catalog_operations import CATALOG_OPERATIONS
from msrv.web.openapi.catalog_schemas import CATALOG_SCHEMAS
from msrv.web.openapi.invoice_operations import (
    INVOICE_OPERATIONS,
    INVOICE_SCHEMAS,
)
from msrv.web.openapi.operation import Operation
from msrv.web.openapi.order_operations import ORDER_OPERATIONS
from msrv.web.openapi.order_schemas import ORDER_SCHEMAS
from msrv.web.openapi.other_schemas import OTHER_SCHEMAS
from msrv.web.openapi.report_operations import REPORT_OPERATIONS
from msrv.web.openapi.report_schemas import REPORT_SCHEMAS
from msrv.web.openapi.schema_types import TEXT, Json, described, reference
from msrv.web.openapi.studio_operations import STUDIO_OPERATIONS
from msrv.web.openapi.studio_schemas import STUDIO_SCHEMAS

OPERATIONS: Final[tuple[Operation, ...]] = (
    *CATALOG_OPERATIONS,
    *ORDER_OPERATIONS,
    *STUDIO_OPERATIONS,
    *REPORT_OPERATIONS,
    *INVOICE_OPERATIONS,
)
_MAX_AGE: Final = 3600
_DESCRIPTION: Final = """\
The JSON of a store, at the same addresses as its pages: send
`Accept: application/json`. Amounts are integers in minor units, with an ISO
4217 currency; times are Unix seconds. The texts are in the visitor's language.
An address with a trailing slash is redirected with 308. Later versions may add
members to every object. Responses with 429 and 503 have `Retry-After` if
waiting helps.
"""


def document() -> Json:
    """Return the OpenAPI document, the same in every store of a version."""
    paths: dict[str, Json] = {}
    for each in OPERATIONS:
        paths.setdefault(each.path, {})[each.method] = each.to_json()
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "MSRV",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {
                "name": "AGPL-3.0-or-later",
                "identifier": "AGPL-3.0-or-later",
            },
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "parameters": {
                "lang": {
                    "name": "lang",
                    "in": "query",
                    "schema": described(TEXT, "the language of the texts"),
                }
            },
            "responses": {
                "Error": {
                    "description": "An error, or a request that is refused",
                    "content": {
                        "application/json": {"schema": reference("Error")}
                    },
                }
            },
            "schemas": {
                **CATALOG_SCHEMAS,
                **ORDER_SCHEMAS,
                **INVOICE_SCHEMAS,
                **OTHER_SCHEMAS,
                **STUDIO_SCHEMAS,
                **REPORT_SCHEMAS,
            },
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token that an owner of the store made",
                }
            },
        },
    }


@functools.cache
def _body() -> tuple[bytes, str]:
    """Return the document's bytes and its ETag."""
    body = json.dumps(document(), ensure_ascii=False).encode()
    # Weak: the same whether or not the response is compressed.
    return body, f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'


async def show(request: web.Request) -> web.Response:
    """Return the document; 304 where the client has it already."""
    body, etag = _body()
    headers = {
        "Cache-Control": f"public, max-age={_MAX_AGE}",
        "ETag": etag,
        "Vary": "Accept-Encoding",
        # Pages of other origins read it, to show the documentation in it.
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    if is_known_to_client(request.headers, etag):
        return web.Response(status=304, headers=headers)
    return web.Response(
        body=body, content_type="application/json", headers=headers
    )
