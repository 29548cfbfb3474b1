# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Waveform and lyrics of a track that was bought, for the player.

By its download link alone: of what others can't hear as a whole, they don't
see the waveform either.
"""

from typing import Final

from aiohttp import web

from msrv.catalog.model import Item
from msrv.catalog.texts.release_texts import TextsUnreadable
from msrv.proofs.links import Link
from msrv.web.errors import NotFound
from msrv.web.rendering import PRIVATE
from msrv.web.shop.browsing.waveforms import MEDIA_TYPE, draw_analysis
from msrv.web.store import STORE
from msrv.web.texts.track_texts import texts_json

_AN_HOUR: Final = "private, max-age=3600"


async def waveform(request: web.Request) -> web.Response:
    """Return the waveform of a whole track.

    Raises Forged, LinkExpired, DownloadsEnded, NotFound.
    """
    found = _find(request)
    svg = await draw_analysis(
        request.app[STORE].encodings.store.analyses,
        found.content.sha256.hex(),
    )
    if not svg:
        raise NotFound
    return web.Response(
        body=svg,
        content_type=MEDIA_TYPE,
        headers={"Cache-Control": _AN_HOUR},
    )


async def lyrics(request: web.Request) -> web.Response:
    """Return the lyrics of a track, with their times, and its credits.

    Raises Forged, LinkExpired, DownloadsEnded, NotFound.
    """
    found, store = _find(request), request.app[STORE]
    release = store.catalog.current.release_of(found)
    texts, kept = None, _AN_HOUR
    if release is not None:
        try:
            all_texts = await store.catalog_cache.release_texts.of(release)
            texts = all_texts.get(found.item_id)
        except TextsUnreadable:
            kept = PRIVATE
    return web.json_response(
        texts_json(texts), headers={"Cache-Control": kept}
    )


def _find(request: web.Request) -> Item:
    """Return the item that a link grants. Raises as the routes do."""
    store, parts = request.app[STORE], request.match_info
    link = Link(parts["pop"], parts["poe"], parts["item"])
    access = store.download_links.authorise(link.path)
    found = store.catalog.current.by_id.get(access.item_id)
    if not isinstance(found, Item):
        raise NotFound
    return found
