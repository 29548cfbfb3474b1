# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The liner notes of Items May Have Shifted: what they say, and where."""

from typing import Final

from demo.booklet import BLACK, MARGIN, PAPER, RED, SIDE, Page, write
from demo.stowage import HALF, Square, stow

_NOTES: Final = (
    (
        "Departure",
        "D major, 98",
        (
            "The chime is ours. The airport asked us to stop using it, in"
            " writing, and the letter is better phrased than most of our"
            " lyrics. That is why there are no lyrics."
        ),
    ),
    (
        "Hand Luggage",
        "G major, 140, in three",
        (
            "Written on a guitar that fits under the seat in front of you."
            " Recorded there as well, which is why nobody stands up in it."
        ),
    ),
    (
        "Seat 14F",
        "E flat major, 76",
        (
            "A window seat over the wing. The noise is the wing. We tried the"
            " aisle, but it had been promised to somebody's knees."
        ),
    ),
    (
        "Mild Turbulence",
        "E minor, 168, in five",
        (
            "Two marimbas, one armrest. In bar sixteen everybody looks up."
            " Nothing has happened. It goes on."
        ),
    ),
    (
        "Nothing to Declare",
        "C major, 70",
        (
            "One piano, after midnight, in the green channel. The officer"
            " stayed for the second half and asked about the chord in bar six."
        ),
    ),
    (
        "Baggage Reclaim",
        "F minor, 84",
        (
            "Four bars that go round until somebody recognises them. If it is"
            " yours, take it. If it is not, it is probably ours."
        ),
    ),
)


def liner_notes() -> bytes:
    """Return the booklet as a PDF."""
    pages = [
        _front(),
        _contents(),
        *(_tracks(place) for place in range(0, len(_NOTES), 2)),
        _safety(),
        _credits(),
        _back(),
    ]
    return write(pages, "Items May Have Shifted: liner notes", "Lost Property")


def _front() -> Page:
    page = Page(BLACK, PAPER)
    page.text((MARGIN, 58), "Liner Notes", "B30")
    page.text((MARGIN, 80), "Lost Property", "C9", RED)
    page.text((MARGIN, 92), "Items May Have Shifted", "C9")
    pitch = (SIDE - 2 * MARGIN) / (8 + 2 * HALF)
    first = (MARGIN + HALF * pitch, 138)
    for square in stow(columns=9, rows=6, ours=(4, 6)):
        colour = RED if square.ours else PAPER
        page.polygon(first + square.corners() * pitch, colour)
    return page


def _contents() -> Page:
    page = Page(PAPER, BLACK)
    page.text((MARGIN, 58), "Please keep this", "B24")
    page.text((MARGIN, 84), "with your ticket.", "B24")
    top = page.prose(
        (MARGIN, 116),
        "Lost Property met in a queue. Nobody remembers what it was for. By"
        " the time it moved they had four chords, a name, and one suitcase"
        " too many, which has been the drum kit ever since.",
        58,
    )
    top = page.prose(
        (MARGIN, top + 8),
        "This is their first record. It is short because the gate closes"
        " twenty minutes before departure.",
        58,
    )
    for number, (title, _, _) in enumerate(_NOTES, 1):
        page.leader(
            top + 2 + 13 * number, f"{number:02} {title}", _page(number)
        )
    _foot(page, 2)
    return page


def _page(number: int) -> str:
    return f"p. {3 + (number - 1) // 2}"


def _tracks(first: int) -> Page:
    page = Page(PAPER, BLACK)
    for place in (0, 1):
        title, how, note = _NOTES[first + place]
        top = 46.0 + place * 140
        page.box((MARGIN, top - 18, SIDE - 2 * MARGIN, 0.6), BLACK)
        page.text((MARGIN, top + 8), f"{first + place + 1:02}", "B24", RED)
        page.text((MARGIN + 44, top + 8), title, "B24")
        page.text((MARGIN + 44, top + 28), how, "D8")
        page.prose((MARGIN + 44, top + 48), note)
    _foot(page, 3 + first // 2)
    return page


def _safety() -> Page:
    page = Page(RED, BLACK)
    page.text((MARGIN, 58), "In the unlikely event", "B24")
    page.text((MARGIN, 84), "of a chorus", "B24", PAPER)
    steps = (
        "Remain calm. It will not last longer than eight bars.",
        "Fit your own headphones before helping others with theirs.",
        "Do not inflate the reverb inside the cabin.",
        "Singing along is permitted in rows 1 to 13. Row 14 is working.",
        "Leave all your belongings behind. We will find them.",
    )
    top = 126.0
    for number, step in enumerate(steps, 1):
        page.text((MARGIN, top), str(number), "D12", PAPER)
        top = page.prose((MARGIN + 24, top), step, 50) + 12
    _foot(page, 6)
    return page


def _credits() -> Page:
    page = Page(BLACK, PAPER)
    page.text((MARGIN, 58), "Found by", "B24")
    people = (
        ("Electric piano, whistling", "A. Carousel"),
        ("Bass, blankets", "M. Overhead"),
        ("Guitar under the seat", "P. Foldaway"),
        ("Marimbas, both", "The Twins in 22"),
        ("Suitcase (drums)", "unclaimed"),
    )
    for place, (what, who) in enumerate(people):
        page.leader(96 + 16 * place, what, who)
    top = page.prose(
        (MARGIN, 204),
        "Computed, not recorded: every sound on this record is arithmetic."
        " No seat was reclined in the making of it.",
        58,
    )
    page.prose(
        (MARGIN, top + 10),
        "To the extent possible under law, the people who made this waive"
        " all rights to it: CC0 1.0. Copy it, cut it, play it in a lift.",
        58,
    )
    _foot(page, 7)
    return page


def _back() -> Page:
    page = Page(BLACK, PAPER)
    left = Square(SIDE - 76, SIDE - 76, 0.33)
    page.polygon(left.corners(36), RED)
    page.text((MARGIN, 58), "Unattended items", "B24")
    page.text((MARGIN, 84), "will be sold.", "B24")
    page.text((MARGIN, SIDE - MARGIN), "LP 001")
    return page


def _foot(page: Page, number: int) -> None:
    page.text((MARGIN, SIDE - MARGIN), "Items May Have Shifted")
    page.right((SIDE - MARGIN, SIDE - MARGIN), str(number))
