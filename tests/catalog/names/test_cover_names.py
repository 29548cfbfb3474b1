# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Choice of the cover among the pictures of a folder."""

import pytest

from msrv.catalog.library.scan import scan
from msrv.catalog.names.cover_names import best_cover
from tests.catalog.temporary_library import Library


@pytest.mark.parametrize(
    ("names", "cover"),
    [
        (["cover.png", "folder.jpg", "front.jpg"], "cover.png"),
        (["Folder.jpg", "front.jpg"], "Folder.jpg"),
        (["front.jpg", "art.png", "album.jpg"], "front.jpg"),
        (["FRONT.JPEG"], "FRONT.JPEG"),
        (["Cover Art.png", "artwork.jpg"], "Cover Art.png"),
        (["cover_front.png"], "cover_front.png"),
        (["album-art.webp", "art.jpg"], "album-art.webp"),
        (["albumart.jpg"], "albumart.jpg"),
        (["album.gif"], "album.gif"),
        (["front.png", "front.jpg"], "front.jpg"),
        (["back.jpg", "frontier.jpg", "front.tif", "front"], None),
        ([], None),
    ],
)
def test_preferred_name_is_the_cover(
    library: Library, names: list[str], cover: str | None
) -> None:
    assert best_cover(names, has_tracks=True) == cover
    for name in names:
        library.put(f"A/{name}")
    library.put("A/a.wav")
    (folder,) = scan(library.root).folders
    assert (folder.cover and folder.cover.name) == cover
    assert cover not in [file.name for file in folder.files]


def test_picture_hidden_by_windows_is_never_sold(library: Library) -> None:
    library.put("A/cover.jpg")
    library.put("A/Folder.jpg")
    library.put("A/a.wav")
    (folder,) = scan(library.root).folders
    assert [file.name for file in folder.files] == ["a.wav"]


def test_pictures_without_tracks_are_items(library: Library) -> None:
    for name in ("art.png", "front.jpg", "back.jpg"):
        library.put(f"A/{name}")
    (folder,) = scan(library.root).folders
    assert folder.cover is None
    assert len(folder.files) == 3


def test_picture_beside_discs_is_the_cover(library: Library) -> None:
    library.put("A/front.jpg")
    library.put("A/CD1/a.wav")
    library.put("A/CD1/cover.jpg")
    library.put("A/CD2/a.wav")
    (folder,) = scan(library.root).folders
    assert folder.cover
    assert folder.cover.path == "A/front.jpg"
    assert "A/front.jpg" not in [file.path for file in folder.files]
