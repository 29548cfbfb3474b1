# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Masters with something behind their sound, or that state no length."""

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from msrv.catalog.encodings.encoding_task import EncodingTask
from msrv.catalog.encodings.ffmpeg_process import EncodingFailed, check_result
from msrv.catalog.encodings.recipes import RECIPES
from msrv.catalog.encodings.streams import find_stream
from msrv.catalog.encodings.track_tags import TrackTags
from msrv.catalog.model import Sound
from tests.catalog.encodings import probes
from tests.catalog.encodings.masters import (
    EncodedLibrary,
    wait_until_encoded,
    write_store,
)

_SECONDS: Final = 3
_RATE: Final = 44_100
_TONE: Final = f"aevalsrc=0.3*sin(2070*t)*gt(t\\,1.5):d={_SECONDS}:s={_RATE}"
_ID3V1: Final = b"TAG" + b"Title".ljust(125, b"\0")
_LYRICS: Final = b"LYRICSBEGININD0000200LYR00008la la la"
_TAILS: Final = {
    "id3v1": _ID3V1,
    "lyrics3": _LYRICS + b"%06dLYRICS200" % len(_LYRICS) + _ID3V1,
    "zeros": bytes(4096),
    "junk": bytes(range(256)) * 3,
}
_MP3S: Final = frozenset({*(f"{each}.mp3" for each in _TAILS), "vbr.mp3"})
_WHOLE: Final = (
    *(f"{each}.flac" for each in _TAILS),
    *("streamed.flac", "streamed.wav", "empty.wav"),
    *sorted(_MP3S),
)
_DAMAGED: Final = ("hole.flac", "hole-id3v1.flac", "hole-junk.flac")


def _make(ffmpeg: str, *options: str) -> bytes:
    """Return a tone as a program that writes to a pipe writes it."""
    return subprocess.run(
        (
            *(ffmpeg, "-nostdin", "-v", "error", "-f", "lavfi", "-i", _TONE),
            *("-ac", "2", *options, "pipe:1"),
        ),
        check=True,
        stdout=subprocess.PIPE,
        timeout=60,
    ).stdout


def _with_counts(ffmpeg: str, path: Path, *options: str) -> bytes:
    """Return a tone in a file, whose header states its length."""
    _make(ffmpeg, *options, "-y", str(path), "-f", "null")
    data = path.read_bytes()
    path.unlink()
    return data


def _masters(ffmpeg: str, folder: Path) -> dict[str, bytes]:
    """Return masters by their names."""
    lossless = ("-sample_fmt", "s16")
    flac = _with_counts(ffmpeg, folder / "a.flac", *lossless)
    mp3 = _with_counts(ffmpeg, folder / "a.mp3", "-q:a", "2")
    wav = _make(ffmpeg, "-f", "wav")
    at = wav.index(b"data") + 4
    hole = bytearray(flac)
    # Where it isn't silent.
    middle = len(hole) * 3 // 4
    hole[middle : middle + 3000] = bytes(3000)
    found = {
        "streamed.flac": _make(ffmpeg, *lossless, "-f", "flac"),
        "streamed.wav": wav,
        "empty.wav": wav[:at] + bytes(4) + wav[at + 4 :],
        "vbr.mp3": _make(
            *(ffmpeg, "-q:a", "0", "-write_xing", "0"),
            *("-id3v2_version", "0", "-f", "mp3"),
        ),
        "hole.flac": bytes(hole),
        "hole-id3v1.flac": bytes(hole) + _ID3V1,
        "hole-junk.flac": bytes(hole) + _TAILS["junk"],
    }
    for name, tail in _TAILS.items():
        found[f"{name}.flac"] = flac + tail
        found[f"{name}.mp3"] = mp3 + tail
    return found


@pytest.fixture(scope="module")
def encoded(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, tuple[float, Path | None]]:
    """Length of each master in the catalog, and what was made of it.

    That is an Opus file of a lossless master, or the stream of an MP3.
    """
    folder = tmp_path_factory.mktemp("odd")
    write_store(folder / "library", "opus-128")
    for name, data in _masters(ffmpeg, folder).items():
        path = folder / "library" / name.replace(".", " ") / name
        path.parent.mkdir()
        path.write_bytes(data)
        if name in _MP3S:
            (path.parent / "release.toml").write_text('listen = "full"\n')
    library = EncodedLibrary(
        ffmpeg, folder / "library", folder / "data", folder / "encodings"
    )
    return asyncio.run(_encode(library))


async def _encode(
    library: EncodedLibrary,
) -> dict[str, tuple[float, Path | None]]:
    found: dict[str, tuple[float, Path | None]] = {}
    async with library.working() as (catalog, worker):
        await wait_until_encoded(worker)
        for release in catalog.current.releases:
            (item,) = release.items
            made = find_stream(worker.store, item)
            for each in worker.formats.of_item(release, item)[1:]:
                made = each
            path = library.encodings / made.content.path if made else None
            found[item.file_name] = item.duration_seconds or 0.0, path
    return found


@pytest.mark.parametrize("name", _WHOLE)
def test_whole_sound_of_an_odd_master_is_encoded(
    ffmpeg: str, encoded: Mapping[str, tuple[float, Path | None]], name: str
) -> None:
    _, path = encoded[name]
    assert path is not None
    rate = int(probes.probe(path)["streams"][0]["sample_rate"])
    seconds = probes.decoded_samples(ffmpeg, path) / rate
    assert seconds == pytest.approx(_SECONDS, abs=0.08)


@pytest.mark.parametrize("name", _WHOLE)
def test_length_of_an_odd_master_is_that_of_its_sound(
    encoded: Mapping[str, tuple[float, Path | None]], name: str
) -> None:
    seconds, _ = encoded[name]
    # A FLAC that was written to a pipe doesn't state its length.
    expected = 0 if name == "streamed.flac" else _SECONDS
    assert seconds == pytest.approx(expected, abs=0.08)


@pytest.mark.parametrize("name", _DAMAGED)
def test_damaged_master_has_no_format_whatever_is_behind_it(
    encoded: Mapping[str, tuple[float, Path | None]], name: str
) -> None:
    _, path = encoded[name]
    assert path is None


def test_encoding_of_unknown_length_may_be_as_large_as_any() -> None:
    task = EncodingTask(
        RECIPES["wav"], Sound("flac", 96_000, 24, 2), 0.0, "a", TrackTags("")
    )
    assert task.max_bytes == 2**32 - 1


@pytest.mark.parametrize(
    ("message", "is_permanent"),
    [("File too large", True), ("No space left on device", False)],
)
def test_encoding_that_is_too_large_is_not_tried_again(
    message: str,
    is_permanent: bool,  # noqa: FBT001 - a table's column
) -> None:
    with pytest.raises(EncodingFailed) as caught:
        check_result(
            1, f"Error writing trailer of file:/dev/stdout: {message}"
        )
    assert caught.value.is_permanent is is_permanent
