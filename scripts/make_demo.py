# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Generate the demo library in msrv/demo: `make demo`.

Needs ffmpeg, and Inter for the covers (Debian: ffmpeg, fonts-inter). The
music is computed, the same each time; what an encoder makes of it may differ
in bytes from one ffmpeg to another.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from demo.encoding import Tags, encode
from demo.library import ALBUMS, BOOKLET, LICENSE, STORE_TOML, Album
from demo.mastering import loudness, master
from demo.texts import PICTURES, TEXTS
from demo.tones import RATE

HOME = Path(__file__).parents[1] / "msrv" / "demo"


def main() -> int:
    """Write the whole library, and print its content."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=HOME)
    parser.add_argument("--jobs", type=int, help="tracks made at a time")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    (asked.folder / "store.toml").write_text(STORE_TOML)
    (asked.folder / "LICENSE").write_text(LICENSE)
    for name, text in TEXTS.items():
        path = asked.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    for name, draw in PICTURES.items():
        draw().save(asked.folder / name, optimize=True)
    tracks = [
        (asked.folder, place, number)
        for place, album in enumerate(ALBUMS)
        for number in range(1, len(album.tracks) + 1)
    ]
    for album in ALBUMS:
        _dress(asked.folder, album)
    with ProcessPoolExecutor(asked.jobs) as pool:
        for line in pool.map(_make_track, *zip(*tracks, strict=True)):
            print(line, flush=True)
    total = sum(_sizes(asked.folder))
    print(f"{total / 1e6:8.2f} MB  {asked.folder}")
    return 0


def _dress(folder: Path, album: Album) -> None:
    """Write a release except its tracks."""
    home = folder / album.folder
    home.mkdir(exist_ok=True)
    album.cover().save(home / "cover.png", optimize=True)
    (home / "release.toml").write_text(album.toml())
    if album.booklet:
        (home / BOOKLET).write_bytes(album.booklet())


def _make_track(folder: Path, place: int, number: int) -> str:
    """Render, master and encode one track; return a line about it."""
    album = ALBUMS[place]
    track = album.tracks[number - 1]
    sound = master(track.piece().mixdown())
    path = folder / album.folder / album.file_name(number)
    tags = Tags(track.title, album.artist, album.title, number, album.date)
    encode(sound, path, tags)
    return (
        f"{path.stat().st_size / 1e6:8.2f} MB"
        f" {len(sound) / RATE:6.1f} s {loudness(sound):6.1f} LUFS  {path.name}"
    )


def _sizes(folder: Path) -> list[int]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path.stat().st_size for path in files]


if __name__ == "__main__":
    sys.exit(main())
