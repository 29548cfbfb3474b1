"""What lies in the library's folders."""

import os
import socket
from pathlib import Path

import pytest

from msrv.catalog.library.found_files import content_files
from msrv.catalog.library.scan import LibraryUnreadable, check_library, scan
from tests.catalog.temporary_library import Library


def folders(shelf: Library) -> dict[str, list[str]]:
    return {
        folder.path: [file.name for file in content_files(folder)]
        for folder in scan(shelf.root).folders
    }


def complaints(shelf: Library) -> list[str]:
    return [str(problem) for problem in scan(shelf.root).problems]


def test_every_folder_with_files_is_a_release(
    shelf: Library,
) -> None:
    shelf.put("Artist/Album/a.wav")
    shelf.put("Artist/bonus.pdf")
    shelf.put("Single/b.wav")
    (shelf.root / "Empty").mkdir()
    assert folders(shelf) == {
        "Artist": ["bonus.pdf"],
        "Artist/Album": ["a.wav"],
        "Single": ["b.wav"],
    }


def test_configuration_files_and_covers_are_not_items(shelf: Library) -> None:
    shelf.put("store.toml", "")
    shelf.put("A/a.wav")
    shelf.put("A/Release.TOML", "")
    shelf.put("A/cover.png")
    shelf.put("A/Cover.JPG")
    shelf.put("A/COVER.PNG")
    shelf.put("A/coverage.png")
    (folder,) = scan(shelf.root).folders
    assert [file.name for file in folder.files] == ["a.wav", "coverage.png"]
    assert folder.config
    assert folder.cover
    assert folder.cover.name == "Cover.JPG"
    assert scan(shelf.root).store


@pytest.mark.parametrize(
    "name", [".DS_Store", "Thumbs.db", "a.mp3.part", "@eaDir", "lost+found"]
)
def test_system_files_are_ignored(shelf: Library, name: str) -> None:
    shelf.put(f"{name}/a.wav")
    assert folders(shelf) == {}
    assert complaints(shelf) == []


def test_misplaced_files_are_noted(shelf: Library) -> None:
    shelf.put("loose.wav")
    shelf.put("README.txt")
    shelf.put("release.toml", "")
    shelf.put("A/a.wav")
    shelf.put("A/store.toml", "")
    shelf.put("B/release.toml", "")
    assert sorted(scan(shelf.root).notes) == [
        (
            "A/store.toml is not used here: move it into the library itself, "
            "beside the folders"
        ),
        "B/release.toml is not used: no file for sale is beside it",
        "loose.wav is not sold: put it in a folder",
        (
            "release.toml is not used here: move it into a release's folder, "
            "beside its files"
        ),
    ]


def test_tracks_beside_folders_are_one_note(shelf: Library) -> None:
    for number in range(1, 13):
        shelf.put(f"{number:02} loose.wav")
    assert scan(shelf.root).notes == [
        "01 loose.wav and 11 more tracks are not sold: put them in a folder"
    ]


def test_link_out_of_the_library_is_a_problem(
    shelf: Library, tmp_path: Path
) -> None:
    secret = tmp_path / "library-secrets"
    secret.mkdir()
    (secret / "key.pem").write_text("secret")
    shelf.put("A/a.wav")
    (shelf.root / "A/key.pem").symlink_to(secret / "key.pem")
    (shelf.root / "A/up.pem").symlink_to("../../library-secrets/key.pem")
    (shelf.root / "B").symlink_to(secret)
    (shelf.root / "C").symlink_to("/")
    (shelf.root / "store.toml").symlink_to(secret / "key.pem")
    assert folders(shelf) == {"A": ["a.wav"]}
    assert scan(shelf.root).store is None
    what = "is a link that leaves the library"
    assert complaints(shelf) == [
        f"{path}: {what}"
        for path in ("A/key.pem", "A/up.pem", "B", "C", "store.toml")
    ]


def test_link_inside_the_library_is_followed(
    shelf: Library,
) -> None:
    shelf.put("A/a.wav", b"1234")
    shelf.put("B/b.wav")
    (shelf.root / "B/a.wav").symlink_to("../A/a.wav")
    (shelf.root / ".kept").mkdir()
    shelf.put(".kept/c.wav")
    (shelf.root / "C").symlink_to(".kept")
    assert folders(shelf) == {
        "A": ["a.wav"],
        "B": ["a.wav", "b.wav"],
        "C": ["c.wav"],
    }
    assert scan(shelf.root).folders[1].files[0].size_bytes == 4


def test_circular_links_end(shelf: Library) -> None:
    shelf.put("A/a.wav")
    (shelf.root / "A/again").symlink_to(".")
    (shelf.root / "A/up").symlink_to("..")
    (shelf.root / "itself").symlink_to("itself")
    (shelf.root / "gone").symlink_to("nowhere")
    assert folders(shelf) == {"A": ["a.wav"]}
    assert complaints(shelf) == [
        "gone: is a link that leads nowhere",
        "itself: is a link that leads nowhere",
    ]
    assert scan(shelf.root).is_complete
    assert len(scan(shelf.root).notes) == 2


def test_each_folder_is_visited_once_for_any_number_of_links(
    shelf: Library,
) -> None:
    names = [f"F{number:02}" for number in range(14)]
    for name in names:
        shelf.put(f"{name}/a.wav")
        for other in names:
            if other != name:
                (shelf.root / name / other).symlink_to(f"../{other}")
    assert folders(shelf) == {name: ["a.wav"] for name in names}


def test_special_files_are_problems_and_not_opened(shelf: Library) -> None:
    shelf.put("A/a.wav")
    os.mkfifo(shelf.root / "A/pipe.wav")
    with socket.socket(socket.AF_UNIX) as listener:
        where = Path.cwd()
        os.chdir(shelf.root / "A")  # the path of a socket has to be short
        try:
            listener.bind("socket.wav")
        finally:
            os.chdir(where)
    assert folders(shelf) == {"A": ["a.wav"]}
    assert complaints(shelf) == [
        "A/pipe.wav: is not a regular file",
        "A/socket.wav: is not a regular file",
    ]


@pytest.mark.parametrize(
    "name",
    [
        b"line\nbreak.wav",
        b"quote\"'`$(id);.wav",
        "right\u202eto left.wav".encode(),
        "mark\u200f.wav".encode(),
        "👩‍👧🎵.wav".encode(),
        b"\xff\xfe not text.wav",
        b"a" * 251 + b".wav",
        b"\x1b[2J.wav",
        b"-rf.wav",
        b"%2e%2e.wav",
        b"back\\slash.wav",
        b"trailing .wav ",
    ],
)
def test_any_name_is_scanned(shelf: Library, name: bytes) -> None:
    (shelf.root / "A").mkdir()
    Path(os.fsdecode(os.fsencode(shelf.root) + b"/A/" + name)).write_bytes(
        b"x"
    )
    (folder,) = scan(shelf.root).folders
    assert os.fsencode(folder.files[0].name) == name
    assert complaints(shelf) == []


def test_fingerprint_changes_with_any_change(shelf: Library) -> None:
    shelf.put("store.toml", "")
    file = shelf.put("A/a.wav")
    seen = {scan(shelf.root).fingerprint}
    assert {scan(shelf.root).fingerprint} == seen
    for change in (
        lambda: shelf.put("A/b.wav"),
        lambda: shelf.put("A/a.wav", b"longer than before"),
        lambda: os.utime(file, ns=(1, 1)),
        lambda: file.chmod(0o600),
        lambda: shelf.put("A/cover.png"),
        lambda: shelf.put("A/release.toml", ""),
        lambda: shelf.put("store.toml", 'name = "x"'),
        lambda: (shelf.root / "A").rename(shelf.root / "B"),
        lambda: (shelf.root / "out").symlink_to("/"),
        lambda: shelf.put("loose.wav"),
    ):
        change()
        fingerprint = scan(shelf.root).fingerprint
        assert fingerprint not in seen
        seen.add(fingerprint)


def test_missing_library_is_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for path in (tmp_path / "missing", file):
        with pytest.raises(LibraryUnreadable, match="can't read the library"):
            scan(path)
        with pytest.raises(LibraryUnreadable):
            check_library(path)
    check_library(tmp_path)


def test_library_can_be_a_link(shelf: Library, tmp_path: Path) -> None:
    shelf.put("A/a.wav")
    (shelf.root / "A/b.wav").symlink_to("a.wav")
    link = tmp_path / "link"
    link.symlink_to(shelf.root)
    assert scan(link).folders == scan(shelf.root).folders
    assert scan(link).problems == []


def test_depth_of_folders_is_limited(shelf: Library) -> None:
    deep = "/".join(["d"] * 40)
    shelf.put(f"{deep}/a.wav")
    assert folders(shelf) == {}
    assert len(complaints(shelf)) == 1
    assert complaints(shelf)[0].endswith("is nested too deeply in the library")
