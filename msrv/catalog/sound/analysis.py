# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Analysis of a track's sound, and the folder in which stores keep it.

A file for each master and version of ffmpeg. Its name has a digest of its
content, so that the address of a waveform is known without reading the file,
and changes with it.
"""

import asyncio
import contextlib
import hashlib
import json
import math
import os
import re
import threading
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from msrv.catalog.sound.loudness import Loudness
from msrv.catalog.sound.waveform import MAX_PEAK, PEAKS
from msrv.files import make_private_folder, write_file

FOLDER_NAME: Final = "waveforms"
_SCHEME: Final = 2
"""Increase it when tracks are analysed in another way."""
_HASH_CHARS: Final = 16
_NAME: Final = re.compile(r"([0-9a-f]{64})-[0-9a-f]{16}-[0-9a-f]{16}\.json")
_MAX_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class SoundAnalysis:
    """Loudness of a track, the peaks of its waveform, and its length.

    `loudness` is None where ffmpeg can't measure it; `peaks` are empty for
    silence. `seconds` is the length of what was decoded, 0 if unknown. With
    `skips_errors`, all of it was decoded although ffmpeg reports errors, as
    for junk behind the sound.
    """

    loudness: Loudness | None
    peaks: bytes
    seconds: float = 0.0
    skips_errors: bool = False

    def to_json(self) -> bytes:
        """Return the analysis as JSON."""
        known = self.loudness
        fields = {
            "integrated_lufs": known and known.integrated_lufs,
            "true_peak_db": known and known.true_peak_db,
            "peaks": list(self.peaks),
            "seconds": self.seconds,
            "skips_errors": self.skips_errors,
        }
        return json.dumps(fields, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_json(cls, data: bytes) -> Self:
        """Return the analysis in JSON. Raises ValueError."""
        try:
            fields: dict[str, Any] = json.loads(data)
            loudness = fields["integrated_lufs"]
            measured = (
                None
                if loudness is None
                else Loudness(float(loudness), float(fields["true_peak_db"]))
            )
            peaks = bytes([*fields["peaks"]])
            # Files of before don't have these.
            seconds = float(fields.get("seconds", 0.0))
            skips_errors = fields.get("skips_errors", False) is True
        except (AttributeError, LookupError, TypeError) as error:
            raise ValueError("no analysis of a track") from error
        if len(peaks) not in {0, PEAKS} or max(peaks, default=0) > MAX_PEAK:
            raise ValueError("no peaks of a track")
        if not 0 <= seconds < math.inf:
            raise ValueError("no length of a track")
        return cls(measured, peaks, seconds, skips_errors)


class AnalysisStore:
    """Analyses in a folder, by the SHA-256 of the master in hex.

    All methods are thread-safe. All but `find`, `name_of` and `fetch` block,
    and raise OSError.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self.revision = 0
        """Increases whenever what `find` returns may have changed."""
        self._by_master: dict[str, str] = {}

    def load(self) -> None:
        """Read the names in the folder, which may not exist yet."""
        try:
            names = sorted(path.name for path in self.folder.iterdir())
        except FileNotFoundError:
            names = []
        self.set_names(names)

    def set_names(self, names: Iterable[str]) -> None:
        """Replace the known analyses by those with these names."""
        found = {
            match[1]: name
            for name in names
            if (match := _NAME.fullmatch(name))
        }
        with self._lock:
            if found != self._by_master:
                self._by_master = found
                self.revision += 1

    def name_of(self, master: str) -> str | None:
        """Return the name of a master's file, None without one."""
        return self._by_master.get(master)

    def find(self, master: str) -> str | None:
        """Return the version of a master's waveform, None without one."""
        name = self._by_master.get(master)
        return name[-_HASH_CHARS - 5 : -5] if name else None

    def read(self, master: str) -> SoundAnalysis | None:
        """Return a master's analysis by any ffmpeg, None without one."""
        name = self._by_master.get(master)
        return self._read(name) if name else None

    async def fetch(self, master: str) -> SoundAnalysis | None:
        """Return what `read` does, read in a thread. Raises OSError."""
        return await asyncio.to_thread(self.read, master)

    def read_exact(
        self, master: str, ffmpeg_version: str
    ) -> SoundAnalysis | None:
        """Return a master's analysis by this ffmpeg, None without one."""
        pattern = f"{master}-{_version_digest(ffmpeg_version)}-*.json"
        for path in sorted(self.folder.glob(pattern)):
            found = self._read(path.name)
            if found is not None:
                with self._lock:
                    if master not in self._by_master:
                        self._set(master, path.name)
                return found
        return None

    def save(
        self, master: str, ffmpeg_version: str, analysis: SoundAnalysis
    ) -> None:
        """Write an analysis: all of it, or nothing."""
        data = analysis.to_json()
        digest = hashlib.sha256(data).hexdigest()[:_HASH_CHARS]
        version = _version_digest(ffmpeg_version)
        name = f"{master}-{version}-{digest}.json"
        make_private_folder(self.folder)
        write_file(self.folder / name, data, durable_name=False)
        with self._lock:
            self._set(master, name)

    def _set(self, master: str, name: str) -> None:
        if self._by_master.get(master) != name:
            self._by_master[master] = name
            self.revision += 1

    def tidy(self, masters: Collection[str]) -> None:
        """Delete the analyses of masters that no encoding is of."""
        with contextlib.suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                match = _NAME.fullmatch(path.name)
                if match and match[1] not in masters:
                    path.unlink(missing_ok=True)
        self.load()

    def _read(self, name: str) -> SoundAnalysis | None:
        try:
            with (self.folder / name).open("rb") as file:
                return SoundAnalysis.from_json(file.read(_MAX_BYTES))
        except (FileNotFoundError, ValueError):
            return None


def _version_digest(ffmpeg_version: str) -> str:
    text = f"{_SCHEME} {ffmpeg_version}"
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:_HASH_CHARS]
