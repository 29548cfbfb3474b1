# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Route of waveforms: the peaks of what can be heard of a track, as an SVG.

Apart from `listening`, which lists their addresses and sends nothing.
"""

import asyncio

from aiohttp import web

from msrv.catalog.encodings.streams import find_stream
from msrv.catalog.model import Item
from msrv.catalog.previews import clip_version
from msrv.catalog.sound.analysis import AnalysisStore
from msrv.catalog.sound.waveform import draw_waveform
from msrv.web.errors import NotFound
from msrv.web.shop.media import respond_with_asset
from msrv.web.static_files import prepare
from msrv.web.store import STORE

MEDIA_TYPE = "image/svg+xml"


async def waveform(request: web.Request) -> web.StreamResponse:
    """Return the waveform of a track's stream, or else of its clip.

    Raises NotFound, NoPreview.
    """
    store = request.app[STORE]
    catalog = store.catalog.current
    item_id = request.match_info["item"]
    found = catalog.by_id.get(catalog.moved.get(item_id, item_id))
    if not isinstance(found, Item) or found.hidden:
        raise NotFound
    encodings = store.encodings.store
    if find_stream(encodings, found) is not None:
        master = found.content.sha256.hex()
        version = encodings.analyses.find(master)
        svg = await draw_analysis(encodings.analyses, master)
    elif store.previews.is_offered(found):
        version = clip_version(found)
        svg = await store.previews.waveform(found)
    else:
        raise NotFound
    if not svg or version is None:
        raise NotFound
    asset = await asyncio.to_thread(prepare, MEDIA_TYPE, svg)
    return respond_with_asset(request, asset, version)


async def draw_analysis(analyses: AnalysisStore, master: str) -> bytes:
    """Return the SVG of a master's peaks, empty without any."""
    try:
        analysis = await analyses.fetch(master)
    except OSError:
        return b""
    if analysis is None or not analysis.peaks:
        return b""
    return await asyncio.to_thread(draw_waveform, analysis.peaks)
