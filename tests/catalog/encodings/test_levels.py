# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Levels: streams follow each other at one, and what is sold has tags."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import mutagen
import pytest

from msrv.catalog.encodings.streams import find_stream
from msrv.catalog.encodings.worker import EncodingWorker
from msrv.catalog.metadata.tags import read_tags
from msrv.catalog.sound.analysis import SoundAnalysis
from msrv.catalog.sound.loudness import TARGET_LUFS
from tests.catalog.encodings import probes
from tests.catalog.encodings.masters import (
    EncodedLibrary,
    write_store,
)
from tests.polling import wait_until

_FORMATS: Final = {"Plain": ("mp3-v0", "opus-128"), "Tagged": ("aac-256",)}


@dataclass(frozen=True)
class Levelled:
    """Paths of streams by master and recipe, and of MP3s and the like."""

    streams: Mapping[tuple[str, str], Path]
    formats: Mapping[tuple[str, str], Path]
    analyses: Mapping[str, SoundAnalysis]


def write_tone(ffmpeg: str, path: Path, level_db: int, **tags: str) -> None:
    """Write a tone of two notes at a level, in FLAC."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = "0.5*sin(2*PI*330*t)|0.5*sin(2*PI*440*t)"
    stated = [f"{name}={text}" for name, text in tags.items()]
    subprocess.run(
        (
            *(ffmpeg, "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"),
            f"aevalsrc='{tone}':d=1.5,volume={level_db}dB",
            *(each for text in stated for each in ("-metadata", text)),
            *("-c:a", "flac", "-sample_fmt", "s16", "-ar", "44100", str(path)),
        ),
        check=True,
        timeout=60,
    )


def write_releases(ffmpeg: str, root: Path) -> None:
    """Write two tones 12 dB apart, without tags, and as a tagged album."""
    write_store(root)
    for name, level, track_gain in (
        ("01 loud", 0, "-12.00 dB"),
        ("02 quiet", -12, "-1.00 dB"),
    ):
        write_tone(ffmpeg, root / "Plain" / f"{name}.flac", level, title=name)
        write_tone(
            ffmpeg,
            root / "Tagged" / f"{name}.flac",
            level,
            title=name,
            REPLAYGAIN_TRACK_GAIN=track_gain,
            REPLAYGAIN_ALBUM_GAIN="-9.5 dB",
        )
    for folder, formats in _FORMATS.items():
        (root / folder / "release.toml").write_text(
            f'listen = "full"\nformats = {json.dumps(formats)}\n'
        )


async def wait_until_all_are_encoded(worker: EncodingWorker) -> None:
    """Wait as long as there is progress, however busy the machine is."""

    def is_further() -> bool:
        status = worker.progress.status
        return status.wanted > 0 and status.waiting < max(waiting, 1)

    waiting = 10**6
    while waiting:
        await wait_until(is_further)
        waiting = worker.progress.status.waiting


async def encode(library: EncodedLibrary) -> Levelled:
    async with library.working() as (catalog, worker):
        await wait_until_all_are_encoded(worker)
        assert worker.progress.status.failed == 0
        streams, formats, analyses = {}, {}, {}
        for release in catalog.current.releases:
            for item in release.items:
                path = item.content.path
                for name in ("aac-128", "opus-96"):
                    found = find_stream(worker.store, item, name)
                    assert found is not None
                    planned = worker.store.get(
                        worker.store.streams[path, name]
                    )
                    assert planned is not None
                    assert planned.content == found.content
                    streams[path, name] = (
                        library.encodings / found.content.path
                    )
                for each in worker.formats.of_item(release, item)[1:]:
                    formats[path, each.name] = (
                        library.encodings / each.content.path
                    )
                analysis = worker.store.analyses.read(
                    item.content.sha256.hex()
                )
                assert analysis is not None
                analyses[path] = analysis
    return Levelled(streams, formats, analyses)


@pytest.fixture(scope="module")
def library(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> EncodedLibrary:
    folder = tmp_path_factory.mktemp("levels")
    write_releases(ffmpeg, folder / "library")
    return EncodedLibrary(
        ffmpeg, folder / "library", folder / "data", folder / "encodings"
    )


@pytest.fixture(scope="module")
def levelled(library: EncodedLibrary) -> Levelled:
    return asyncio.run(encode(library))


@pytest.mark.parametrize("name", ["aac-128", "opus-96"])
def test_streams_of_different_masters_have_one_level(
    ffmpeg: str, levelled: Levelled, name: str
) -> None:
    loud, quiet = (
        probes.loudness(ffmpeg, levelled.streams[f"Plain/{file}.flac", name])
        for file in ("01 loud", "02 quiet")
    )
    assert loud == pytest.approx(quiet, abs=0.5)
    assert loud == pytest.approx(TARGET_LUFS, abs=0.5)


def test_differences_within_an_album_stay_where_tags_state_its_gain(
    ffmpeg: str, levelled: Levelled
) -> None:
    loud, quiet = (
        probes.loudness(
            ffmpeg, levelled.streams[f"Tagged/{file}.flac", "opus-96"]
        )
        for file in ("01 loud", "02 quiet")
    )
    assert loud - quiet == pytest.approx(12, abs=0.5)
    master = levelled.analyses["Tagged/01 loud.flac"].loudness
    assert master is not None
    assert loud == pytest.approx(master.integrated_lufs - 9.5, abs=0.5)


@pytest.fixture(scope="module")
def surround(
    ffmpeg: str, tmp_path_factory: pytest.TempPathFactory
) -> Levelled:
    """A master with the same sound in all of six channels but one."""
    folder = tmp_path_factory.mktemp("surround")
    write_store(folder / "library", "mp3-320", "aac-256", "flac")
    path = folder / "library" / "Round" / "01.wav"
    path.parent.mkdir()
    (path.parent / "release.toml").write_text('listen = "full"\n')
    subprocess.run(
        (
            *(ffmpeg, "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i"),
            "aevalsrc=0.1*sin(2*PI*440*t):s=48000:d=4",
            *("-af", "pan=5.1|c0=c0|c1=c0|c2=c0|c3=0*c0|c4=c0|c5=c0"),
            *("-c:a", "pcm_s24le", str(path)),
        ),
        check=True,
        timeout=60,
    )
    return asyncio.run(
        encode(
            EncodedLibrary(
                *(ffmpeg, folder / "library"),
                *(folder / "data", folder / "encodings"),
            )
        )
    )


@pytest.mark.parametrize("name", ["aac-128", "opus-96"])
def test_stream_of_a_surround_master_has_the_same_level(
    ffmpeg: str, surround: Levelled, name: str
) -> None:
    loudness = probes.loudness(ffmpeg, surround.streams["Round/01.wav", name])
    assert loudness == pytest.approx(TARGET_LUFS, abs=0.5)


@pytest.mark.parametrize("name", ["mp3-320", "aac-256"])
def test_gain_in_a_stereo_format_of_a_surround_master_is_its_own(
    ffmpeg: str, surround: Levelled, name: str
) -> None:
    path = surround.formats["Round/01.wav", name]
    expected = TARGET_LUFS - probes.loudness(ffmpeg, path)
    assert _probed_gain(path) == pytest.approx(expected, abs=0.5)


def test_surround_format_has_no_gain_that_was_measured_in_stereo(
    surround: Levelled,
) -> None:
    found = probes.probe(surround.formats["Round/01.wav", "flac"])
    assert found["streams"][0]["channels"] == 6
    assert "replaygain_track_gain" not in found["tags"]


@pytest.mark.parametrize(
    ("folder", "name", "album"),
    [
        ("Plain", "mp3-v0", None),
        ("Plain", "opus-128", None),
        ("Tagged", "aac-256", -9.5),
    ],
)
def test_what_is_sold_has_tags_and_its_samples(
    ffmpeg: str, levelled: Levelled, folder: str, name: str, album: float
) -> None:
    """Its own gain, or else the measured one, as two other readers see it."""
    path = levelled.formats[f"{folder}/01 loud.flac", name]
    loudness = levelled.analyses[f"{folder}/01 loud.flac"].loudness
    assert loudness is not None
    assert probes.loudness(ffmpeg, path) == pytest.approx(
        loudness.integrated_lufs, abs=0.5
    )
    gain = loudness.gain_db if album is None else -12
    with path.open("rb") as file:
        tags = read_tags(file)
    assert tags.track_gain_db == pytest.approx(gain, abs=0.011)
    assert tags.album_gain_db == album
    assert _probed_gain(path) == pytest.approx(gain, abs=0.011)
    assert _has_peak(path) is (name != "opus-128")


def _probed_gain(path: Path) -> float:
    tags = probes.probe(path)["tags"]
    if "r128_track_gain" in tags:
        return int(tags["r128_track_gain"]) / 256 + 5
    return float(tags["replaygain_track_gain"].removesuffix(" dB"))


def _has_peak(path: Path) -> bool:
    tags: Any = mutagen.File(path).tags
    # Opus has no such tag: its decoders don't need it.
    return "replaygain_track_peak" in repr(tags).lower()


def test_replica_with_its_own_folder_makes_the_same_bytes(
    library: EncodedLibrary, levelled: Levelled
) -> None:
    shutil.copytree(library.root / "Plain", library.data / "other" / "Plain")
    other = replace(
        library,
        root=library.data / "other",
        data=library.data.with_name("data-2"),
        encodings=library.data.with_name("encodings-2"),
    )
    write_store(other.root)
    again = asyncio.run(encode(other))
    assert len(again.streams) == 4
    for key, path in again.streams.items():
        assert levelled.streams[key].name == path.name
        assert levelled.streams[key].read_bytes() == path.read_bytes()
    waveforms = list((other.encodings / "waveforms").iterdir())
    assert len(waveforms) == 2
    for path in waveforms:
        first = library.encodings / "waveforms" / path.name
        assert first.read_bytes() == path.read_bytes()


async def test_lost_waveform_is_made_again_and_an_old_one_deleted(
    library: EncodedLibrary, levelled: Levelled
) -> None:
    folder = library.encodings / "waveforms"
    names = {path.name for path in folder.iterdir()}
    lost = min(names)
    (folder / lost).unlink()
    stray = folder / ("0" * 64 + lost[64:])
    stray.write_bytes(b"{}")
    async with library.working() as (_, worker):
        await wait_until((folder / lost).exists)
        await wait_until(
            lambda: worker.store.analyses.find(lost[:64]) is not None
        )
        assert worker.progress.status.made == 0
    await asyncio.to_thread(worker.store.tidy, set(), 0)
    assert {path.name for path in folder.iterdir()} == names
    assert levelled.streams
