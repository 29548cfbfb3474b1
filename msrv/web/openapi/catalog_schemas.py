# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Schemas of what can be read: releases, artists and the seller's texts."""

from collections.abc import Mapping
from typing import Final

from msrv.catalog.browsing.catalog_index import CatalogOrder
from msrv.catalog.details.release_details import ReleaseKind
from msrv.catalog.model import ItemKind
from msrv.catalog.texts.legal_texts import LegalKind
from msrv.web.openapi.schema_types import (
    ADDRESS,
    BOOLEAN,
    COUNT,
    COUNT_OR_NULL,
    NUMBER,
    NUMBER_OR_NULL,
    PAGE,
    PATH,
    PATH_OR_NULL,
    PRICE,
    SECONDS_OR_NULL,
    TEXT,
    TEXT_OR_NULL,
    Json,
    array,
    described,
    member_of,
    one_of,
    or_null,
    record,
    reference,
)

_ITEM: Final[Mapping[str, Json]] = {
    "item_id": TEXT,
    "release": described(TEXT, "the id of its release"),
    "kind": member_of(ItemKind),
    "title": TEXT,
    "artist": TEXT,
    "disc": NUMBER_OR_NULL,
    "number": NUMBER_OR_NULL,
    "duration_seconds": SECONDS_OR_NULL,
    **PRICE,
    "size_bytes": COUNT,
    "media_type": TEXT,
    "sound": or_null(reference("Sound")),
}
_TEXTS: Final[Mapping[str, Json]] = {
    "lyrics": TEXT_OR_NULL,
    "lyrics_language": TEXT_OR_NULL,
    "lyrics_times": or_null(
        array(
            described(SECONDS_OR_NULL, "when a line begins, if that is known")
        )
    ),
    "credits": array(record({"role": TEXT, "name": TEXT})),
}
_ITEM_OF_PAGE: Final[Mapping[str, Json]] = {
    **_ITEM,
    **_TEXTS,
    "preview": PATH_OR_NULL,
    "preview_is_whole": BOOLEAN,
    "waveform": PATH_OR_NULL,
}
_RELEASE: Final[Mapping[str, Json]] = {
    "release": described(TEXT, "its id"),
    "item_id": described(
        TEXT_OR_NULL, "the id to buy it whole; null where it isn't sold whole"
    ),
    "kind": one_of([ItemKind.RELEASE]),
    "title": TEXT,
    "artist": TEXT,
    "date": TEXT_OR_NULL,
    "description": described(TEXT, "Markdown"),
    "credits": described(TEXT, "Markdown"),
    **PRICE,
    "size_bytes": COUNT,
    "url": PATH,
    "cover": PATH_OR_NULL,
    "release_kind": member_of(ReleaseKind),
    "genres": array(TEXT),
    "tags": array(TEXT),
    "label": TEXT_OR_NULL,
    "catalog_number": TEXT_OR_NULL,
    "isbn": TEXT_OR_NULL,
    "language": TEXT_OR_NULL,
    "licence": TEXT_OR_NULL,
    "version": TEXT_OR_NULL,
    "platforms": array(TEXT),
    "key": TEXT_OR_NULL,
    "tempo": or_null(
        {
            **array(COUNT),
            "minItems": 2,
            "maxItems": 2,
            "description": "the lowest and the highest, in beats per minute",
        }
    ),
    "pages": COUNT_OR_NULL,
    "duration_seconds": SECONDS_OR_NULL,
    "items": array(reference("Item")),
}
_FOUND_RELEASE: Final[Json] = record(
    {
        **_RELEASE,
        "matches": described(
            array(TEXT), "the ids of the items that a search found"
        ),
    }
)
_ARTIST: Final[Mapping[str, Json]] = {
    "artist": TEXT,
    "url": PATH,
    "picture": PATH_OR_NULL,
}

CATALOG_SCHEMAS: Final[Mapping[str, Json]] = {
    "Sound": record(
        {
            "codec": TEXT,
            "is_lossless": BOOLEAN,
            "sample_rate_hz": COUNT_OR_NULL,
            "bit_depth": COUNT_OR_NULL,
            "channels": COUNT_OR_NULL,
        }
    ),
    "Item": record(_ITEM),
    "TrackTexts": record(_TEXTS),
    "Release": record(_RELEASE),
    "ReleasePage": record(
        {
            **_RELEASE,
            "items": array(record(_ITEM_OF_PAGE)),
            "formats": array(
                record(
                    {
                        "format": TEXT,
                        "label": TEXT_OR_NULL,
                        "size_bytes": COUNT,
                    }
                )
            ),
        }
    ),
    "Front": record(
        {
            "store": TEXT,
            "tagline": TEXT,
            "contact": TEXT,
            "catalog": PATH,
            "newest": array(reference("Release")),
            "featured": described(array(TEXT), "ids of releases"),
        }
    ),
    "Catalog": record(
        {
            "query": TEXT_OR_NULL,
            "kind": or_null(member_of(ReleaseKind)),
            "tag": TEXT_OR_NULL,
            "sort": or_null(member_of(CatalogOrder)),
            **PAGE,
            "releases": array(_FOUND_RELEASE),
        }
    ),
    "Tags": record(
        {
            **PAGE,
            "tags": array(
                record({"tag": TEXT, "url": PATH, "releases": NUMBER})
            ),
        }
    ),
    "Artists": record({**PAGE, "artists": array(record(_ARTIST))}),
    "Artist": record(
        {
            **_ARTIST,
            "text": described(TEXT, "Markdown"),
            "links": array(ADDRESS),
            "releases": array(reference("Release")),
        }
    ),
    "SellerPage": record(
        {
            "page": TEXT,
            "title": TEXT,
            "text": described(TEXT, "Markdown"),
            "picture": PATH_OR_NULL,
        }
    ),
    "LegalText": record(
        {
            "kind": member_of(LegalKind),
            "language": TEXT,
            "title": TEXT,
            "text": described(TEXT, "Markdown"),
        }
    ),
    "OEmbed": record(
        {
            "version": one_of(["1.0"]),
            "type": one_of(["rich"]),
            "title": TEXT,
            "provider_name": TEXT,
            "provider_url": ADDRESS,
            "cache_age": COUNT,
            "width": NUMBER,
            "height": NUMBER,
            "html": TEXT,
            "thumbnail_url": ADDRESS,
            "thumbnail_width": NUMBER,
            "thumbnail_height": NUMBER,
        },
        {"author_name": TEXT},
    ),
    "Canimus": {
        "type": "object",
        "required": ["type", "protocol", "children"],
        "externalDocs": {"url": "https://github.com/PlaidWeb/Canimus"},
    },
}
