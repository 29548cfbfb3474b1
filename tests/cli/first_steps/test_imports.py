# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""`import`: downloads and folders become releases that can be sold."""

import json
import os
import shutil
import subprocess
import tomllib
import zipfile
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from mutagen import id3
from mutagen.wave import WAVE
from PIL import Image

from tests.cli.conftest import Cli
from tests.wav_files import write_wav

ARTIST = "The Wet Coats"
ALBUM = "Second Bus"


def track(folder: Path, number: int, **tags: str) -> Path:
    """Write a tagged track as Bandcamp names it, and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    stated = {
        "TIT2": f"Stop {number}",
        "TPE1": ARTIST,
        "TALB": ALBUM,
        "TDRC": "2026-03-06",
        "TRCK": str(number),
    } | tags
    path = folder / f"{ARTIST} - {ALBUM} - {number:02d} Stop {number}.wav"
    write_wav(path, 0.2, 220 + number)
    file: Any = WAVE(path)  # type: ignore[no-untyped-call] # theirs
    file.add_tags()
    for name, text in stated.items():
        if text:
            file.tags.add(getattr(id3, name)(encoding=3, text=text))
    file.save()
    return path


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Folder of three tracks, a cover and a booklet."""
    folder = tmp_path / "album"
    for number in (1, 2, 3):
        track(folder, number)
    Image.new("RGB", (40, 40), "red").save(folder / "cover.jpg")
    (folder / "booklet.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    return folder


def zip_of(folder: Path, path: Path) -> str:
    """Write a ZIP of a folder's files, and return its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(folder.rglob("*")):
            if each.is_file():
                archive.write(each, str(each.relative_to(folder)))
    return str(path)


def names_in(folder: Path) -> list[str]:
    return sorted(
        str(each.relative_to(folder))
        for each in folder.rglob("*")
        if each.is_file()
    )


WHOLE = [
    "01 Stop 1.wav",
    "02 Stop 2.wav",
    "03 Stop 3.wav",
    "booklet.pdf",
    "cover.jpg",
    "release.toml",
]


def test_bandcamp_download_becomes_a_release(
    cli: Cli, album: Path, library: Path, tmp_path: Path
) -> None:
    path = zip_of(album, tmp_path / "any name.zip")
    result = cli("import", path)
    assert result.exit_code == 0, result.stderr
    folder = library / ARTIST / ALBUM
    assert names_in(folder) == WHOLE
    config = tomllib.loads((folder / "release.toml").read_text("utf-8"))
    assert config == {
        "title": ALBUM,
        "artist": ARTIST,
        "date": "2026-03-06",
    }
    source = album / f"{ARTIST} - {ALBUM} - 02 Stop 2.wav"
    assert (folder / "02 Stop 2.wav").read_bytes() == source.read_bytes()
    checked = cli("check", "--json")
    assert checked.exit_code == 0, checked.stdout
    titles = [each["title"] for each in json.loads(checked.stdout)["items"]]
    assert {"Stop 1", "Stop 2", "Stop 3", ALBUM} <= set(titles)
    assert not [each for each in library.iterdir() if each.name[0] == "."]


def test_formats_become_one_release(
    cli: Cli, album: Path, library: Path, tmp_path: Path, ffmpeg: str
) -> None:
    other = tmp_path / "flac"
    other.mkdir()
    for each in sorted(album.glob("*.wav")):
        subprocess.run(
            [
                *(ffmpeg, "-v", "error", "-i", str(each)),
                str(other / f"{each.stem}.flac"),
            ],
            check=True,
        )
    shutil.copy(album / "cover.jpg", other)
    (other / "booklet.pdf").write_bytes(b"%PDF-1.5\n%%EOF\n")
    result = cli(
        *("import", zip_of(album, tmp_path / "a.zip")),
        *(zip_of(other, tmp_path / "b.zip"), "--json"),
    )
    assert result.exit_code == 0, result.stderr
    (release,) = json.loads(result.stdout)
    assert len(release["sources"]) == 2
    assert names_in(library / ARTIST / ALBUM) == sorted(
        [
            *WHOLE,
            *(f"0{n} Stop {n}.flac" for n in (1, 2, 3)),
            "booklet (2).pdf",
        ]
    )
    items = json.loads(cli("check", "--json").stdout)["items"]
    assert sum(each["title"] == "Stop 1" for each in items) == 1


def test_folder_is_copied(cli: Cli, album: Path, library: Path) -> None:
    before = {each: each.read_bytes() for each in album.iterdir()}
    (album / "link.wav").symlink_to("/etc/passwd")
    result = cli("import", str(album))
    assert result.exit_code == 0, result.stderr
    assert "link.wav is a link, and was left out" in result.stderr
    assert names_in(library / ARTIST / ALBUM) == WHOLE
    assert {
        each: each.read_bytes()
        for each in album.iterdir()
        if not each.is_symlink()
    } == before


def test_folder_is_moved(cli: Cli, album: Path, library: Path) -> None:
    inode = next(album.glob("*01*.wav")).stat().st_ino
    assert cli("import", "--move", str(album)).exit_code == 0
    assert not album.exists()
    folder = library / ARTIST / ALBUM
    assert names_in(folder) == WHOLE
    assert (folder / "01 Stop 1.wav").stat().st_ino == inode


def test_move_keeps_what_was_left_out(
    cli: Cli, album: Path, tmp_path: Path
) -> None:
    (album / "store.toml").write_text("name = 'x'\n")
    path = Path(zip_of(album, tmp_path / "a.zip"))
    assert cli("import", "--move", str(album)).exit_code == 0
    assert names_in(album) == ["store.toml"]
    result = cli("import", "--move", str(path), "--title", "B")
    assert result.exit_code == 0
    assert f"{path} was kept: not all of its files were" in result.stderr
    assert path.exists()


def test_move_removes_a_zip(cli: Cli, album: Path, tmp_path: Path) -> None:
    (album / ".DS_Store").write_bytes(b"x")
    path = Path(zip_of(album, tmp_path / "a.zip"))
    assert cli("import", "--move", str(path)).exit_code == 0
    assert not path.exists()


def test_track_whose_name_begins_with_dots_is_imported(
    cli: Cli, album: Path, library: Path, tmp_path: Path
) -> None:
    track(album, 4).rename(album / "...And So On.wav")
    path = Path(zip_of(album, tmp_path / "a.zip"))
    for source in (path, album):
        result = cli("import", "--move", str(source))
        assert result.exit_code == 0, result.stderr
        assert "left out" not in result.stderr
        assert not source.exists()
        folder = library / ARTIST / ALBUM
        assert any("And So On.wav" in each for each in names_in(folder))
        assert not [each for each in names_in(folder) if each[0] == "."]
        shutil.rmtree(folder)


def test_music_in_a_hidden_folder_is_noted(
    cli: Cli, album: Path, tmp_path: Path
) -> None:
    hidden = track(album / ".more", 4)
    path = Path(zip_of(album, tmp_path / "a.zip"))
    result = cli("import", "--move", str(path), "--title", "B")
    assert f"note: .more/{hidden.name} was left out" in result.stderr
    assert path.exists()
    result = cli("import", "--move", str(album))
    assert "note: .more was left out" in result.stderr
    assert hidden.exists()


def test_configuration_of_a_folder_is_kept(
    cli: Cli, album: Path, library: Path
) -> None:
    (album / "release.toml").write_text("price = '9.00'\n")
    assert cli("import", str(album)).exit_code == 0
    config = library / ARTIST / ALBUM / "release.toml"
    assert config.read_text() == "price = '9.00'\n"


def test_single_track_is_a_release(
    cli: Cli, album: Path, library: Path, tmp_path: Path
) -> None:
    single = tmp_path / f"{ARTIST} - Stop 1.wav"
    shutil.copy(next(album.glob("*01*.wav")), single)
    assert cli("import", str(single)).exit_code == 0
    assert names_in(library / ARTIST / "Stop 1") == [
        "Stop 1.wav",
        "release.toml",
    ]


def test_single_tracks_of_an_album_are_one_release(
    cli: Cli, album: Path, library: Path
) -> None:
    tracks = [str(each) for each in sorted(album.glob("*.wav"))]
    result = cli("import", *tracks, "--json")
    (release,) = json.loads(result.stdout)
    assert release["title"] == ALBUM
    assert len(names_in(library / ARTIST / ALBUM)) == 4


def test_various_artists_have_a_folder(
    cli: Cli, library: Path, tmp_path: Path
) -> None:
    for number, artist in enumerate(("Ann", "Bob"), 1):
        track(tmp_path / "mix", number, TPE1=artist, TALB="Mix")
    assert cli("import", str(tmp_path / "mix")).exit_code == 0
    config = library / "Various Artists" / "Mix" / "release.toml"
    assert "artist" not in tomllib.loads(config.read_text("utf-8"))


def test_awkward_tags_are_only_text(
    cli: Cli, library: Path, tmp_path: Path
) -> None:
    title = '../../"Quotes"\nand\u202e 🎸 \\'
    track(tmp_path / "x", 1, TALB=title, TPE1="../..")
    result = cli("import", str(tmp_path / "x"), "--json")
    assert result.exit_code == 0, result.stderr
    (release,) = json.loads(result.stdout)
    assert Path(release["folder"]).is_relative_to(library)
    assert cli("check").exit_code == 0
    assert not (tmp_path.parent / '"Quotes"').exists()


def test_options_override_the_tags(
    cli: Cli, album: Path, library: Path
) -> None:
    result = cli("import", str(album), "--artist", "", "--title", "Own")
    assert result.exit_code == 0, result.stderr
    assert (library / "Own" / "01 Stop 1.wav").exists()


def test_dry_run_changes_nothing(cli: Cli, album: Path, library: Path) -> None:
    before = names_in(library)
    result = cli("import", str(album), "--dry-run", "--move")
    assert result.exit_code == 0
    assert "3 tracks, 2 others" in result.stdout
    assert "nothing was changed" in result.stdout
    assert names_in(library) == before
    assert album.exists()


def test_existing_release_is_never_changed(
    cli: Cli, album: Path, library: Path
) -> None:
    assert cli("import", str(album)).exit_code == 0
    (library / ARTIST / ALBUM / "release.toml").write_text("price = '5'\n")
    before = names_in(library)
    result = cli("import", "--move", str(album))
    assert result.exit_code == 1
    assert "exists already; nothing was changed" in result.stderr
    assert names_in(library) == before
    assert len(list(album.iterdir())) == 5


def test_one_bad_source_imports_none(
    cli: Cli, album: Path, library: Path, tmp_path: Path
) -> None:
    good = zip_of(album, tmp_path / "good.zip")
    bad = tmp_path / "bad.zip"
    data = bytearray(Path(good).read_bytes())
    data[200] ^= 0xFF  # inside the first file's content
    bad.write_bytes(data)
    before = names_in(library)
    result = cli("import", good, str(bad))
    assert result.exit_code == 1
    assert "bad.zip: " in result.stderr
    assert "is damaged" in result.stderr
    assert "Traceback" not in result.stderr
    assert names_in(library) == before
    assert not [each for each in library.iterdir() if each.name[0] == "."]


def test_several_albums_in_a_folder_are_refused(
    cli: Cli, tmp_path: Path
) -> None:
    track(tmp_path / "all" / "a", 1, TALB="One")
    track(tmp_path / "all" / "b", 1, TALB="Two")
    result = cli("import", str(tmp_path / "all"))
    assert result.exit_code == 1
    assert "contains several releases" in result.stderr


def test_full_disk_is_noticed_before(
    cli: Cli, album: Path, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil's
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9, 9, 1000))
    before = names_in(library)
    result = cli("import", str(album))
    assert result.exit_code == 1
    assert "there is too little space in" in result.stderr
    assert names_in(library) == before


def test_move_needs_space_for_what_is_unpacked(
    cli: Cli, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zip_of(album, tmp_path / "a.zip")
    usage = namedtuple("usage", "total used free")  # noqa: PYI024 - as shutil's
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(9, 9, 1000))
    result = cli("import", "--move", path)
    assert result.exit_code == 1
    assert "there is too little space in" in result.stderr
    assert cli("import", "--move", str(album)).exit_code == 0


def test_part_of_the_library_is_refused(cli: Cli, library: Path) -> None:
    for path in (library, library / "Night Bus", library.parent):
        result = cli("import", "--move", str(path))
        assert result.exit_code == 1
        assert "is part of the library, or contains it" in result.stderr
    assert (library / "Night Bus").exists()


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/nowhere.zip", "/nowhere.zip: No such file"),
        ("/dev/null", "/dev/null is neither a file nor a folder"),
    ],
)
def test_missing_source_is_named(cli: Cli, path: str, error: str) -> None:
    result = cli("import", path)
    assert result.exit_code == 1
    assert error in result.stderr


def test_hostile_media_is_parsed_elsewhere(
    cli: Cli, library: Path, tmp_path: Path
) -> None:
    """What isn't audio is imported; `check` says what is wrong with it."""
    folder = tmp_path / "x"
    track(folder, 1)
    (folder / "02 bad.flac").write_bytes(os.urandom(4000))
    result = cli("import", str(folder))
    assert result.exit_code == 0
    assert "note: 02 bad.flac: " in result.stderr
    assert (library / ARTIST / ALBUM / "02 bad.flac").exists()
