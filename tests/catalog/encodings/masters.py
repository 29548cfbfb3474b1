# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Lossless masters of two seconds, and a worker that encodes them."""

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from PIL import Image

from msrv.catalog.covers import Covers
from msrv.catalog.encodings.encoding_store import EncodingStore
from msrv.catalog.encodings.recipes import RECIPES
from msrv.catalog.encodings.worker import EncodingWorker
from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.watching.scan_schedule import ScanSchedule
from msrv.storage.local import LocalStorage
from tests.catalog import shared_parser
from tests.polling import wait_until

SECONDS: Final = 2.0
ENCODING_SECONDS: Final = 300.0
"""Time limit of all encodings: each starts programs, on a busy machine."""
LYRICS: Final = "All aboard\nthe night bus"
_TONE: Final = (
    f"aevalsrc='0.3*sin(2*PI*330*t)|0.3*sin(2*PI*440*t)':d={SECONDS}"
)
FORMS: Final[dict[str, tuple[str, ...]]] = {
    ".flac": ("-c:a", "flac", "-sample_fmt", "s16", "-ar", "44100"),
    ".wav": ("-c:a", "pcm_s24le", "-ar", "96000"),
    ".aiff": ("-c:a", "pcm_s16be", "-ar", "44100", "-write_id3v2", "1"),
    ".m4a": ("-c:a", "alac", "-sample_fmt", "s16p", "-ar", "48000"),
    ".mp3": ("-c:a", "libmp3lame", "-b:a", "64k"),
}
"""ffmpeg's options of masters by suffix, and of an MP3 that isn't one."""


def write_track(ffmpeg: str, path: Path, **tags: str) -> Path:
    """Write a track of two seconds, in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stated = [f"{name}={text}" for name, text in tags.items()]
    subprocess.run(
        (
            *(ffmpeg, "-nostdin", "-v", "error", "-y"),
            *("-f", "lavfi", "-i", _TONE),
            *(each for text in stated for each in ("-metadata", text)),
            *FORMS[path.suffix],
            str(path),
        ),
        check=True,
        timeout=60,
    )
    return path


def write_single(ffmpeg: str, root: Path, *formats: str) -> Path:
    """Write a release of one master, in FLAC; return the master's path."""
    write_store(root, *formats)
    return write_track(
        ffmpeg,
        root / "Night Bus" / "01 a.flac",
        title="Departure",
        artist="The Wet Coats",
    )


def write_store(root: Path, *formats: str) -> None:
    """Write a store.toml with these formats, where everything is free."""
    names = ", ".join(f'"{each}"' for each in formats)
    root.mkdir(parents=True, exist_ok=True)
    (root / "store.toml").write_text(
        f'name = "Rain"\nformats = [{names}]\n[prices]\nitem = "0"\n', "utf-8"
    )


def write_album(ffmpeg: str, root: Path, *formats: str) -> Path:
    """Write a release of two masters, a cover and a PDF; return its folder."""
    folder = root / "Night Bus"
    shared = {
        "artist": "The Wet Coats",
        "album": "Night Bus",
        "album_artist": "The Wet Coats",
        "date": "2026-03-06",
        "genre": "Rain",
        "lyrics": LYRICS,
    }
    write_track(
        ffmpeg, folder / "01 a.flac", title="Departure", track="1/2", **shared
    )
    write_track(
        ffmpeg, folder / "02 b.wav", title="Wrong Stop", track="2/2", **shared
    )
    Image.new("RGB", (64, 48), "#a03020").save(folder / "cover.jpg")
    (folder / "Lyrics.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    write_store(root, *formats)
    return folder


@dataclass
class EncodedLibrary:
    """A library, a data folder, and a folder of encodings."""

    ffmpeg: str
    root: Path
    data: Path
    encodings: Path
    options: dict[str, Any] = field(default_factory=dict)

    @asynccontextmanager
    async def working(
        self,
    ) -> AsyncIterator[tuple[LiveCatalog, EncodingWorker]]:
        """Run a worker at usual priority, on a catalog that has been read."""
        storage = LocalStorage(self.root)
        catalog = LiveCatalog(
            self.root,
            self.data,
            parser=shared_parser.shared(),
            settle_seconds=0,
            schedule=ScanSchedule(poll_seconds=0.05),
        )
        covers = Covers(storage, self.data / "covers", shared_parser.shared())
        worker = EncodingWorker(
            catalog,
            storage,
            covers,
            EncodingStore(self.encodings),
            **{
                "ffmpeg": self.ffmpeg,
                "is_idle": False,
                "min_free_bytes": lambda _: 0,
                "poll_seconds": 0.02,
                **self.options,
            },
        )
        async with catalog:
            await catalog.ready()
            async with worker:
                yield catalog, worker
        await storage.aclose()

    async def encode_all(self) -> EncodingWorker:
        """Encode everything; return the worker, which has ended."""
        async with self.working() as (_, worker):
            await wait_until_encoded(worker)
        return worker


async def wait_until_encoded(worker: EncodingWorker) -> None:
    """Wait until everything is encoded or has failed."""
    status = worker.progress
    await wait_until(
        lambda: status.status.wanted > 0 and status.status.waiting == 0,
        ENCODING_SECONDS,
    )


ALL: Final = tuple(RECIPES)
"""Names of all formats."""
