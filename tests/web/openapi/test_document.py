# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The OpenAPI document: its form, its routes, and how it is served."""

import re
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from yarl import URL

from msrv import __version__
from msrv.ledger.operators import token_rows
from msrv.ledger.operators.tokens import Scope
from msrv.web.openapi.document import OPERATIONS, document
from msrv.web.routes import ROUTES
from msrv.web.store import STORE
from msrv.web.studio.access.rules import OPEN_ROUTES, RULES
from msrv.web.studio.routes import STUDIO
from tests.conftest import Client
from tests.ledger.sample_events import order_id
from tests.store_parts import wait_for_database

SCOPE_MISSING = "scope_missing"
JSON = {"Accept": "application/json"}
WITHOUT_JSON = {
    # Redirects to an address that has JSON.
    "find-purchase",
    # A page for browsers alone.
    "embed",
    "library",
    # Files and pictures.
    "artist-picture",
    "artist-picture-avif",
    "bought-waveform",
    "cover",
    "cover-avif",
    "download",
    "drawn-cover",
    "favicon",
    "icon",
    "gift-invoice-pdf",
    "gift-invoice-print",
    "invoice-pdf",
    "invoice-print",
    "page-picture",
    "page-picture-avif",
    "preview",
    "static",
    "theme",
    "theme-file",
    "touch-icon",
    "waveform",
    # Other formats.
    "atom",
    "edge",
    "metrics",
    "playlist",
    "podcast",
    "robots",
    "rss",
    "security",
    "sitemap",
}


STUDIO_WITHOUT_JSON = {
    # Files.
    "studio-artists",
    "studio-export",
    "studio-invoice",
    "studio-invoices-csv",
    "studio-invoices-zip",
    "studio-oss-csv",
}
"""Routes that tokens reach, and that have no JSON."""


def references(part: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield what the references of a part of the document point to."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def without_patterns(path: str) -> str:
    """Return a route's path without the patterns of its parameters."""
    return re.sub(r"\{(\w+):[^}]*\}+", r"{\1}", path)


def test_document_has_every_route_with_json_and_no_other() -> None:
    routes = {
        (each.kwargs["name"], each.method.lower(), without_patterns(each.path))
        for each in (*ROUTES, *STUDIO)
    }
    described = {(each.name, each.method, each.path) for each in OPERATIONS}
    assert len(described) == len(OPERATIONS)
    assert described <= routes
    assert {
        name
        for name, *_ in routes - described
        if not name.startswith("studio")
    } == WITHOUT_JSON


def test_operations_of_the_studio_have_the_scopes_of_their_routes() -> None:
    stated = {each.name: each.scope for each in OPERATIONS}
    for name, scope in stated.items():
        rule = RULES.get(name)
        assert scope == (rule.scope if rule else "")
    assert {scope for scope in stated.values() if scope} == set(Scope)


async def test_json_that_a_token_of_any_scope_reaches_is_described(
    store: Client,
) -> None:
    """Every route of the studio is tried, with a token of each scope."""
    await wait_for_database(store)
    parts = store.app[STORE]
    described = {each.name for each in OPERATIONS}
    reached: dict[str, set[Scope]] = {}
    values = {"order": order_id(1), "release": "night-bus", "position": "0"}
    async with parts.ledger.write_transaction() as connection:
        tokens = {
            scope: await token_rows.create_token(
                connection,
                scope.value.replace(":", "-"),
                {scope},
                1,
                created_by="",
                now=parts.clock(),
                random=secrets.token_bytes,
            )
            for scope in Scope
        }
    for scope, token in tokens.items():
        for route in STUDIO:
            name, method = route.kwargs["name"], route.method
            if name in OPEN_ROUTES:
                continue
            answer = await store.request(
                method,
                without_patterns(route.path).format(**values),
                headers={**JSON, "Authorization": f"Bearer {token}"},
                allow_redirects=False,
            )
            if (
                answer.status == 403
                and (await answer.json())["error"] == SCOPE_MISSING
            ):
                continue
            reached.setdefault(name, set()).add(scope)
            if name in STUDIO_WITHOUT_JSON:
                assert (
                    answer.status >= 400
                    or answer.content_type != "application/json"
                )
    assert reached == {
        name: {rule.scope} for name, rule in RULES.items() if rule.scope
    }
    assert set(reached) - described == STUDIO_WITHOUT_JSON


@pytest.mark.parametrize(
    "path",
    [
        route.path
        for route in ROUTES
        if route.kwargs["name"] in WITHOUT_JSON and "{" not in route.path
    ],
)
async def test_addresses_outside_of_the_document_have_no_json(
    store: Client, path: str
) -> None:
    answer = await store.get(path, headers=JSON, allow_redirects=False)
    assert answer.status >= 300 or answer.content_type != "application/json"


def test_every_part_of_the_document_is_used() -> None:
    found = document()
    parts = {
        f"#/components/{kind}/{name}"
        for kind, group in found["components"].items()
        if kind != "securitySchemes"
        for name in group
    }
    assert set(references(found)) == parts


async def test_document_is_served_with_an_etag(store: Client) -> None:
    answer = await store.get("/openapi.json")
    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    found = await answer.json()
    assert found == document()
    assert found["openapi"].startswith("3.1.")
    assert found["info"]["version"] == __version__
    assert answer.headers["Content-Encoding"] == "gzip"
    known = {"If-None-Match": answer.headers["ETag"]}
    again = await store.get("/openapi.json", headers=known)
    assert (again.status, await again.read()) == (304, b"")
    whole = {"Accept-Encoding": "identity"}
    plain = await store.get("/openapi.json", headers=whole)
    for name in ("ETag", "Vary", "Cache-Control"):
        stated = answer.headers[name]
        assert stated == again.headers[name] == plain.headers[name]
    other = {"If-None-Match": '"another"'}
    assert (await store.get("/openapi.json", headers=other)).status == 200


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_front_page_leads_to_the_document(
    store: Client, accept: str
) -> None:
    for _ in range(2):  # the second time from the cache
        answer = await store.get("/", headers={"Accept": accept})
        link = answer.links["service-desc"]
        assert link["type"] == "application/json"
        found = await store.get(URL(link["url"]).path)
        assert (await found.json())["openapi"]
