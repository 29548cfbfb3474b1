# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Members of the JSON responses: catalog, cart and discount."""

from typing import Any

from msrv.catalog.covers import SHARED_WIDTH
from msrv.catalog.details.release_details import ReleaseDetails
from msrv.catalog.encodings.item_formats import ReleaseFormat
from msrv.catalog.model import Cover, Item, ItemKind, Release, Sound
from msrv.money import Money
from msrv.orders.cart import Cart
from msrv.orders.discounts import CartDiscount
from msrv.orders.pricing import id_of
from msrv.storage.model import Content
from msrv.time_slices import TimeSlices
from msrv.web.appearance.drawn_covers import drawn_cover_path
from msrv.web.errors.shopping import discount_message
from msrv.web.formatting import cart_summary

Json = dict[str, Any]


def money(amount: Money) -> Json:
    """Return an amount: minor units, currency, and formatted."""
    return {
        "price_minor": amount.minor,
        "currency": amount.currency,
        "price": str(amount),
    }


async def release(entry: Release, slices: TimeSlices) -> Json:
    """Return a release and the items in it."""
    items = [item(each) async for each in slices.iterate(entry.offered)]
    return {
        "release": entry.release_id,
        "item_id": entry.release_id if entry.sold_whole else None,
        "kind": ItemKind.RELEASE,
        "title": entry.title,
        "artist": entry.artist,
        "date": entry.date or None,
        "description": entry.description,
        "credits": entry.credits,
        **money(entry.price),
        "minimum_minor": _minimum(entry),
        "size_bytes": entry.size_bytes,
        "url": release_path(entry),
        "cover": cover_path(entry, entry.cover) if entry.cover else None,
        **details(entry.details),
        "items": items,
    }


def details(found: ReleaseDetails) -> Json:
    """Return the details of a release; what isn't known is None."""
    tempo = found.tempo
    return {
        "release_kind": found.kind,
        "genres": list(found.genres),
        "tags": list(found.tags),
        "label": found.label or None,
        "catalog_number": found.catalog_number or None,
        "isbn": found.isbn or None,
        "language": found.language or None,
        "licence": found.licence or None,
        "version": found.version or None,
        "platforms": list(found.platforms),
        "key": found.key or None,
        "tempo": [tempo.lowest, tempo.highest] if tempo else None,
        "pages": found.page_count,
        "duration_seconds": found.duration_seconds,
    }


def item(entry: Item) -> Json:
    """Return one item that can be bought."""
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
        "sound": sound(entry.sound),
    }


def release_format(found: ReleaseFormat) -> Json:
    """Return a format in which a release can be downloaded."""
    return {
        "format": found.name,
        "label": found.label or None,
        "size_bytes": found.size_bytes,
    }


def sound(found: Sound | None) -> Json | None:
    """Return the sound of a track, None for another file."""
    if found is None:
        return None
    return {
        "codec": found.codec,
        "is_lossless": found.is_lossless,
        "sample_rate_hz": found.sample_rate_hz,
        "bit_depth": found.bit_depth,
        "channels": found.channels,
    }


def cart(content: Cart) -> Json:
    """Return the items in a cart, and a total for each currency."""
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
        "summary": cart_summary(content),
    }


def discount(found: CartDiscount) -> Json:
    """Return the member for a cart's discount, none where there is none."""
    if not found.name:
        return {}
    data: Json = {"code": found.name}
    if found.error is not None:
        data["message"] = discount_message(found.error)
    data["totals"] = [
        {
            "off_minor": each.off.minor,
            "total_minor": each.total.minor,
            "currency": each.total.currency,
        }
        for each in found.by_currency.values()
    ]
    return {"discount": data}


def _minimum(entry: Item | Release) -> int | None:
    """Return the lowest price a buyer can set; None for a fixed price."""
    return None if entry.minimum is None else entry.minimum.minor


def release_path(entry: Release) -> str:
    """Return the path of a release's page."""
    return f"/catalog/{entry.release_id}"


def shared_cover_path(entry: Release) -> str:
    """Return the path of a release's picture for link previews, a JPEG."""
    if entry.cover is None:
        return drawn_cover_path(entry, str(SHARED_WIDTH))
    return cover_path(entry, entry.cover, SHARED_WIDTH)


def cover_path(entry: Release, cover: Cover, width: int = 640) -> str:
    """Return the path of a cover, which changes with its bytes."""
    version = version_of(cover.content)
    return f"/covers/{entry.release_id}/{width}?v={version}"


def picture_path(page: str, picture: Cover, width: int = 640) -> str:
    """Return the path of a page's picture, which changes with its bytes."""
    return f"{page}/picture/{width}?v={version_of(picture.content)}"


def version_of(content: Content) -> str:
    """Return the `?v=` of what is made from a file."""
    return content.sha256.hex()[:16]
