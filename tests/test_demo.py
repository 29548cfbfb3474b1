# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The demo library, which a store without a library of its own sells."""

import tomllib
from pathlib import Path

import mutagen
import pytest
from PIL import Image

import msrv

DEMO = Path(msrv.__file__).parent / "demo"
RELEASES = sorted(path.parent for path in DEMO.glob("*/release.toml"))
AUDIO = {".mp3", ".flac", ".ogg", ".opus", ".m4a"}
TRACKS = sorted(path for path in DEMO.rglob("*") if path.suffix in AUDIO)


def test_demo_is_small_enough_for_a_package() -> None:
    sizes = (path.stat().st_size for path in DEMO.rglob("*"))
    assert 0 < sum(sizes) < 6_000_000


def test_demo_has_several_releases_formats_and_a_free_item() -> None:
    described = [
        tomllib.loads((folder / "release.toml").read_text())
        for folder in RELEASES
    ]
    prices = [
        item.get("price")
        for release in described
        for item in release.get("items", {}).values()
    ]
    assert len(RELEASES) >= 2
    assert len(TRACKS) >= 6
    assert len({path.suffix for path in TRACKS}) >= 3
    assert "0" in prices


@pytest.mark.parametrize("folder", RELEASES, ids=lambda folder: folder.name)
def test_demo_describes_only_existing_files(folder: Path) -> None:
    release = tomllib.loads((folder / "release.toml").read_text())
    for name in release.get("items", {}):
        assert (folder / name).is_file()
    with Image.open(folder / "cover.png") as cover:
        assert cover.width == cover.height >= 1200


@pytest.mark.parametrize("path", TRACKS, ids=lambda path: path.name)
def test_tags_of_the_demo_match_its_releases(path: Path) -> None:
    release = tomllib.loads((path.parent / "release.toml").read_text())
    audio = mutagen.File(path, easy=True)
    assert audio["artist"] == [release["artist"]]
    assert audio["album"] == [release["title"]]
    assert audio["date"] == [release["date"]]
    number, title = int(audio["tracknumber"][0]), audio["title"][0]
    assert path.stem == f"{number:02} {title}"
    assert 30 <= audio.info.length <= 90


def test_booklet_of_the_demo_is_a_complete_pdf() -> None:
    (booklet,) = DEMO.rglob("*.pdf")
    content = booklet.read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    start = int(content.rsplit(b"startxref", 1)[1].split()[0])
    assert content[start:].startswith(b"xref")


def test_texts_of_the_demo_are_about_its_artists() -> None:
    artists = {
        tomllib.loads((folder / "release.toml").read_text())["artist"]
        for folder in RELEASES
    }
    for suffix in (".md", ".png"):
        texts = {path.stem for path in (DEMO / "artists").glob(f"*{suffix}")}
        assert texts == artists
    assert list((DEMO / "pages").glob("*.md"))
