# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""What the demo library offers: its releases, its words, its prices."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from PIL import Image

from demo import lost_property, pictures, working_group
from demo.desk import Desk
from demo.liner_notes import liner_notes


@dataclass(frozen=True, slots=True)
class Track:
    """One piece, in the format that its file name ends in.

    `extra` are lines of release.toml for this item alone.
    """

    title: str
    suffix: str
    piece: Callable[[], Desk]
    extra: str = ""


@dataclass(frozen=True, slots=True)
class Album:
    """One release: its folder is named after its artist and title."""

    release_id: str
    title: str
    artist: str
    date: str
    description: str
    credits: str
    price: str
    item_price: str
    cover: Callable[[], Image.Image]
    tracks: tuple[Track, ...]
    genres: tuple[str, ...]
    tags: tuple[str, ...]
    booklet: Callable[[], bytes] | None = None

    @property
    def folder(self) -> str:
        """The name of its folder in the library."""
        return f"{self.artist} - {self.title}"

    def file_name(self, number: int) -> str:
        """Return the name of a track's file; tracks count from 1."""
        track = self.tracks[number - 1]
        return f"{number:02} {track.title}{track.suffix}"

    def toml(self) -> str:
        """Return its release.toml."""
        lines = [
            f'id = "{self.release_id}"',
            f"title = {json.dumps(self.title)}",
            f"artist = {json.dumps(self.artist)}",
            f'date = "{self.date}"',
            f'description = """\n{self.description}"""',
            f'credits = """\n{self.credits}"""',
            f'price = "{self.price}"',
            f'item_price = "{self.item_price}"',
            f"genres = {json.dumps(self.genres)}",
            f"tags = {json.dumps(self.tags)}",
        ]
        for number, track in enumerate(self.tracks, 1):
            if track.extra:
                name = json.dumps(self.file_name(number))
                lines += ["", f"[items.{name}]", track.extra]
        if self.booklet:
            name = json.dumps(BOOKLET)
            lines += ["", f"[items.{name}]", 'title = "Liner Notes"']
            lines += ['price = "2.00"']
        return "\n".join(lines) + "\n"


BOOKLET: Final = "Liner Notes.pdf"

STORE_TOML: Final = """\
name = "MSRV"
tagline = "Music, sold where it is kept."
contact = "hello@example.org"
currency = "EUR"
accent = "#ff3b30"
thanks = "Thank you. The drum machine has been told."

[prices]
item = "1.00"
release = "7.00"

[legal]
imprint = "imprint.md"
terms = "terms.md"
privacy = "privacy.md"
withdrawal = "withdrawal.md"
"""

LICENSE: Final = """\
The music, the pictures and the words in this folder
were made for the MSRV demo store.

To the extent possible under law, their makers have waived all copyright and
related or neighbouring rights to them, under the
Creative Commons CC0 1.0 Universal Public Domain Dedication:

    https://creativecommons.org/publicdomain/zero/1.0/

Neither band exists. Any likeness to a band you are in is your own doing.
"""

ALBUMS: Final = (
    Album(
        release_id="items-may-have-shifted",
        genres=("Instrumental", "Chamber Jazz"),
        tags=("travel", "waiting rooms"),
        title="Items May Have Shifted",
        artist="Lost Property",
        date="2026-03-06",
        description="""\
Six pieces for electric piano, nylon strings and a suitcase.

Recorded between two announcements. Best heard sitting down, with the table \
folded away and nothing in particular to do about the weather. The first \
track is free, as it was going there anyway.
""",
        credits="""\
- Electric piano: computed
- Nylon strings: plucked, by arithmetic
- Suitcase: the guitarist's own
""",
        price="6.00",
        item_price="1.20",
        cover=pictures.items_may_have_shifted,
        tracks=(
            Track("Departure", ".mp3", lost_property.departure, 'price = "0"'),
            Track("Hand Luggage", ".m4a", lost_property.hand_luggage),
            Track("Seat 14F", ".opus", lost_property.seat_14f),
            Track("Mild Turbulence", ".ogg", lost_property.mild_turbulence),
            Track(
                "Nothing to Declare",
                ".flac",
                lost_property.nothing_to_declare,
            ),
            Track("Baggage Reclaim", ".mp3", lost_property.baggage_reclaim),
        ),
        booklet=liner_notes,
    ),
    Album(
        release_id="minutes-of-the-last-meeting",
        genres=("Instrumental", "Lounge"),
        tags=("meetings", "mono"),
        title="Minutes of the Last Meeting",
        artist="The Working Group",
        date="2025-11",
        description="""\
Four items, taken in order.

Present: organ, vibraphone, one drum machine, a guitar. Apologies were \
received from the singer. The last item is in mono, by majority, and ends on \
a question; the chord was carried over.
""",
        credits="""\
Written and played by *The Working Group*. Minutes taken by the drum machine.
""",
        price="3.50",
        item_price="1.00",
        cover=pictures.minutes_of_the_last_meeting,
        tracks=(
            Track(
                "Apologies for Absence",
                ".mp3",
                working_group.apologies_for_absence,
            ),
            Track("Matters Arising", ".ogg", working_group.matters_arising),
            Track(
                "Any Other Business",
                ".opus",
                working_group.any_other_business,
            ),
            Track(
                "Date of Next Meeting",
                ".flac",
                working_group.date_of_next_meeting,
            ),
        ),
    ),
)
