# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tracks to make previews of, and a stand-in for the program that does."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

from mutagen.mp3 import MP3

from msrv.catalog.model import Item, ItemKind
from msrv.catalog.parsing import confined_ffmpeg
from msrv.catalog.previews import Previews
from msrv.catalog.sound.clip_files import Clip
from msrv.money import Money
from tests.downloads import contents

EUR = Money(100, "EUR")


def run_ffmpeg(ffmpeg: str, *arguments: str, form: str) -> bytes:
    """Return ffmpeg's output, by a file, as some formats need to seek."""
    with tempfile.NamedTemporaryFile() as made:
        subprocess.run(
            (
                *(ffmpeg, "-nostdin", "-v", "error", "-y"),
                *(*arguments, "-f", form, made.name),
            ),
            check=True,
            timeout=60,
        )
        return Path(made.name).read_bytes()


def tone(ffmpeg: str, seconds: float, form: str = "mp3") -> bytes:
    """Return a track of that many seconds of a tone."""
    return run_ffmpeg(
        ffmpeg, "-f", "lavfi", "-i", f"sine=440:d={seconds}", form=form
    )


def add_track(
    root: Path, data: bytes, seconds: float | None, name: str = "track.mp3"
) -> Item:
    """Write a file into a library and return it as a track."""
    return Item(
        item_id="track",
        release_id="release",
        kind=ItemKind.TRACK,
        title="Track",
        artist="Artist",
        price=EUR,
        content=contents.add_file(root, name, data),
        duration_seconds=seconds,
    )


def sound(clip: Clip) -> Any:  # noqa: ANN401 - mutagen has no types
    return cast("Any", MP3)(clip.path).info


SLEEPS = "time.sleep(60)"
WRITES_OUTPUT = "os.write(1, bytes(200_000))"


def script_waiting_for(gate: Path) -> str:
    return (
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
        f"{WRITES_OUTPUT}"
    )


class Program:
    """A stand-in for ffmpeg, which notes each start in `starts`.

    It is a Python script, so `limits` lets it read Python, and its folder.
    """

    def __init__(self, folder: Path, does: str) -> None:
        self.path = folder / "ffmpeg"
        self.starts = folder / "starts"
        self.path.write_text(
            f"#!{sys.executable}\n"
            "import os, sys, time\n"
            f"with open({str(self.starts)!r}, 'a') as starts:\n"
            "    print(os.getpid(), file=starts)\n"
            f"{does}\n"
        )
        self.path.chmod(0o755)
        python = {
            sys.prefix,
            sys.base_prefix,
            *map(os.path.realpath, sys.path),
        }
        self.limits = confined_ffmpeg.LIMITS._replace(
            file_bytes=1 << 20,
            readable=(*python, str(folder)),
            writable=(str(folder),),
        )

    def previews(self, root: Path, cache: Path, **options: Any) -> Previews:  # noqa: ANN401 - as of Previews
        """Return Previews that run it."""
        return Previews(
            str(self.path), root, cache, limits=self.limits, **options
        )

    @property
    def pids(self) -> list[int]:
        if not self.starts.exists():
            return []
        return [int(pid) for pid in self.starts.read_text().split()]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()] if folder.exists() else []
