# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Encoding of a track, compared with ffmpeg on the command line.

In CPU time, of all processes: what else the machine does changes it least.
The command line makes what the store makes, as far as ffmpeg can: the same
encoding, with tags and, where it can write one, a cover, and the SHA-256 of
the file by OpenSSL. Ours includes the confinement, the CRC-32 and the sync to
the disk as well, at usual priority. Bare ffmpeg is measured beside both. And a
ZIP of MP3s, compared with the ZIP of the originals, neither of them sent.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PIL import Image

from bench import packing, processes
from bench.measuring import Figure, interleave
from msrv.catalog.covers import SHARED_WIDTH
from msrv.catalog.encodings.encoder import (
    Encoder,
    inspect_ffmpeg,
)
from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.encodings.encoding_task import EncodingTask
from msrv.catalog.encodings.recipes import RECIPES, Recipe
from msrv.catalog.encodings.track_tags import TrackTags
from msrv.catalog.model import Sound

ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "5"))
MINUTES: Final = 4
TRACKS: Final = 8
REPEATS: Final = 5
LOSSLESS: Final = frozenset({"flac", "alac", "wav", "aiff"})
"""Formats that are encoded so fast that several are measured as one: CPU time
is in hundredths of a second."""
WITH_COVER: Final = {
    "aac-256": (),
    "aiff": ("-write_id3v2", "1"),
    "alac": (),
    "flac": (),
    "mp3-320": ("-id3v2_version", "4"),
    "mp3-v0": ("-id3v2_version", "4"),
}
"""Options for the formats in which ffmpeg can write a cover."""
_METADATA: Final = (
    *("-metadata", "title=Bench", "-metadata", "artist=Bench"),
    *("-metadata", "album=Bench", "-metadata", "track=1/1"),
)
_DEMO: Final = Path(__file__).parents[1] / "msrv" / "demo"
_SOUND: Final = Sound("flac", 44_100, 16, 2)


def measure(folder: Path) -> list[Figure]:
    """Measure CPU seconds, for a minute of music and for a GB."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return []
    master, cover = _make_master(ffmpeg, folder), _make_cover(folder)
    openssl = shutil.which("openssl") or "openssl"
    encoder = Encoder(inspect_ffmpeg(ffmpeg), is_idle=False)
    figures: list[Figure] = []
    try:
        # The process that writes tags is started once.
        ours(encoder, master, cover, RECIPES["wav"])()
        for recipe in RECIPES.values():
            label = recipe.label
            figures += interleave(
                {
                    f"command line, {label}": plain(
                        ffmpeg, openssl, master, cover, recipe
                    ),
                    f"msrv, {label}": ours(encoder, master, cover, recipe),
                    f"bare ffmpeg, {label}": bare(ffmpeg, master, recipe),
                },
                rounds=ROUNDS,
                unit="CPU s per minute",
            )
    finally:
        encoder.close()
    return [*figures, *_measure_zips(ffmpeg, master, folder)]


def plain(
    ffmpeg: str, openssl: str, master: Path, cover: Path, recipe: Recipe
) -> Callable[[], float]:
    """Return a function that encodes, tags and hashes on the command line."""
    output = master.with_name(f"plain{recipe.suffix}")
    inputs: tuple[str, ...] = ("-threads", "1", "-i", str(master))
    streams: tuple[str, ...] = ("-map", "0:a:0")
    if recipe.name in WITH_COVER:
        inputs += ("-i", str(cover))
        streams += ("-map", "1:v:0", "-c:v", "copy")
        streams += ("-disposition:v", "attached_pic")

    def run() -> None:
        _run(
            *(ffmpeg, *inputs, *streams, "-map_metadata", "-1", *_METADATA),
            *("-threads", "1", *recipe.options(_SOUND)),
            *(*WITH_COVER.get(recipe.name, ()), str(output)),
        )
        subprocess.run(
            (openssl, "dgst", "-sha256", str(output)),
            check=True,
            stdout=subprocess.DEVNULL,
        )

    return timed(recipe, run)


def bare(ffmpeg: str, master: Path, recipe: Recipe) -> Callable[[], float]:
    """Return a function that runs ffmpeg with the recipe's options alone."""
    output = master.with_name(f"bare{recipe.suffix}")
    return timed(
        recipe,
        lambda: _run(
            *(ffmpeg, "-threads", "1", "-i", str(master), "-map", "0:a:0"),
            *("-map_metadata", "-1", "-threads", "1"),
            *(*recipe.options(_SOUND), str(output)),
        ),
    )


def ours(
    encoder: Encoder, master: Path, cover: Path, recipe: Recipe
) -> Callable[[], float]:
    """Return a function that encodes and publishes as the store does."""
    store = EncodingStore(master.with_name("encodings"))
    task = EncodingTask(
        recipe,
        _SOUND,
        MINUTES * 60.0,
        master.name,
        TrackTags("Bench", "Bench", "Bench", number=1, numbers=1),
        cover.read_bytes(),
    )

    def run() -> None:
        shutil.rmtree(store.folder, ignore_errors=True)
        store.load()
        draft = store.claim("0" * 64)
        assert draft is not None  # noqa: S101 - nobody else has it
        with master.open("rb") as file:
            encoder.encode(task, file, draft.descriptor)
        store.publish(draft, recipe, "source", "master")
        store.discard(draft)

    return timed(recipe, run)


def timed(recipe: Recipe, run: Callable[[], None]) -> Callable[[], float]:
    """Return a function that measures CPU seconds for a minute of music."""
    repeats = REPEATS if recipe.name in LOSSLESS else 1

    def measured() -> float:
        before = processes.cpu_seconds(os.getpid())
        for _ in range(repeats):
            run()
        spent = processes.cpu_seconds(os.getpid()) - before
        return spent / MINUTES / repeats

    return measured


def _measure_zips(ffmpeg: str, master: Path, folder: Path) -> list[Figure]:
    """Compare the ZIP of an album in MP3 with that of its originals."""
    originals, encodings = folder / "originals", folder / "in mp3"
    for each in (originals, encodings):
        each.mkdir()
    recipe = RECIPES["mp3-v0"]
    first = encodings / "1.mp3"
    _run(
        *(ffmpeg, "-i", str(master), "-map_metadata", "-1"),
        *(*recipe.options(_SOUND), str(first)),
    )
    for number in range(1, TRACKS + 1):
        _copy(master, originals / f"{number}.flac")
        # As many bytes in as many files: what is compared is the rest.
        _copy(first, encodings / f"{number}.mp3")
    return interleave(
        {
            "ZIP of originals": packing.ours(originals),
            "ZIP in MP3": packing.ours(encodings),
        },
        rounds=packing.ROUNDS,
        unit="CPU s/GB",
    )


def _copy(source: Path, target: Path) -> None:
    if source != target:
        shutil.copyfile(source, target)


def _make_master(ffmpeg: str, folder: Path) -> Path:
    """Write a FLAC of some minutes: the demo's, again and again."""
    source = next(_DEMO.glob("*/*.flac"))
    master = folder / "master.flac"
    _run(
        *(ffmpeg, "-stream_loop", "-1", "-i", str(source), "-map", "0:a:0"),
        *("-t", str(MINUTES * 60), "-ar", "44100", "-ac", "2"),
        *("-sample_fmt", "s16", "-c:a", "flac", str(master)),
    )
    return master


def _make_cover(folder: Path) -> Path:
    """Write a cover as large as the store embeds."""
    path = folder / "cover.jpg"
    with Image.open(next(_DEMO.glob("*/cover.*"))) as picture:
        size = (SHARED_WIDTH, SHARED_WIDTH)
        picture.convert("RGB").resize(size).save(path, "JPEG", quality=85)
    return path


def _run(ffmpeg: str, *arguments: str) -> None:
    subprocess.run(
        (ffmpeg, "-nostdin", "-v", "error", "-y", *arguments),
        check=True,
        timeout=600,
        env={"PATH": os.defpath},
    )
