"""The catalog as programs see it: the members of every JSON answer."""

from typing import Any

from msrv.catalog.model import Artwork, Item, ItemKind, Release
from msrv.money import Money
from msrv.storage.model import Content
from msrv.time_slices import TimeSlices
from msrv.web.cart import Cart, id_of

Json = dict[str, Any]


def money(amount: Money) -> Json:
    """Show an amount: minor units, currency, and as a shop writes it."""
    return {
        "price_minor": amount.minor,
        "currency": amount.currency,
        "price": str(amount),
    }


async def release(entry: Release, slices: TimeSlices) -> Json:
    """Show a release with all that it offers."""
    items = [item(each) async for each in slices.iterate(entry.offered)]
    return {
        "release": entry.release_id,
        "item_id": entry.release_id if entry.sold_whole else None,
        "kind": ItemKind.RELEASE,
        "title": entry.title,
        "artist": entry.artist,
        "date": entry.date or None,
        "description": entry.description,
        **money(entry.price),
        "minimum_minor": _minimum(entry),
        "size_bytes": entry.size_bytes,
        "url": release_path(entry),
        "cover": cover_path(entry, entry.artwork) if entry.artwork else None,
        "items": items,
    }


def item(entry: Item) -> Json:
    """Show one item that can be bought."""
    return {
        "item_id": entry.item_id,
        "release": entry.release_id,
        "kind": entry.kind,
        "title": entry.title,
        "artist": entry.artist,
        "disc": entry.disc,
        "number": entry.number,
        "duration_seconds": entry.duration_seconds,
        **money(entry.price),
        "minimum_minor": _minimum(entry),
        "size_bytes": entry.content.size_bytes,
        "media_type": entry.content.media_type,
    }


def cart(content: Cart) -> Json:
    """Show what is in the cart, and a total for each currency."""
    return {
        "items": [
            {
                "item_id": id_of(each),
                "title": each.title,
                **money(content.price_of(each)),
                "minimum_minor": _minimum(each),
            }
            for each in content.entries
        ],
        "totals": [
            {"total_minor": total.minor, "currency": total.currency}
            for total, _ in content.by_currency()
        ],
    }


def _minimum(entry: Item | Release) -> int | None:
    """Give from which price on the buyer sets it; None for a fixed one."""
    return None if entry.minimum is None else entry.minimum.minor


def release_path(entry: Release) -> str:
    """Give the address of a release's page."""
    return f"/catalog/{entry.release_id}"


def cover_path(entry: Release, artwork: Artwork, width: int = 640) -> str:
    """Give the address of a cover, which changes with its bytes."""
    version = version_of(artwork.content)
    return f"/covers/{entry.release_id}/{width}?v={version}"


def version_of(content: Content) -> str:
    """Give what stands after `?v=` for what is made of a file."""
    return content.sha256.hex()[:16]
