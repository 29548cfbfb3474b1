# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Playlists and podcast feeds of a receipt, for players of the buyer's own.

Both contain fresh links to the tracks that were bought, so whoever has their
address can download these, as with the receipt itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from aiohttp import web

from msrv.catalog.model import Item, ItemKind
from msrv.display_text import clean_line
from msrv.orders.download_links import ReceiptItem
from msrv.proofs import receipts
from msrv.proofs.receipts import Receipt
from msrv.translations import gettext
from msrv.web.discovery.xml_documents import add_text, to_document
from msrv.web.rendering import PRIVATE
from msrv.web.store import ORIGIN, STORE

_PLAYLIST_TYPE: Final = "audio/x-mpegurl"
_PODCAST: Final = "http://www.itunes.com/dtds/podcast-1.0.dtd"
_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class BoughtTrack:
    """A track of a receipt, and the address of its file."""

    item: Item
    url: str

    @property
    def name(self) -> str:
        """The artist and the title, in one line."""
        names = (self.item.artist, self.item.title)
        return clean_line(" - ".join(filter(None, names)))


async def playlist(request: web.Request) -> web.Response:
    """Return the tracks of a receipt as an M3U playlist. Raises Forged."""
    _, tracks = await _read(request)
    lines = ["#EXTM3U"]
    for track in tracks:
        seconds = round(track.item.duration_seconds or -1)
        lines += (f"#EXTINF:{seconds},{track.name}", track.url)
    return _respond("\n".join([*lines, ""]).encode(), _PLAYLIST_TYPE)


async def podcast(request: web.Request) -> web.Response:
    """Return the tracks of a receipt as a podcast feed. Raises Forged."""
    receipt, tracks = await _read(request)
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
        content = track.item.content
        SubElement(
            entry,
            "enclosure",
            {
                "url": track.url,
                "length": str(content.size_bytes),
                "type": content.media_type,
            },
        )
    return _respond(to_document(root), "application/rss+xml")


def bought_tracks(
    items: Sequence[ReceiptItem], base_url: str
) -> list[BoughtTrack]:
    """Return the tracks among the items of a receipt, each once."""
    found: dict[str, BoughtTrack] = {}
    for each in items:
        links = list(each.parts)
        if isinstance(each.entry, Item) and each.link is not None:
            links.append((each.entry, each.link))
        for item, link in links:
            if item.kind is ItemKind.TRACK:
                track = BoughtTrack(item, base_url + link)
                found.setdefault(item.item_id, track)
    return list(found.values())


async def _read(
    request: web.Request,
) -> tuple[Receipt, Sequence[BoughtTrack]]:
    """Return the receipt in the path, and its tracks. Raises Forged."""
    store = request.app[STORE]
    receipt = receipts.read(store.keyring, request.match_info["receipt"])
    links = store.download_links
    items = await links.items(receipt, links.expires_at())
    return receipt, bought_tracks(items, request[ORIGIN].base_url)


def _respond(body: bytes, media_type: str) -> web.Response:
    return web.Response(
        body=body,
        content_type=media_type,
        charset="utf-8",
        headers={"Cache-Control": PRIVATE},
    )
