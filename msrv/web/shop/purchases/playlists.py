# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Playlists and podcast feeds of a receipt, for players of the buyer's own.

Both contain fresh links to the tracks that were bought, so whoever has their
address can download these, as with the receipt itself. `?as=` chooses the
format, as on the receipt; without it a podcast has what podcast apps play,
where a track has that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from aiohttp import web

from msrv.catalog.encodings.recipes import ORIGINAL
from msrv.catalog.model import Item, ItemKind
from msrv.display_text import clean_line
from msrv.orders.download_links import ReceiptItem
from msrv.proofs import receipts
from msrv.proofs.receipts import Receipt
from msrv.time_slices import TimeSlices
from msrv.translations import gettext
from msrv.web.discovery.xml_output import add_text, to_document
from msrv.web.rendering import PRIVATE
from msrv.web.shop.purchases.format_choice import (
    PARAMETER,
    FormatChoice,
    FormatDownload,
)
from msrv.web.store import ORIGIN, STORE

_PLAYLIST_TYPE: Final = "audio/x-mpegurl"
_PODCAST: Final = "http://www.itunes.com/dtds/podcast-1.0.dtd"
_SECONDS: Final = 60
_OF_PODCASTS: Final = ("mp3", "mp3-v0", "mp3-320", "aac-256")
"""Formats that every podcast app plays, the first of them preferred."""


@dataclass(frozen=True, slots=True)
class BoughtTrack:
    """A track of a receipt, and its file."""

    item: Item
    file: FormatDownload

    @property
    def name(self) -> str:
        """The artist and the title, in one line."""
        names = (self.item.artist, self.item.title)
        return clean_line(" - ".join(filter(None, names)))


async def playlist(request: web.Request) -> web.Response:
    """Return the tracks of a receipt as an M3U playlist. Raises Forged."""
    _, tracks = await _read(request)
    base = request[ORIGIN].base_url
    lines = ["#EXTM3U"]
    for track in tracks:
        seconds = round(track.item.duration_seconds or -1)
        lines += (f"#EXTINF:{seconds},{track.name}", base + track.file.link)
    return _respond("\n".join([*lines, ""]).encode(), _PLAYLIST_TYPE)


async def podcast(request: web.Request) -> web.Response:
    """Return the tracks of a receipt as a podcast feed. Raises Forged."""
    receipt, tracks = await _read(request, *_OF_PODCASTS)
    shop, origin = request.app[STORE].catalog.current.shop, request[ORIGIN]
    root = Element("rss", {"version": "2.0", "xmlns:itunes": _PODCAST})
    channel = SubElement(root, "channel")
    title = gettext("%(store)s: your purchase", store=shop.name)
    add_text(channel, "title", title)
    add_text(channel, "link", f"{origin.base_url}/")
    add_text(channel, "description", shop.tagline or shop.name)
    # Not to be listed in a directory.
    add_text(channel, "itunes:block", "yes")
    at = receipt.issued_at
    for number, track in enumerate(tracks):
        entry = SubElement(channel, "item")
        add_text(entry, "title", track.name)
        name = f"{receipt.order_id}/{track.item.item_id}"
        SubElement(entry, "guid", {"isPermaLink": "false"}).text = name
        # The newest first: the first track is that.
        date = datetime.fromtimestamp(at - number * _SECONDS, UTC)
        add_text(entry, "pubDate", format_datetime(date))
        seconds = round(track.item.duration_seconds or 0)
        add_text(entry, "itunes:duration", str(seconds))
        SubElement(
            entry,
            "enclosure",
            {
                "url": origin.base_url + track.file.link,
                "length": str(track.file.size_bytes),
                "type": track.file.media_type,
            },
        )
    return _respond(to_document(root), "application/rss+xml")


def count_tracks(items: Sequence[ReceiptItem]) -> int:
    """Return how many tracks of a receipt can be played."""
    return len({item.item_id for item, _ in _tracks(items)})


def _tracks(items: Sequence[ReceiptItem]) -> Iterator[tuple[Item, str]]:
    """Yield the tracks among the items of a receipt, with their links."""
    for each in items:
        links = list(each.parts)
        if isinstance(each.entry, Item) and each.link is not None:
            links.append((each.entry, each.link))
        for item, link in links:
            if item.kind is ItemKind.TRACK:
                yield item, link


async def _read(
    request: web.Request, *preferred: str
) -> tuple[Receipt, Sequence[BoughtTrack]]:
    """Return the receipt in the path, and its tracks. Raises Forged.

    Without a chosen format, each is in the first one of `preferred` that it
    has.
    """
    store = request.app[STORE]
    receipt = receipts.read(store.keyring, request.match_info["receipt"])
    links = store.download_links
    items = await links.items(receipt, links.expires_at())
    chosen = request.query.get(PARAMETER)
    names = preferred if chosen is None else (chosen,)
    choices = [
        FormatChoice(store.formats, store.catalog.current, name)
        for name in (*names, ORIGINAL)
    ]
    found: dict[str, BoughtTrack] = {}
    async for item, link in (await TimeSlices.start()).iterate(
        tuple(_tracks(items))
    ):
        if item.item_id not in found:
            choice = next(each for each in choices if each.has(item))
            file = choice.of_item(item, link)
            found[item.item_id] = BoughtTrack(item, file)
    return receipt, list(found.values())


def _respond(body: bytes, media_type: str) -> web.Response:
    return web.Response(
        body=body,
        content_type=media_type,
        charset="utf-8",
        headers={"Cache-Control": PRIVATE},
    )
