# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A release to make a ZIP of."""

from dataclasses import replace

from msrv.catalog.model import Cover, Item, ItemKind, Release, Shop
from msrv.catalog.release_zip import zip_members
from msrv.money import Money
from tests.downloads.contents import known

SHOP = Shop(name="Wet Coats", contact="hello@example.org")
FREE = Money(0, "EUR")
DATA = {
    path: path.encode() * 10
    for path in ("Bus/x1.FLAC", "Bus/x2.flac", "Bus/Lyrics.pdf", "Bus/c.PNG")
}


def item(path: str, title: str, number: int | None = None) -> Item:
    return Item(
        item_id=title.lower(),
        release_id="night-bus",
        kind=ItemKind.TRACK if number else ItemKind.FILE,
        title=title,
        artist="The Wet Coats",
        price=FREE,
        content=known(DATA.get(path, b"x"), path),
        number=number,
    )


RELEASE = Release(
    release_id="night-bus",
    folder="Bus",
    title="Night Bus",
    artist="The Wet Coats",
    date="2026-03-06",
    description="Songs about\nweather.",
    price=FREE,
    items=(
        item("Bus/x1.FLAC", "Departure", 1),
        replace(item("Bus/x2.flac", "Wrong Stop", 2), hidden=True),
        item("Bus/Lyrics.pdf", "Lyrics"),
    ),
    cover=Cover(known(DATA["Bus/c.PNG"], "Bus/c.PNG"), 9, 9, "#000000"),
)


def names(release: Release) -> list[str]:
    """Return the paths in its ZIP, below its folder."""
    return [
        member.name.removeprefix("The Wet Coats - Night Bus/")
        for member in zip_members(release, SHOP)
    ]
