# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The plan of encodings, and the streams and formats that are sent by it."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from msrv.catalog.encodings.encoding_plan import EncodingPlan
from msrv.catalog.encodings.encoding_store import Encoding, EncodingStore
from msrv.catalog.encodings.item_formats import ItemFormats, UnknownFormat
from msrv.catalog.encodings.recipes import STREAMS
from msrv.catalog.encodings.streams import find_stream
from msrv.catalog.model import (
    Item,
    ItemKind,
    Listening,
    ListeningMode,
    Release,
    Sound,
)
from msrv.money import Money
from tests.downloads.contents import known

EUR = Money(100, "EUR")
TRACKS = 8


def track(number: int, album_gain_db: float | None = -9.0) -> Item:
    path = f"R/{number}.flac"
    return Item(
        f"track-{number}",
        "release",
        ItemKind.TRACK,
        f"Track {number}",
        "Artist",
        EUR,
        known(path.encode(), path),
        number=number,
        duration_seconds=60.0,
        sound=Sound("flac", 44_100, 16, 2, -6.0, album_gain_db),
        listening=Listening(ListeningMode.FULL),
    )


def release_of(*tracks: Item) -> Release:
    return Release(
        "release", "R", "Album", "Artist", "2026-03-06", "", EUR, tracks
    )


def plan_of(*tracks: Item) -> EncodingPlan:
    release = release_of(*tracks)
    empty = EncodingPlan({})
    planned = empty.of_release(release)
    return EncodingPlan({release.release_id: (release, planned)})


def made(plan: EncodingPlan) -> dict[str, Encoding]:
    """Return an encoding of each planned one, whose path is its gain."""
    found = {}
    for each in plan.encodings:
        key = each.key("5.1")
        content = known(key.encode(), str(each.gain_db))
        name = each.recipe.name
        found[key] = Encoding(key, each.source, each.master, name, content)
    return found


@pytest.mark.parametrize("name", STREAMS)
def test_streams_are_those_of_the_present_gains(
    tmp_path: Path, name: str
) -> None:
    """A bonus track without an album gain: all play with their own gains."""
    store = EncodingStore(tmp_path)
    tracks = [track(number) for number in range(TRACKS)]
    before = plan_of(*tracks)
    after = plan_of(*tracks, track(TRACKS, None))

    def gains() -> set[str]:
        found = [find_stream(store, each, name) for each in tracks]
        return {each.content.path if each else "" for each in found}

    store.set_encodings(made(before))
    store.streams = before.streams
    assert gains() == {"-9.0"}
    # While those of the new gains aren't ready, those of before are sent.
    store.streams = after.streams
    assert gains() == {"-9.0"}
    store.set_encodings(made(before) | made(after))
    assert gains() == {"-6.0"}
    store.streams = before.streams
    assert gains() == {"-9.0"}


def test_plan_names_the_source_of_each_stream() -> None:
    plan = plan_of(track(1))
    assert plan.streams == {
        ("R/1.flac", each.recipe.name): each.source for each in plan.encodings
    }
    assert len(plan.streams) == len(STREAMS)


def test_source_names_all_that_decides_the_bytes() -> None:
    """Other stores may have made the same, so the digest must be the same."""
    item = track(1)
    sources = [
        each.source
        for changed in (
            item,
            replace(item, sound=Sound("flac", 44_100, 16, 6, -6.0, -9.0)),
            track(1, -8.0),
            track(2),
        )
        for each in plan_of(changed).encodings
    ]
    assert len(set(sources)) == len(sources)
    assert all(
        len(each) == hashlib.sha256().digest_size * 2 for each in sources
    )
    again = [each.source for each in plan_of(track(1)).encodings]
    assert again == sources[: len(again)]


def test_release_of_flacs_is_a_flac_as_its_tracks_are(tmp_path: Path) -> None:
    formats = ItemFormats(EncodingStore(tmp_path))
    booklet = replace(
        track(3), kind=ItemKind.FILE, content=known(b"%PDF", "R/3.pdf")
    )
    release = release_of(track(1), track(2), booklet)
    assert formats.release_in(release, "flac") is release
    assert formats.item_in(release, track(1), "flac").name == "original"
    for name in ("alac", "mp3", ""):
        with pytest.raises(UnknownFormat):
            formats.release_in(release, name)
    wav = replace(track(2), content=known(b"RIFF", "R/2.wav"))
    with pytest.raises(UnknownFormat):
        formats.release_in(release_of(track(1), wav), "flac")
    files = release_of(booklet)
    with pytest.raises(UnknownFormat):
        formats.release_in(files, "flac")
