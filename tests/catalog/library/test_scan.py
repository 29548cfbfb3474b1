# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Scan of a library's folders."""

import os
import socket
from pathlib import Path

import pytest

from msrv.catalog.library.found_files import content_files
from msrv.catalog.library.scan import LibraryUnreadable, check_library, scan
from tests.catalog.temporary_library import Library


def folders(library: Library) -> dict[str, list[str]]:
    return {
        folder.path: [file.name for file in content_files(folder)]
        for folder in scan(library.root).folders
    }


def complaints(library: Library) -> list[str]:
    return [str(problem) for problem in scan(library.root).problems]


def test_every_folder_with_files_is_a_release(
    library: Library,
) -> None:
    library.put("Artist/Album/a.wav")
    library.put("Artist/bonus.pdf")
    library.put("Single/b.wav")
    (library.root / "Empty").mkdir()
    assert folders(library) == {
        "Artist": ["bonus.pdf"],
        "Artist/Album": ["a.wav"],
        "Single": ["b.wav"],
    }


def test_configuration_files_and_covers_are_not_items(
    library: Library,
) -> None:
    library.put("store.toml", "")
    library.put("A/a.wav")
    library.put("A/Release.TOML", "")
    library.put("A/cover.png")
    library.put("A/Cover.JPG")
    library.put("A/COVER.PNG")
    library.put("A/coverage.png")
    (folder,) = scan(library.root).folders
    assert [file.name for file in folder.files] == ["a.wav", "coverage.png"]
    assert folder.config
    assert folder.cover
    assert folder.cover.name == "Cover.JPG"
    assert scan(library.root).store


def test_second_spelling_of_a_configuration_is_a_problem(
    library: Library,
) -> None:
    library.put("A/a.wav")
    for name in ("RELEASE.toml", "Release.toml", "release.toml"):
        library.put(f"A/{name}", "")
    library.put("B/b.wav")
    library.put("B/RELEASE.toml", "")
    library.put("B/Release.toml", "")
    library.put("Store.toml", "")
    library.put("store.toml", "")
    found = scan(library.root)
    assert found.store
    assert found.store.path == "store.toml"
    configs = [each.config.path for each in found.folders if each.config]
    assert configs == ["A/release.toml", "B/RELEASE.toml"]
    assert sorted(complaints(library)) == [
        "A/RELEASE.toml: is not used: release.toml is beside it",
        "A/Release.toml: is not used: release.toml is beside it",
        "B/Release.toml: is not used: RELEASE.toml is beside it",
        "Store.toml: is not used: store.toml is beside it",
    ]


@pytest.mark.parametrize(
    "name", [".DS_Store", "Thumbs.db", "a.mp3.part", "@eaDir", "lost+found"]
)
def test_system_files_are_ignored(library: Library, name: str) -> None:
    library.put(f"{name}/a.wav")
    assert folders(library) == {}
    assert complaints(library) == []


def test_misplaced_files_are_noted(library: Library) -> None:
    library.put("loose.wav")
    library.put("README.txt")
    library.put("release.toml", "")
    library.put("A/a.wav")
    library.put("A/store.toml", "")
    library.put("B/release.toml", "")
    assert sorted(scan(library.root).notes) == [
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


def test_tracks_beside_folders_are_one_note(library: Library) -> None:
    for number in range(1, 13):
        library.put(f"{number:02} loose.wav")
    assert scan(library.root).notes == [
        "01 loose.wav and 11 more tracks are not sold: put them in a folder"
    ]


def test_link_out_of_the_library_is_a_problem(
    library: Library, tmp_path: Path
) -> None:
    secret = tmp_path / "library-secrets"
    secret.mkdir()
    (secret / "key.pem").write_text("secret")
    library.put("A/a.wav")
    (library.root / "A/key.pem").symlink_to(secret / "key.pem")
    (library.root / "A/up.pem").symlink_to("../../library-secrets/key.pem")
    (library.root / "B").symlink_to(secret)
    (library.root / "C").symlink_to("/")
    (library.root / "store.toml").symlink_to(secret / "key.pem")
    assert folders(library) == {"A": ["a.wav"]}
    store = scan(library.root).store
    assert store is not None
    assert not store.is_usable
    what = "is a link that leaves the library"
    assert complaints(library) == [
        f"{path}: {what}"
        for path in ("A/key.pem", "A/up.pem", "B", "C", "store.toml")
    ]


def test_link_inside_the_library_is_followed(
    library: Library,
) -> None:
    library.put("A/a.wav", b"1234")
    library.put("B/b.wav")
    (library.root / "B/a.wav").symlink_to("../A/a.wav")
    (library.root / ".kept").mkdir()
    library.put(".kept/c.wav")
    (library.root / "C").symlink_to(".kept")
    assert folders(library) == {
        "A": ["a.wav"],
        "B": ["a.wav", "b.wav"],
        "C": ["c.wav"],
    }
    assert scan(library.root).folders[1].files[0].size_bytes == 4


def test_circular_links_end(library: Library) -> None:
    library.put("A/a.wav")
    (library.root / "A/again").symlink_to(".")
    (library.root / "A/up").symlink_to("..")
    (library.root / "itself").symlink_to("itself")
    (library.root / "gone").symlink_to("nowhere")
    assert folders(library) == {"A": ["a.wav"]}
    assert complaints(library) == [
        "gone: is a link that leads nowhere",
        "itself: is a link that leads nowhere",
    ]
    assert scan(library.root).is_complete
    assert len(scan(library.root).notes) == 2


def test_each_folder_is_visited_once_for_any_number_of_links(
    library: Library,
) -> None:
    names = [f"F{number:02}" for number in range(14)]
    for name in names:
        library.put(f"{name}/a.wav")
        for other in names:
            if other != name:
                (library.root / name / other).symlink_to(f"../{other}")
    assert folders(library) == {name: ["a.wav"] for name in names}


def test_special_files_are_problems_and_not_opened(library: Library) -> None:
    library.put("A/a.wav")
    os.mkfifo(library.root / "A/pipe.wav")
    with socket.socket(socket.AF_UNIX) as listener:
        where = Path.cwd()
        os.chdir(library.root / "A")  # the path of a socket has to be short
        try:
            listener.bind("socket.wav")
        finally:
            os.chdir(where)
    assert folders(library) == {"A": ["a.wav"]}
    assert complaints(library) == [
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
def test_any_name_is_scanned(library: Library, name: bytes) -> None:
    (library.root / "A").mkdir()
    Path(os.fsdecode(os.fsencode(library.root) + b"/A/" + name)).write_bytes(
        b"x"
    )
    (folder,) = scan(library.root).folders
    assert os.fsencode(folder.files[0].name) == name
    assert complaints(library) == []


def test_fingerprint_changes_with_any_change(library: Library) -> None:
    library.put("store.toml", "")
    file = library.put("A/a.wav")
    seen = {scan(library.root).fingerprint}
    assert {scan(library.root).fingerprint} == seen
    for change in (
        lambda: library.put("A/b.wav"),
        lambda: library.put("A/a.wav", b"longer than before"),
        lambda: os.utime(file, ns=(1, 1)),
        lambda: file.chmod(0o600),
        lambda: library.put("A/cover.png"),
        lambda: library.put("A/release.toml", ""),
        lambda: library.put("store.toml", 'name = "x"'),
        lambda: (library.root / "A").rename(library.root / "B"),
        lambda: (library.root / "out").symlink_to("/"),
        lambda: library.put("loose.wav"),
    ):
        change()
        fingerprint = scan(library.root).fingerprint
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


def test_library_can_be_a_link(library: Library, tmp_path: Path) -> None:
    library.put("A/a.wav")
    (library.root / "A/b.wav").symlink_to("a.wav")
    link = tmp_path / "link"
    link.symlink_to(library.root)
    assert scan(link).folders == scan(library.root).folders
    assert scan(link).problems == []


def test_depth_of_folders_is_limited(library: Library) -> None:
    deep = "/".join(["d"] * 40)
    library.put(f"{deep}/a.wav")
    assert folders(library) == {}
    assert len(complaints(library)) == 1
    assert complaints(library)[0].endswith(
        "is nested too deeply in the library"
    )
