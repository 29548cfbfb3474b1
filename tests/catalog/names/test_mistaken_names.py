# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Near misses of the names of configuration files and covers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.catalog.names.mistaken_names import describe_near_miss
from tests.catalog.temporary_library import Library, problems


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("release.toml.txt", "release.toml"),
        ("Release.TOML.TXT", "release.toml"),
        ("release.toml.old", "release.toml"),
        ("release.toml ", "release.toml"),
        ("release .toml", "release.toml"),
        ("Release.tom", "release.toml"),
        ("release.tml", "release.toml"),
        ("relase.toml", "release.toml"),
        ("realese.toml", "release.toml"),
        ("releases.toml", "release.toml"),
        ("release (1).toml", "release.toml"),
        ("release - Copy.toml", "release.toml"),
        ("Copy of release.toml", "release.toml"),
        ("release - Kopie.toml", "release.toml"),
        ("store.toml.txt", "store.toml"),
        ("sotre.toml", "store.toml"),
        ("stroe.toml", "store.toml"),
        ("store (2).toml", "store.toml"),
        ("cover .jpg", "cover.jpg"),
        ("cover.jpg ", "cover.jpg"),
        ("cover. jpg", "cover.jpg"),
        ("cover.jpg.png", "cover.png"),
        ("cover.jpg.jpg", "cover.jpg"),
        ("cover.jpg.txt", "cover.jpg"),
        ("Cover (1).JPG", "cover.jpg"),
        ("cover - Copy.png", "cover.png"),
        ("covr.jpg", "cover.jpg"),
    ],
)
def test_near_miss_is_a_problem(
    library: Library, name: str, meant: str
) -> None:
    library.put(f"A/{name}", 'price = "7"')
    library.put("A/a.wav", b"RIFF")
    found = [each for each in problems(library.read()) if "a.wav" not in each]
    assert found == [
        (
            f"A/{name}: is not used, and not offered: "
            f"should it be called {meant!r}?"
        )
    ]


@pytest.mark.parametrize("suffix", [".heic", ".svg", ".jfif", ".tif", ".bmp"])
def test_cover_in_an_unsupported_format_is_a_problem(
    library: Library, suffix: str
) -> None:
    library.put(f"A/Cover{suffix}")
    library.put("A/a.pdf")
    assert problems(library.read()) == [
        (
            f"A/Cover{suffix}: is a cover in a format that browsers can't "
            "show; not offered: save it as cover.jpg"
        )
    ]


@pytest.mark.parametrize(
    "name",
    [
        "a (Ann's conflicted copy 2026-01-02).mp3",
        "a (conflicted copy 2026-01-02 101010).mp3",
        "a (Case Conflict 1).mp3",
        "a.sync-conflict-20260102-101010-ABCDEFG.mp3",
        "a_conflict-20260102-101010.mp3",
        "a (SFConflict ann@example.org 2026-01-02-10-10-10).mp3",
    ],
)
def test_conflicted_copy_is_a_problem(library: Library, name: str) -> None:
    library.put(f"A/{name}")
    library.put("A/a.pdf")
    (problem,) = problems(library.read())
    assert "is a conflicted copy made by a sync program" in problem


@pytest.mark.parametrize(
    "name",
    [
        "release.toml",
        "store.toml",
        "cover.jpg",
        "cover.avif",
        "release.html",
        "release.pdf",
        "Release.mp3",
        "store.zip",
        "cargo.toml",
        "coverage.png",
        "cover story.jpg",
        "clover.jpg",
        "back cover.jpg",
        "cover.mp3",
        "cover version.wav",
        "Conflict.mp3",
        "Song (Conflicted).mp3",
        "jpg",
        "toml",
        ".",
    ],
)
def test_correct_name_is_not_a_near_miss(name: str) -> None:
    assert describe_near_miss(name) is None


@given(st.text(max_size=60))
def test_any_name_is_checked_without_error(name: str) -> None:
    found = describe_near_miss(name)
    assert found is None or "not offered" in found
