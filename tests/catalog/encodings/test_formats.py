# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Every format, encoded from real masters and read by other programs."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import mutagen
import pytest

from msrv.catalog.encodings.recipes import RECIPES
from msrv.catalog.metadata.audio_pictures import read_picture
from msrv.catalog.metadata.tags import read_tags
from tests.catalog.encodings import probes
from tests.catalog.encodings.masters import (
    ALL,
    LYRICS,
    SECONDS,
    EncodedLibrary,
    wait_until_encoded,
    write_album,
)

Encoded = Mapping[tuple[str, str], Path]

_FLAC: Final = "01 a.flac"
_WAV: Final = "02 b.wav"
_TITLES: Final = {_FLAC: "Departure", _WAV: "Wrong Stop"}
_AAC_FRAME: Final = 1024
"""Samples by which ffmpeg's own decoder of AAC may return more."""
_EACH: Final = [
    (file, name)
    for file, own in ((_FLAC, "flac"), (_WAV, "wav"))
    for name in ALL
    if name != own
]


@pytest.fixture(scope="module")
def encoded(ffmpeg: str, tmp_path_factory: pytest.TempPathFactory) -> Encoded:
    """Paths of all encodings of an album, by the master's name and format."""
    folder = tmp_path_factory.mktemp("encoded")
    return asyncio.run(_encode(ffmpeg, folder))


async def _encode(ffmpeg: str, folder: Path) -> Encoded:
    write_album(ffmpeg, folder / "library", *ALL)
    library = EncodedLibrary(
        ffmpeg, folder / "library", folder / "data", folder / "encodings"
    )
    async with library.working() as (catalog, worker):
        await wait_until_encoded(worker)
        assert worker.progress.status.failed == 0
        (release,) = catalog.current.releases
        formats = worker.formats
        return {
            (item.file_name, each.name): folder
            / "encodings"
            / each.content.path
            for item in release.items
            for each in formats.of_item(release, item)[1:]
        }


def test_tracks_are_encoded_in_all_formats_but_their_own(
    encoded: Encoded,
) -> None:
    assert set(encoded) == set(_EACH)


@pytest.mark.parametrize(("file", "name"), _EACH)
def test_decoded_length_is_that_of_the_master(
    ffmpeg: str, encoded: Encoded, file: str, name: str
) -> None:
    path = encoded[file, name]
    stream = probes.probe(path)["streams"][0]
    samples = probes.decoded_samples(ffmpeg, path)
    # Opus is always decoded at 48 kHz.
    expected = int(SECONDS * int(stream["sample_rate"]))
    # Encoders add samples at both ends. All formats but one state how many,
    # to the sample: nothing is heard between two tracks.
    more = _AAC_FRAME if name == "aac-256" else 0
    assert expected <= samples <= expected + more


@pytest.mark.parametrize(("file", "name"), _EACH)
def test_loudness_is_that_of_the_master(
    ffmpeg: str, encoded: Encoded, file: str, name: str
) -> None:
    path = encoded[file, name]
    master = path.parents[1] / "library" / "Night Bus" / file
    assert probes.loudness(ffmpeg, path) == pytest.approx(
        probes.loudness(ffmpeg, master), abs=0.5
    )


@pytest.mark.parametrize(("file", "name"), _EACH)
def test_sound_is_as_good_as_the_format_allows(
    encoded: Encoded, file: str, name: str
) -> None:
    stream = probes.probe(encoded[file, name])["streams"][0]
    assert stream["channels"] == 2
    is_lossless = name in {"flac", "alac", "wav", "aiff"}
    rate, bits = (96_000, 24) if file == _WAV else (44_100, 16)
    if is_lossless:
        assert int(stream["sample_rate"]) == rate
        depth = stream.get("bits_per_raw_sample") or stream["bits_per_sample"]
        assert int(depth) == bits
    elif name == "opus-128" or file == _WAV:
        assert int(stream["sample_rate"]) == 48_000
    else:
        assert int(stream["sample_rate"]) == 44_100


@pytest.mark.parametrize(("file", "name"), _EACH)
def test_tags_and_cover_are_read_by_ffprobe_and_mutagen(
    encoded: Encoded, file: str, name: str
) -> None:
    path = encoded[file, name]
    found = probes.probe(path)
    tags = found["tags"]
    number = file[1]
    assert tags["title"] == _TITLES[file]
    assert tags["artist"] == tags["album_artist"] == "The Wet Coats"
    assert tags["album"] == "Night Bus"
    assert tags["date"] == "2026-03-06"
    assert tags["track"] in {number, f"{number}/2"}
    assert [each["codec_name"] for each in found["streams"]][1:] == ["mjpeg"]
    with path.open("rb") as data:
        read = read_tags(data)
        cover = read_picture(data)
    assert (read.title, read.artist) == (_TITLES[file], "The Wet Coats")
    assert (read.album, read.number) == ("Night Bus", int(number))
    assert cover.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize("name", [each for each in ALL if each != "flac"])
def test_lyrics_and_genre_are_copied_from_the_master(
    encoded: Encoded, name: str
) -> None:
    path = encoded[_FLAC, name]
    tags: Any = mutagen.File(path).tags
    kind = RECIPES[name].tags
    if kind == "id3":
        lyrics, genre = tags.getall("USLT")[0].text, tags["TCON"].text
    elif kind == "mp4":
        lyrics, genre = tags["\xa9lyr"][0], tags["\xa9gen"]
    else:
        lyrics, genre = tags["lyrics"][0], tags["genre"]
    assert lyrics == LYRICS
    assert list(genre) == ["Rain"]


def test_encodings_state_no_program_and_no_time(encoded: Encoded) -> None:
    for path in encoded.values():
        data = path.read_bytes()
        assert b"Lavf5" not in data
        assert b"Lavc5" not in data


def test_two_stores_make_the_same_bytes(
    ffmpeg: str, encoded: Encoded, tmp_path: Path
) -> None:
    """Compare each format with that of another data folder, minutes later."""
    again = asyncio.run(_encode(ffmpeg, tmp_path))
    assert {key: path.name for key, path in again.items()} == {
        key: path.name for key, path in encoded.items()
    }
    for key, path in again.items():
        assert path.read_bytes() == encoded[key].read_bytes(), key
