# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Libraries in temporary folders, of files of a few bytes."""

import io
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mutagen.id3 import (
    TALB,
    TBPM,
    TCON,
    TDRC,
    TIT2,
    TKEY,
    TPE1,
    TPE2,
    TPOS,
    TRCK,
)
from mutagen.wave import WAVE

from msrv.catalog.config.last_good import LastGoodConfig
from msrv.catalog.library.file_index import FileIndex
from msrv.catalog.library.found_files import Scan
from msrv.catalog.library.loader import LoadedLibrary, load_library
from msrv.catalog.library.scan import scan
from msrv.catalog.library.upload_detection import (
    UnsettledFolder,
    UploadDetector,
)
from msrv.catalog.model import Item, Release
from tests.catalog import shared_parser

_ID3_FRAMES: dict[str, Any] = {
    "title": TIT2,
    "artist": TPE1,
    "album_artist": TPE2,
    "album": TALB,
    "date": TDRC,
    "number": TRCK,
    "disc": TPOS,
    "genre": TCON,
    "tempo": TBPM,
    "key": TKEY,
}


PDF = b"%PDF-1.4\n%%EOF\n"


WAV_SOUND: Final[dict[str, Any]] = {
    "codec": "pcm",
    "sample_rate_hz": 100,
    "bit_depth": 8,
    "channels": 1,
}
"""Fields of Tags that state the sound of `wav()`."""


def wav(mark: int = 0) -> bytes:
    """Return half a second of audio; each mark gives other bytes."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(1)
        file.setframerate(100)
        file.writeframes(bytes([mark]) * 50)
    return data.getvalue()


def tagged_wav(mark: int = 0, **tags: str) -> bytes:
    """Return the same with tags, by the names of Tags."""
    data = io.BytesIO(wav(mark))
    sound: Any = WAVE(data)  # type: ignore[no-untyped-call] # mutagen's own
    sound.add_tags()
    for name, text in tags.items():
        sound.tags.add(_ID3_FRAMES[name](encoding=3, text=text))
    data.seek(0)
    sound.save(data)
    return data.getvalue()


class Library:
    """A library in a temporary folder, and its index."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "library"
        self.data = folder / "data"
        self.root.mkdir()
        self.last_good: LastGoodConfig | None = None

    def put(self, path: str, data: bytes | str = PDF) -> Path:
        """Write a file, and the folders that it is in."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(data, str):
            data = data.encode()
        file.write_bytes(data)
        return file

    def release(
        self,
        folder: str,
        files: Mapping[str, bytes] | None = None,
        toml: str | None = None,
    ) -> Path:
        """Write a release, of two tracks by default."""
        files = {"01 A.wav": wav(1), "02 B.wav": wav(2)} | dict(files or {})
        for name, data in files.items():
            self.put(f"{folder}/{name}", data)
        if toml is not None:
            self.put(f"{folder}/release.toml", toml)
        return self.root / folder

    def read(
        self,
        previous: LoadedLibrary | None = None,
        *,
        found: Scan | None = None,
        before: Scan | None = None,
    ) -> LoadedLibrary:
        """Load it as a store does.

        `before` is a scan of a moment ago, with a quiet time of 0.
        """
        unsettled: Mapping[str, UnsettledFolder] = {}
        if before is not None:
            found = found or scan(self.root)
            settling = UploadDetector(0)
            settling.update(before)
            unsettled = settling.update(found)
        with FileIndex.open(self.data) as index:
            return load_library(
                self.root,
                index,
                previous,
                found=found,
                unsettled=unsettled,
                last_good=self.last_good,
                parser=shared_parser.shared(),
            )

    def only(self) -> Release:
        """Load it and return its only release; there are no problems."""
        reading = self.read()
        assert reading.problems == ()
        (release,) = reading.catalog.releases
        return release


def problems(reading: LoadedLibrary) -> list[str]:
    """Return the problems as an operator reads them."""
    return [str(problem) for problem in reading.problems]


def items_by_name(release: Release) -> dict[str, Item]:
    """Return a release's items by their files' names."""
    return {item.file_name: item for item in release.items}
