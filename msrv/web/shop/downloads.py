# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Routes of downloads and previews.

What a link grants is decided by `orders.download_links`, without a database;
here the file or ZIP is found, and a slot of the concurrency limit acquired.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Hashable
from functools import partial
from typing import Final

from aiohttp import web

from msrv.catalog.encodings.item_formats import FormatError
from msrv.catalog.encodings.recipes import ORIGINAL
from msrv.catalog.encodings.streams import USUAL, find_stream
from msrv.catalog.model import Catalog, Item, Release
from msrv.catalog.previews import NoPreview, clip_version
from msrv.catalog.sound.clip_files import Clip
from msrv.connections.request_handler import IS_STREAMED
from msrv.downloads.body import Body
from msrv.downloads.concurrency_limit import DOWNLOAD_SLOT
from msrv.downloads.representation import Representation
from msrv.downloads.sender import SendOptions
from msrv.proofs.links import Link, LinkExpired
from msrv.storage.model import Content, FileIdentity, Gone, StorageError
from msrv.translations.catalogs import load_catalog
from msrv.web.errors import NotFound
from msrv.web.rendering import PRIVATE
from msrv.web.shop.json_views import version_of
from msrv.web.store import ORIGIN, STORE, Store

_PREVIEW_TYPE: Final = "audio/mpeg"
_PREVIEWS: Final = "previews"
"""Key under which a client's previews share one buyer's slots."""
IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""`Cache-Control` of an address that changes with its content."""


async def download(request: web.Request) -> web.StreamResponse:
    """Send the file or release that a link grants.

    `as` in the query chooses a format; the link proves the purchase of the
    item, whatever its format. Raises Forged, LinkExpired, DownloadsEnded,
    FormatError, DownloadLimitReached, StorageError.
    """
    store = request.app[STORE]
    parts = request.match_info
    link = Link(parts["pop"], parts["poe"], parts["item"])
    expired = None
    try:
        access = store.download_links.authorise(link.path)
    except LinkExpired as error:
        expired, access = error, error.access
    catalog, now = store.catalog.current, store.clock()
    # That of the README in a ZIP.
    await load_catalog(catalog.shop.language)
    entry = catalog.by_id.get(access.item_id)
    if entry is None:
        if expired is not None:
            raise expired
        # The link is valid: it is the file that is missing.
        raise Gone(access.item_id)
    try:
        representation, body = _find(
            store, catalog, entry, request.query.get("as", ORIGINAL)
        )
    except FormatError:
        if expired is not None:
            raise expired from None
        raise
    sender = store.sender
    # In effect, the life of a link is longer by `resume_hours` for those who
    # started the download before.
    if expired is not None and (
        now >= expired.since + store.settings.resume_hours * 3600
        or not await sender.resumes(request, representation, body)
    ):
        raise expired
    send = partial(
        sender.send,
        request,
        representation,
        body,
        SendOptions(
            now,
            PRIVATE,
            on_sent=store.ledger.track_download(
                access.order_id,
                access.item_id,
                representation.etag,
                representation.size_bytes,
            ),
        ),
    )
    if not sender.streams(request, body):
        return await send()
    async with _download_slot(request, access.order_id):
        with store.metrics.download():
            return await send()


def _find(
    store: Store, catalog: Catalog, entry: Item | Release, name: str
) -> tuple[Representation, Body]:
    """Return an item or a release in a format. Raises FormatError."""
    if isinstance(entry, Release):
        whole = store.formats.release_in(entry, name)
        return store.representations.pack(catalog, whole, name)
    if name == ORIGINAL:
        return store.representations.file(entry)
    release = catalog.release_of(entry)
    return store.representations.file(
        entry, store.formats.item_in(release, entry, name)
    )


async def preview(request: web.Request) -> web.StreamResponse:
    """Send a clip of a track, or all of it where the seller allows that.

    Raises NotFound, NoPreview, DownloadLimitReached.
    """
    store = request.app[STORE]
    catalog, previews = store.catalog.current, store.previews
    item_id = request.match_info["item"]
    found = catalog.by_id.get(catalog.moved.get(item_id, item_id))
    if not isinstance(found, Item) or found.hidden:
        raise NotFound
    stream = find_stream(
        store.encodings.store, found, request.query.get("as", USUAL)
    )
    if stream is not None:
        representation, body = store.representations.file(found, stream)
        async with _download_slot(request, _PREVIEWS):
            return await store.sender.send(
                request,
                representation,
                body,
                SendOptions(
                    store.clock(),
                    cache_control(request, version_of(stream.content)),
                    "inline",
                ),
            )
    if not previews.is_offered(found):
        raise NotFound
    clip = await previews.clip(found)
    try:
        body = Body.of_file(await asyncio.to_thread(_content_of, clip))
        representation = Representation(
            size_bytes=body.size_bytes,
            etag=clip.etag,
            last_modified=found.content.mtime_ns // 1_000_000_000,
            media_type=_PREVIEW_TYPE,
        )
        async with _download_slot(request, _PREVIEWS):
            return await store.preview_sender.send(
                request,
                representation,
                body,
                SendOptions(
                    store.clock(),
                    cache_control(request, clip_version(found)),
                    "inline",
                ),
            )
    except (OSError, StorageError) as error:
        if request.writer.output_size:
            raise
        # The cache may be emptied at any time.
        raise NoPreview(found.item_id) from error


@contextlib.asynccontextmanager
async def _download_slot(
    request: web.Request, buyer: Hashable
) -> AsyncIterator[None]:
    """Acquire a slot for a streamed response; release it at the end.

    Raises DownloadLimitReached.
    """
    client = request[ORIGIN].client
    async with request.app[STORE].download_limit.acquire(
        client, buyer
    ) as slot:
        request[DOWNLOAD_SLOT] = slot
        request[IS_STREAMED] = True
        yield


def _content_of(clip: Clip) -> Content:
    """Return the content of a preview in the cache. Blocks. Raises OSError.

    It has no hashes: a preview is never changed, only replaced.
    """
    identity = FileIdentity.of(clip.path.stat())
    return Content(clip.path.name, identity, b"", 0, _PREVIEW_TYPE)


def cache_control(request: web.Request, version: str) -> str:
    """Return `Cache-Control`: immutable for the current `?v=` only."""
    return IMMUTABLE if request.query.get("v") == version else "no-cache"
