# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Grouping of a track's formats."""

import io
from dataclasses import replace
from typing import Any, cast

import pytest
from mutagen.flac import FLAC

from msrv.catalog.library import track_formats
from msrv.catalog.library.found_files import FoundFile
from msrv.catalog.library.scan import scan
from msrv.catalog.library.track_formats import TrackFile, group_by_track
from msrv.catalog.metadata.tags import Tags
from msrv.catalog.model import Item
from msrv.catalog.names import ids
from msrv.money import Money
from tests.catalog.ffmpeg_tools import tone
from tests.catalog.temporary_library import Library
from tests.downloads.contents import known


def sounds(library: Library, files: dict[str, Tags]) -> list[TrackFile]:
    """Write files of the sizes that their formats tend to have."""
    sizes = {".flac": 900, ".wav": 1000, ".mp3": 300, ".ogg": 200}
    for name in files:
        library.put(name, b"x" * sizes[f".{name.rpartition('.')[2].lower()}"])
    found = {
        file.path: file
        for folder in scan(library.root).folders
        for file in folder.files
    }
    return [
        TrackFile(found[path], known(b"x", path), tags)
        for path, tags in files.items()
    ]


def tracks(found: list[TrackFile]) -> list[list[str]]:
    return [
        [sound.file.name for sound in track] for track in group_by_track(found)
    ]


LONG = Tags(duration_seconds=200.0)
SONG = Tags(title="Song", artist="A", number=1, duration_seconds=200.0)
OTHER = replace(SONG, duration_seconds=300.0)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"R/a.mp3": LONG, "R/a.flac": LONG}, [["a.flac", "a.mp3"]]),
        ({"R/A.mp3": LONG, "R/a.FLAC": LONG}, [["a.FLAC", "A.mp3"]]),
        (
            {"R/a.ogg": LONG, "R/a.mp3": LONG, "R/a.flac": LONG},
            [["a.flac", "a.mp3", "a.ogg"]],
        ),
        # By their tags, under different names.
        (
            {"R/01.flac": SONG, "R/A - Song.mp3": SONG},
            [["01.flac", "A - Song.mp3"]],
        ),
        (
            {"R/01.flac": LONG, "R/A - Song.mp3": SONG},
            [["01.flac"], ["A - Song.mp3"]],
        ),
        # Other works by one name, one title, one format.
        (
            {"R/a.mp3": Tags(duration_seconds=90.0), "R/a.flac": LONG},
            [["a.mp3"], ["a.flac"]],
        ),
        (
            {
                "R/01.flac": SONG,
                "R/02.mp3": Tags(
                    "Song", "A", number=1, duration_seconds=190.0
                ),
            },
            [["01.flac"], ["02.mp3"]],
        ),
        ({"R/a.flac": SONG, "R/b.flac": SONG}, [["a.flac"], ["b.flac"]]),
        # Each folder for itself.
        ({"R/a.mp3": SONG, "S/a.flac": SONG}, [["a.mp3"], ["a.flac"]]),
    ],
)
def test_formats_of_one_track_are_grouped(
    library: Library, files: dict[str, Tags], expected: list[list[str]]
) -> None:
    assert tracks(sounds(library, files)) == expected


@pytest.fixture
def two_formats(library: Library, ffmpeg: str) -> Library:
    """Write a release of two tracks, as FLAC and as MP3."""
    for number, name in enumerate(("01 A", "02 B"), 1):
        for suffix in ("flac", "mp3"):
            library.put(f"R/{name}.{suffix}", tone(ffmpeg, number, suffix))
    return library


def test_grouping_takes_a_time_linear_in_files_of_one_title(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    count = 500
    compared = []
    real = track_formats._has_duration

    def watch(*arguments: Any) -> bool:  # noqa: ANN401 - passed on
        compared.append(1)
        return real(*arguments)

    monkeypatch.setattr(track_formats, "_has_duration", watch)
    loops = [
        TrackFile(
            FoundFile(f"R/{number} {suffix}{suffix}", 1, 1, 1, number),
            known(b"x", "x"),
            SONG,
        )
        for suffix in (".mp3", ".wav", ".flac")
        for number in range(count)
    ]
    longer = loops[0].file._replace(path="R/longer.ogg")
    other = replace(loops[0], file=longer, tags=OTHER)
    found = group_by_track([other, *loops])
    assert [len(track) for track in found] == [1, *[3] * count]
    assert len(compared) <= 10 * count


def test_release_in_two_formats_costs_the_same(two_formats: Library) -> None:
    reading = two_formats.read()
    (release,) = reading.catalog.releases
    assert release.price == Money(200, "EUR")
    assert [item.file_name for item in release.items] == [
        "01 A.flac",
        "02 B.flac",
    ]
    (first, _) = release.items
    assert [each.path for each in first.alternatives] == ["R/01 A.mp3"]
    assert reading.problems == ()
    assert "2 of the items have no price set" in reading.notes[0]


def test_former_id_of_another_format_delivers_that_format(
    two_formats: Library,
) -> None:
    catalog = two_formats.read().catalog
    release = ids.release_id("R")
    for suffix in ("flac", "mp3"):
        item = catalog.by_id[ids.item_id(release, f"01 A.{suffix}")]
        assert isinstance(item, Item)
        assert item.content.path == f"R/01 A.{suffix}"
        assert item.hidden is (suffix == "mp3")
        assert item.release_id == release


def test_format_with_its_own_price_is_an_item(two_formats: Library) -> None:
    two_formats.put("R/release.toml", '[items."01 A.mp3"]\nprice = "0"\n')
    release = two_formats.only()
    assert [item.file_name for item in release.items] == [
        "01 A.flac",
        "01 A.mp3",
        "02 B.flac",
    ]
    assert release.price == Money(200, "EUR")


def test_hiding_one_format_leaves_the_other(two_formats: Library) -> None:
    two_formats.put("R/release.toml", '[items."01 A.flac"]\nhidden = true\n')
    offered = [item.file_name for item in two_formats.only().offered]
    assert offered == ["01 A.mp3", "02 B.flac"]


def test_single_in_two_formats_has_the_price_of_its_release(
    library: Library, ffmpeg: str
) -> None:
    for suffix in ("flac", "mp3"):
        library.put(f"R/A.{suffix}", tone(ffmpeg, 1, suffix))
    library.put("R/release.toml", 'price = "5.00"')
    release = library.only()
    assert [item.price.minor for item in release.items] == [500]
    assert not release.sold_whole


def test_tags_of_any_format_name_the_track(
    library: Library, ffmpeg: str
) -> None:
    data = io.BytesIO(tone(ffmpeg, 1, "flac"))
    sound: Any = cast("Any", FLAC)(data)
    sound["title"], sound["artist"] = "Departure", "Wet Coats"
    data.seek(0)
    sound.save(data)
    library.put("R/01.flac", data.getvalue())
    library.put("R/01.wav", tone(ffmpeg, 1, "wav"))
    (item,) = library.only().items
    assert item.file_name == "01.wav"
    assert (item.title, item.artist) == ("Departure", "Wet Coats")
