"""The library that comes with the store, for who has none yet."""

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


def test_fits_in_a_package() -> None:
    """Or every install would carry a record collection."""
    sizes = (path.stat().st_size for path in DEMO.rglob("*"))
    assert 0 < sum(sizes) < 6_000_000


def test_shows_what_a_store_can_hold() -> None:
    """Or a first visit would not show releases, formats and a free item."""
    described = [
        tomllib.loads((home / "release.toml").read_text()) for home in RELEASES
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


@pytest.mark.parametrize("home", RELEASES, ids=lambda home: home.name)
def test_describes_files_that_are_there(home: Path) -> None:
    """Or a price would be set for a file that nobody can buy."""
    release = tomllib.loads((home / "release.toml").read_text())
    for name in release.get("items", {}):
        assert (home / name).is_file()
    with Image.open(home / "cover.png") as cover:
        assert cover.width == cover.height >= 1200


@pytest.mark.parametrize("path", TRACKS, ids=lambda path: path.name)
def test_tags_agree_with_the_shelf(path: Path) -> None:
    """Or a track would be listed under another name, place or record."""
    release = tomllib.loads((path.parent / "release.toml").read_text())
    audio = mutagen.File(path, easy=True)
    assert audio["artist"] == [release["artist"]]
    assert audio["album"] == [release["title"]]
    assert audio["date"] == [release["date"]]
    number, title = int(audio["tracknumber"][0]), audio["title"][0]
    assert path.stem == f"{number:02} {title}"
    assert 30 <= audio.info.length <= 90


def test_brings_a_whole_booklet() -> None:
    """Or a reader would call the file that was paid for damaged."""
    (booklet,) = DEMO.rglob("*.pdf")
    content = booklet.read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    start = int(content.rsplit(b"startxref", 1)[1].split()[0])
    assert content[start:].startswith(b"xref")
