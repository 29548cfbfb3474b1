# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Encoding of a track, compared with ffmpeg alone on the command line.

In CPU time, of all processes: what else the machine does changes it least.
Ours includes the confinement, the tags, the cover, the checksums and the sync
to the disk, at usual priority. And a ZIP of MP3s, compared with the ZIP of the
originals, neither of them sent.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench import packing, processes
from bench.measuring import Figure, interleave
from msrv.catalog.encodings.encoder import (
    Encoder,
    EncodingTask,
    inspect_ffmpeg,
)
from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.encodings.recipes import RECIPES, Recipe
from msrv.catalog.encodings.track_tags import TrackTags
from msrv.catalog.model import Sound

ROUNDS: Final = int(os.environ.get("BENCH_ROUNDS", "5"))
MINUTES: Final = 4
TRACKS: Final = 8
_DEMO: Final = Path(__file__).parents[1] / "msrv" / "demo"
_SOUND: Final = Sound("flac", 44_100, 16, 2)


def measure(folder: Path) -> list[Figure]:
    """Measure CPU seconds, for a minute of music and for a GB."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        return []
    master = _make_master(ffmpeg, folder)
    encoder = Encoder(inspect_ffmpeg(ffmpeg), is_idle=False)
    figures: list[Figure] = []
    try:
        # The process that writes tags is started once.
        ours(encoder, master, RECIPES["wav"])()
        for recipe in RECIPES.values():
            figures += interleave(
                {
                    f"ffmpeg, {recipe.label}": plain(ffmpeg, master, recipe),
                    f"msrv, {recipe.label}": ours(encoder, master, recipe),
                },
                rounds=ROUNDS,
                unit="CPU s per minute",
            )
    finally:
        encoder.close()
    return [*figures, *_measure_zips(ffmpeg, master, folder)]


def plain(ffmpeg: str, master: Path, recipe: Recipe) -> Callable[[], float]:
    """Return a function that runs ffmpeg with the recipe's options."""
    output = master.with_name(f"plain{recipe.suffix}")

    def run() -> float:
        before = processes.cpu_seconds(os.getpid())
        _run(
            *(ffmpeg, "-threads", "1", "-i", str(master), "-map", "0:a:0"),
            *("-map_metadata", "-1", "-threads", "1"),
            *(*recipe.options(_SOUND), str(output)),
        )
        spent = processes.cpu_seconds(os.getpid()) - before
        return spent / MINUTES

    return run


def ours(
    encoder: Encoder, master: Path, recipe: Recipe
) -> Callable[[], float]:
    """Return a function that encodes and publishes as the store does."""
    store = EncodingStore(master.with_name("encodings"))
    cover = next(_DEMO.glob("*/cover.*"))
    task = EncodingTask(
        recipe,
        _SOUND,
        MINUTES * 60.0,
        master.name,
        TrackTags("Bench", "Bench", "Bench", number=1, numbers=1),
        cover.read_bytes(),
    )

    def run() -> float:
        shutil.rmtree(store.folder, ignore_errors=True)
        store.load()
        before = processes.cpu_seconds(os.getpid())
        draft = store.claim("0" * 64)
        assert draft is not None  # noqa: S101 - nobody else has it
        with master.open("rb") as file:
            encoder.encode(task, file, draft.descriptor)
        store.publish(draft, recipe, "source", "master")
        store.discard(draft)
        spent = processes.cpu_seconds(os.getpid()) - before
        return spent / MINUTES

    return run


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


def _run(ffmpeg: str, *arguments: str) -> None:
    subprocess.run(
        (ffmpeg, "-nostdin", "-v", "error", "-y", *arguments),
        check=True,
        timeout=600,
        env={"PATH": os.defpath},
    )
