# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""New folders of releases: safe names, and all of a folder or nothing."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.drafts import release_folders
from msrv.catalog.drafts.release_folders import (
    DRAFT_PREFIX,
    DraftFolder,
    FolderExists,
    find_place,
    folder_name,
)
from msrv.catalog.library.scan import scan
from msrv.catalog.names.ignored_names import is_ignored, is_nas_folder


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@given(st.text())
def test_any_text_is_a_safe_name(text: str) -> None:
    name = folder_name(text, "Release")
    assert name == name.strip(" .")
    assert not set('/\\:*?"<>|\0\n') & set(name)
    assert 0 < len(name.encode()) <= 255
    assert not is_ignored(name)
    assert not is_nas_folder(name)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Night Bus", "Night Bus"),
        ("AC/DC", "AC-DC"),
        ("../../etc", "-..-etc"),
        ("..", "Release"),
        ("", "Release"),
        ("\n\t", "Release"),
        ("///", "Release"),
        ("CON", "_CON"),
        ("nul.flac", "_nul.flac"),
        ("#1 Record", "1 Record"),
        ("@home", "home"),
        (".hidden", "hidden"),
        ("~$", "Release"),
        ("Demo.part", "Demo.part -"),
        ("Thumbs.db", "Thumbs.db -"),
        ("incomplete" + "0" * 32 + "x", "_incomplete" + "0" * 32 + "x -"),
        ("a.octransferid1", "Release"),
        ("שלום", "שלום"),
        ("🎸🎸", "🎸🎸"),
        ("e\u0301", "\u00e9"),
    ],
)
def test_awkward_names(text: str, name: str) -> None:
    assert folder_name(text, "Release") == name


def test_long_names_are_shortened_between_characters() -> None:
    name = folder_name("é🎸" * 200, "Release")
    assert len(name.encode()) <= 180
    assert name == name.encode().decode()


def test_artist_with_a_folder_is_not_duplicated(tmp_path: Path) -> None:
    (tmp_path / "The Wet Coats").mkdir()
    place = find_place(tmp_path, "the  wet coats", "Night Bus")
    assert place == tmp_path / "The Wet Coats" / "Night Bus"


def test_occupied_place_is_refused_in_any_case(tmp_path: Path) -> None:
    (tmp_path / "A" / "Night Bus").mkdir(parents=True)
    (tmp_path / "A" / "Night Bus" / "x").touch()
    with pytest.raises(FolderExists, match="Night Bus exists already"):
        find_place(tmp_path, "A", "NIGHT BUS")
    (tmp_path / "A" / "file").touch()
    with pytest.raises(FolderExists):
        find_place(tmp_path, "A", "file")


def test_empty_folder_is_used(tmp_path: Path) -> None:
    (tmp_path / "A" / "Night Bus").mkdir(parents=True)
    place = find_place(tmp_path, "A", "Night Bus")
    with DraftFolder(tmp_path) as draft:
        (draft.path / "release.toml").touch()
        draft.publish(place)
    assert names_in(place) == ["release.toml"]
    assert names_in(tmp_path) == ["A"]


def test_draft_is_no_part_of_the_library(tmp_path: Path) -> None:
    with DraftFolder(tmp_path) as draft:
        (draft.path / "a.txt").write_text("half")
        assert scan(tmp_path).folders == []
    assert names_in(tmp_path) == []


def test_failed_draft_leaves_nothing(tmp_path: Path) -> None:
    def fill() -> None:
        with DraftFolder(tmp_path) as draft:
            (draft.path / "x").touch()
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        fill()
    assert names_in(tmp_path) == []


def test_place_that_was_occupied_meanwhile_is_not_changed(
    tmp_path: Path,
) -> None:
    place = tmp_path / "A" / "B"
    with DraftFolder(tmp_path) as draft:
        (draft.path / "mine").touch()
        place.mkdir(parents=True)
        (place / "theirs").touch()
        with pytest.raises(FolderExists):
            draft.publish(place)
    assert names_in(place) == ["theirs"]
    assert names_in(tmp_path) == ["A"]


@pytest.mark.parametrize(
    ("mode", "folder", "file"), [(0o755, 0o755, 0o644), (0o700, 0o700, 0o600)]
)
def test_folder_is_as_open_as_the_library(
    tmp_path: Path, mode: int, folder: int, file: int
) -> None:
    """The store may run as another user; the commands' umask is 077."""
    tmp_path.chmod(mode)
    before = os.umask(0o077)
    try:
        with DraftFolder(tmp_path) as draft:
            (draft.path / "x").touch()
            draft.publish(tmp_path / "A" / "B")
    finally:
        os.umask(before)
    for path, expected in [
        (tmp_path / "A", folder),
        (tmp_path / "A" / "B", folder),
        (tmp_path / "A" / "B" / "x", file),
    ]:
        assert stat.S_IMODE(path.stat().st_mode) == expected


def test_draft_of_a_killed_process_is_removed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release_folders, "_ABANDONED_SECONDS", 0)
    script = (
        "import sys, time; from pathlib import Path\n"
        "from msrv.catalog.drafts.release_folders import DraftFolder\n"
        "with DraftFolder(Path(sys.argv[1])) as draft:\n"
        "    (draft.path / 'half.flac').touch()\n"
        "    print('filled', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"filled\n"
        with DraftFolder(tmp_path):
            # That of a process that lives stays.
            assert len(list(tmp_path.glob(f"{DRAFT_PREFIX}*"))) == 2
        process.kill()
        process.wait()
    assert len(names_in(tmp_path)) == 1
    with DraftFolder(tmp_path) as draft:
        draft.publish(tmp_path / "C")
    assert names_in(tmp_path) == ["C"]
