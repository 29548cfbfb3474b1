# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Operations of what can be read: the catalog, texts, keys and health."""

from collections.abc import Mapping
from typing import Final

from msrv.catalog.browsing.catalog_index import CatalogOrder
from msrv.catalog.details.release_details import ReleaseKind
from msrv.web.discovery import canimus
from msrv.web.openapi.operation import Operation
from msrv.web.openapi.schema_types import (
    NUMBER,
    TEXT,
    Json,
    described,
    member_of,
    one_of,
)
from msrv.web.shop.browsing.listing import MAX_QUERY

_PAGE: Final[Mapping[str, Json]] = {"page": {**NUMBER, "maximum": 999_999_999}}
_FILTERS: Final[Mapping[str, Json]] = {
    "kind": member_of(ReleaseKind),
    "sort": member_of(CatalogOrder),
}
_WORDS: Final[Json] = {**TEXT, "maxLength": MAX_QUERY}

CATALOG_OPERATIONS: Final = (
    Operation(
        "front",
        "get",
        "/",
        "The store and its newest releases",
        {200: "Front"},
        has_etag=True,
    ),
    Operation(
        "catalog",
        "get",
        "/catalog",
        "The releases, 24 a page",
        {200: "Catalog"},
        (400, 404),
        query={
            "q": described(_WORDS, "words that a release has, all of them"),
            **_FILTERS,
            "tag": described(TEXT, "a tag or genre as its address has it"),
            **_PAGE,
        },
        has_etag=True,
    ),
    Operation(
        "tag",
        "get",
        "/tags/{tag}",
        "The releases with a tag or genre, 24 a page",
        {200: "Catalog"},
        (400, 404),
        query={"q": _WORDS, **_FILTERS, **_PAGE},
        has_etag=True,
    ),
    Operation(
        "tags",
        "get",
        "/tags",
        "The tags and genres by name, 240 a page",
        {200: "Tags"},
        (400, 404),
        query=_PAGE,
        has_etag=True,
    ),
    Operation(
        "release",
        "get",
        "/catalog/{release}",
        "One release and its items; 302 from a former id",
        {200: "ReleasePage"},
        (404,),
        redirects=(302,),
        has_etag=True,
    ),
    Operation(
        "artists",
        "get",
        "/artists",
        "The artists by name, 60 a page",
        {200: "Artists"},
        (400, 404),
        query=_PAGE,
        has_etag=True,
    ),
    Operation(
        "artist",
        "get",
        "/artists/{artist}",
        "An artist, and the releases with a track by the artist; 302 from the "
        "address of version 1.0",
        {200: "Artist"},
        (404,),
        redirects=(302,),
        has_etag=True,
    ),
    Operation(
        "page",
        "get",
        "/pages/{page}",
        "A page that the seller wrote; 308 to a legal text",
        {200: "SellerPage"},
        (404,),
        redirects=(308,),
        has_etag=True,
    ),
    Operation(
        "legal",
        "get",
        "/legal/{text}",
        "A legal text of the seller",
        {200: "LegalText"},
        (404,),
        has_etag=True,
    ),
    Operation(
        "oembed",
        "get",
        "/oembed",
        "How to embed the release at an address (oEmbed)",
        {200: "OEmbed"},
        (404, 501),
        query={
            "url": described(TEXT, "the address of a release in this store"),
            "format": one_of(["json"]),
            "maxwidth": NUMBER,
            "maxheight": NUMBER,
        },
        required=frozenset({"url"}),
        is_negotiated=False,
    ),
    Operation(
        "canimus",
        "get",
        canimus.PATH,
        "The 500 newest records as a Canimus collection",
        {200: "Canimus"},
        media_type=canimus.MEDIA_TYPE,
        is_negotiated=False,
        has_etag=True,
    ),
    Operation(
        "jwks",
        "get",
        "/.well-known/jwks.json",
        "The public keys that receipts are verified with (RFC 7517)",
        {200: "Keys"},
        media_type="application/jwk-set+json",
        is_negotiated=False,
    ),
    Operation(
        "openapi",
        "get",
        "/openapi.json",
        "This document",
        {200: "OpenAPI"},
        is_negotiated=False,
        has_etag=True,
    ),
    Operation(
        "health",
        "get",
        "/-/health",
        "Whether the process is alive",
        {200: "Health"},
        is_negotiated=False,
    ),
    Operation(
        "ready",
        "get",
        "/-/ready",
        "Whether visitors can be sent",
        {200: "Ready", 503: "Ready"},
        is_negotiated=False,
    ),
)
