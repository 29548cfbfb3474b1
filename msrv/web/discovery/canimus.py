# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The store's music as a Canimus collection, for players that gather it.

Canimus is a format in which sites publish music that can be streamed; players
read it and link back (https://github.com/PlaidWeb/Canimus). It is a draft.
This is the form of its last revision under that name: a `root` with the
entities `artist`, `album` and `track`, whose attributes are in lower case. A
later revision is called Chorus, has other names, and says that receivers
ignore what they don't know.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from msrv.catalog import markdown
from msrv.catalog.artists import Artists
from msrv.catalog.encodings.recipes import STREAMS
from msrv.catalog.encodings.streams import USUAL
from msrv.catalog.model import (
    Catalog,
    Item,
    ItemKind,
    ListeningMode,
    Release,
)
from msrv.web.discovery.page_metadata import shortened
from msrv.web.discovery.xml_documents import last_modified, published_at
from msrv.web.shop.json_views import (
    release_path,
    shared_cover_path,
)

MEDIA_TYPE: Final = "application/canimus+json"
PATH: Final = "/canimus.json"
MAX_RELEASES: Final = 500
"""Releases in the document: the newest. The format has pages for more, which
have to stay as they are, and no folder of files promises that.
"""

Data = dict[str, Any]
HasPreview = Callable[[Item], bool]


def collection(
    catalog: Catalog,
    artists: Artists,
    base_url: str,
    has_preview: HasPreview,
) -> bytes:
    """Return the records of a catalog, by artist, as JSON.

    `has_preview` tells which tracks can be played.
    """
    music = [each for each in catalog.offered if each.details.kind.is_music]
    records = sorted(music, key=published_at, reverse=True)[:MAX_RELEASES]
    by_artist: dict[str, list[Data]] = {}
    others: list[Data] = []
    for release in records:
        album = _album(release, base_url, has_preview)
        artist = artists.find(release.artist) if release.artist else None
        if artist is None:
            others.append(album)
        else:
            by_artist.setdefault(artist.slug, []).append(album)
    address = base_url + PATH
    children = [
        _filled(
            {
                "type": "artist",
                "uid": slug,
                "name": artists.by_slug[slug].name,
                "url": f"{base_url}/artists/{slug}",
                "children": albums,
            }
        )
        for slug, albums in by_artist.items()
    ]
    data = {
        "type": "root",
        "protocol": "Canimus",
        "uid": address,
        "url": f"{base_url}/",
        "name": catalog.shop.name,
        "summary": catalog.shop.tagline,
        "links": [
            {
                "name": catalog.shop.name,
                "href": address,
                "type": MEDIA_TYPE,
                "rel": "self",
            }
        ],
        "children": [*children, *others],
    }
    return json.dumps(_filled(data), ensure_ascii=False).encode() + b"\n"


def _album(release: Release, base_url: str, has_preview: HasPreview) -> Data:
    address = base_url + release_path(release)
    text = markdown.render(release.description)
    tracks = [each for each in release.offered if each.kind is ItemKind.TRACK]
    return _filled(
        {
            "type": "album",
            "uid": release.release_id,
            "url": address,
            "name": release.title,
            "release_date": release.date,
            "updated_date": _day(last_modified(release)),
            "summary": shortened(text.plain),
            "description": text.html,
            "genre": ", ".join(release.details.genres),
            "license": release.details.licence,
            "images": _images(release, base_url),
            "links": [
                {"name": release.title, "href": address, "rel": "purchase"}
            ],
            "children": [
                _track(each, release, base_url, has_preview) for each in tracks
            ],
        }
    )


def _track(
    item: Item, release: Release, base_url: str, has_preview: HasPreview
) -> Data:
    is_guest = item.artist and item.artist != release.artist
    return _filled(
        {
            "type": "track",
            "uid": item.item_id,
            "name": item.title,
            "artist": item.artist if is_guest else "",
            "duration": item.duration_seconds,
            "disc": item.disc,
            "track": item.number,
            "media": [_medium(item, base_url)] if has_preview(item) else [],
        }
    )


def _medium(item: Item, base_url: str) -> Data:
    """Return where a track is played: whole, or a clip of it."""
    address = f"{base_url}/previews/{item.item_id}"
    if item.listening.mode is ListeningMode.FULL:
        return {"type": STREAMS[USUAL].media_type, "src": address}
    # The format's own name for audio/mpeg.
    return {"type": "audio/mp3", "src": address, "label": "Preview"}


def _images(release: Release, base_url: str) -> Data:
    return {
        "main": {
            "src": base_url + shared_cover_path(release),
            "alt": release.cover_alt or release.title,
            "type": "image/jpeg",
        }
    }


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"


def _filled(data: Data) -> Data:
    """Return an entity without its empty attributes."""
    return {name: value for name, value in data.items() if value}
