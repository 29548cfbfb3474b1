# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Kinds of releases, inferred from their files."""

from collections.abc import Sequence

import pytest

from msrv.catalog.details.kinds import infer_kind
from msrv.catalog.details.release_details import ReleaseKind
from msrv.catalog.model import Item, ItemKind
from msrv.catalog.names.media_types import AUDIO_TYPES
from msrv.money import Money
from msrv.storage.model import Content, FileIdentity

MINUTE = 60.0


def item(
    name: str, seconds: float | None = None, number: int | None = None
) -> Item:
    """Return an item of a file's name."""
    suffix = f".{name.rpartition('.')[2].lower()}"
    is_track = suffix in AUDIO_TYPES
    return Item(
        item_id=name,
        release_id="release",
        kind=ItemKind.TRACK if is_track else ItemKind.FILE,
        title=name,
        artist="",
        price=Money(0, "EUR"),
        content=Content(name, FileIdentity(1, 1, 1, 1), b"", 0, "a/b"),
        number=number,
        duration_seconds=seconds,
    )


def tracks(*seconds: float | None) -> list[Item]:
    """Return numbered tracks of these lengths."""
    return [
        item(f"{number:02d}.flac", each, number)
        for number, each in enumerate(seconds, 1)
    ]


@pytest.mark.parametrize(
    ("items", "kind"),
    [
        (tracks(3 * MINUTE), ReleaseKind.SINGLE),
        (tracks(None), ReleaseKind.SINGLE),
        (tracks(*[9.9 * MINUTE] * 3), ReleaseKind.SINGLE),
        (tracks(10 * MINUTE, MINUTE), ReleaseKind.EP),
        (tracks(*[4 * MINUTE] * 4), ReleaseKind.EP),
        (tracks(*[4 * MINUTE] * 6), ReleaseKind.EP),
        (tracks(*[5 * MINUTE] * 6), ReleaseKind.ALBUM),
        (tracks(45 * MINUTE), ReleaseKind.ALBUM),
        (tracks(*[2 * MINUTE] * 7), ReleaseKind.ALBUM),
        (tracks(*[None] * 7), ReleaseKind.ALBUM),
        ([*tracks(MINUTE), item("Lyrics.pdf")], ReleaseKind.SINGLE),
        ([item("novel.pdf"), item("novel.EPUB")], ReleaseKind.BOOK),
        ([item("film.mkv"), item("film.srt")], ReleaseKind.VIDEO),
        ([item("film.mkv"), item("extras.zip")], ReleaseKind.OTHER),
        ([item("setup.exe")], ReleaseKind.OTHER),
        ([item("samples.zip")], ReleaseKind.OTHER),
        ([item("no suffix")], ReleaseKind.OTHER),
    ],
)
def test_kind_is_that_of_the_files(
    items: Sequence[Item], kind: ReleaseKind
) -> None:
    assert infer_kind(items) is kind


def test_only_many_short_unnumbered_files_are_a_sample_pack() -> None:
    samples = [item(f"Kick {n}.wav", 0.5) for n in range(20)]
    assert infer_kind(samples) is ReleaseKind.SAMPLE_PACK
    for other in (
        samples[1:],
        [*samples[1:], item("Loop.wav", 10)],
        [*samples[1:], item("Kick.mp3", 0.5)],
        [*samples, item("Kick 20.wav", 0.5, number=3)],
        [*samples, item("Manual.pdf")],
    ):
        assert infer_kind(other) is not ReleaseKind.SAMPLE_PACK
