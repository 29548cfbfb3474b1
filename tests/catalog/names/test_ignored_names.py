# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Names of files and folders that are ignored."""

import pytest

from msrv.catalog.library.scan import scan
from msrv.catalog.names import ignored_names
from tests.catalog.temporary_library import Library

IGNORED = [
    # Hidden, and what systems leave.
    ".DS_Store",
    "._01 Rain.mp3",
    ".hidden.mp3",
    ".~lock.notes.odt#",
    ".#notes.txt",
    ".01 Rain.mp3.Xa81kQ",
    ".syncthing.01 Rain.mp3.tmp",
    ".in.01 Rain.mp3.",
    ".nfs0000000001",
    "....And Rain.mp3.Xa81kQ",
    "..data",
    "...",
    "Thumbs.db",
    "Thumbs.db:encryptable",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "desktop.ini",
    "Icon\r",
    "__MACOSX",
    "$RECYCLE.BIN",
    "lost+found",
    "~snapshot",
    "AlbumArtSmall.jpg",
    "AlbumArt_{5FA05D35-A682-4AF6-96F7-0773E42D4D16}_Large.jpg",
    "AlbumArt_{5FA05D35-A682-4AF6-96F7-0773E42D4D16}_Small.jpg",
    "01 Rain.mp3:Zone.Identifier",
    "01 Rain.mp3@SynoEAStream",
    # Downloads, uploads, synchronisation.
    "a.mp3.part",
    "a.mp3.PART",
    "a.crdownload",
    "a.download",
    "a.opdownload",
    "a.fdmdownload",
    "a.mp3.partial",
    "a.wav.filepart",
    "a.wav.aria2",
    "a.wav.!ut",
    "a.wav.!qB",
    "a.wav.bc!",
    "a.mp3.ocTransferId12345.part",
    "a.mp3.ocTransferId12345",
    "a.flac.lftp-pget-status",
    "a.flac-3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "a.flac.xltd",
    "a.mp3.st",
    "a.f140.m4a.part-Frag12",
    "~syncthing~a.mp3.tmp",
    "INCOMPLETE~a.mp3",
    "a.mp3.icloud",
    "a.mp3.!mv",
    "release.toml.crswap",
    "a.mp3.lnk",
    "a.tmp",
    # Editors.
    "#notes.txt#",
    "notes.txt~",
    "notes.txt.orig",
    "notes.txt.swp",
    "notes.txt.bak",
    "notes.txt.sb-1a2b3c4d-AbCdEf",
    "cover.jpg_original",
    "4913",
    "~$minutes.docx",
]
SOLD = [
    "...And Rain.mp3",
    "Recycled.mp3",
    "Recycle Binary.mp3",
    "#1 Hit.mp3",
    "#.mp3",
    "@home.mp3",
    "1979.mp3",
    "49131.mp3",
    "part.mp3",
    "Part 1.wav",
    "download.zip",
    "tmp.wav",
    "incomplete.flac",
    "Incomplete Me.flac",
    "a.swf",
    "game.st",
    "original.tiff",
    "~ Interlude.mp3",
    "$$$.mp3",
    "Thumbs.mp3",
    "a-3f2504e0-4f89-11d3-9a0c-0305e82c3301.wav",
    "AlbumArt.pdf",
    "conflict.mp3",
]


def files(library: Library) -> list[str]:
    return [
        file.name
        for folder in scan(library.root).folders
        for file in folder.files
    ]


@pytest.mark.parametrize("name", IGNORED)
def test_temporary_and_partial_files_are_ignored(
    library: Library, name: str
) -> None:
    library.put(f"A/{name}")
    found = scan(library.root)
    assert found.folders == []
    assert found.problems == []
    assert found.notes == []


@pytest.mark.parametrize("name", SOLD)
def test_similar_names_are_not_ignored(library: Library, name: str) -> None:
    library.put(f"A/{name}")
    assert files(library) == [name]
    assert scan(library.root).problems == []


@pytest.mark.parametrize("suffix", ignored_names.SUFFIXES)
def test_every_suffix_is_ignored_on_any_file(
    library: Library, suffix: str
) -> None:
    library.put(f"A/01 Rain.flac{suffix}")
    library.put(f"A/01 Rain.flac{suffix.upper()}")
    assert files(library) == []


@pytest.mark.parametrize(
    "name",
    [
        *ignored_names.NAS_FOLDERS,
        "@eaDir",
        "@Recycle",
        "@Recently-Snapshot",
        "#recycle",
        "#snapshot",
    ],
)
def test_nas_folders_are_not_scanned(library: Library, name: str) -> None:
    library.put(f"{name}/Album/a.wav")
    library.put(f"Album/{name}/a.wav")
    assert files(library) == []
    assert scan(library.root).notes == []


@pytest.mark.parametrize(
    "name",
    [
        "Recycle Bin",
        "Recycle Bin - Volume_1",
        "Network Recycle Bin 1",
        "trashbox",
        "RECYCLER/S-1-5-21-1123561945-484763869-839522115-1003",
    ],
)
def test_recycle_bins_are_not_scanned(library: Library, name: str) -> None:
    library.put(f"{name}/Dc1.mp3")
    library.put(f"{name}/Album/a.wav")
    assert files(library) == []
    assert scan(library.root).notes == []


@pytest.mark.parametrize(
    "name", ["...Night Bus", "Recycled", "Recycler", "Trashbox Songs"]
)
def test_album_of_a_similar_name_is_sold(library: Library, name: str) -> None:
    library.put(f"{name}/a.wav")
    assert files(library) == ["a.wav"]


@pytest.mark.parametrize("name", ["@NewRecycle", "#1 Record"])
def test_unknown_nas_folders_are_noted(library: Library, name: str) -> None:
    library.put(f"Artist/{name}/a.wav")
    assert files(library) == []
    assert scan(library.root).notes == [
        (
            f"Artist/{name} is skipped: network storage (a NAS) keeps files "
            "of its own in folders whose names begin with @ or #; rename the "
            "folder to sell what is in it"
        )
    ]


def test_file_patterns_do_not_apply_to_folders(library: Library) -> None:
    library.put("4913/a.wav")
    library.put("Art_original/a.wav")
    assert files(library) == ["a.wav", "a.wav"]
