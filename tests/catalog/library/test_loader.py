# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Loading of a library, also while it is being edited."""

import os
import shutil
from pathlib import Path

import pytest

from msrv import toml_file
from msrv.catalog.library import loader
from msrv.catalog.library.scan import LibraryUnreadable, scan
from msrv.money import Money
from tests.catalog.temporary_library import Library, problems, wav

BROKEN = "title = \n"


def folders(found: loader.LoadedLibrary) -> list[str]:
    return sorted(release.folder for release in found.catalog.releases)


def test_library_is_loaded_as_a_catalog(library: Library) -> None:
    library.put("store.toml", 'name = "Wet Coats"')
    library.release("Old", toml='date = "2024"')
    library.release("New", toml='date = "2026-03"')
    for file in library.release("Undated").iterdir():
        os.utime(file, (0, 0))
    found = library.read()
    assert found.problems == ()
    assert found.catalog.shop.name == "Wet Coats"
    assert [each.folder for each in found.catalog.releases] == [
        "New",
        "Old",
        "Undated",
    ]
    assert not found.waiting


def test_unchanged_library_has_the_same_version(library: Library) -> None:
    library.release("R", toml='date = "2024"')
    first, again = library.read(), library.read()
    assert first.catalog == again.catalog
    assert library.read(first).catalog == first.catalog


@pytest.mark.parametrize(
    "toml",
    [
        'title = "Other"',
        'artist = "Other"',
        'date = "2024"',
        'description = "Other"',
        'price = "1.99"',
        "hidden = true",
        'id = "other"',
        '[items."01 A.wav"]\nprice = "3"',
        '[items."01 A.wav"]\ntitle = "Other"',
        '[items."01 A.wav"]\nhidden = true',
        'currency = "USD"',
    ],
)
def test_any_change_changes_the_version(library: Library, toml: str) -> None:
    library.release("R")
    first = library.read()
    library.put("R/release.toml", toml)
    assert library.read(first).catalog.version != first.catalog.version


def test_ids_are_independent_of_other_files_and_of_the_root(
    library: Library, tmp_path: Path
) -> None:
    library.release("R")
    first = library.read()
    library.put("R/00 Intro.wav", wav(7))
    library.put("Other/a.wav", wav(8))
    second = library.read(first)
    assert first.catalog.by_id.keys() < second.catalog.by_id.keys()
    library.root.rename(tmp_path / "moved")
    library.root = tmp_path / "moved"
    assert library.read().catalog.by_id.keys() == second.catalog.by_id.keys()


def test_pinned_release_keeps_all_ids_when_renamed(
    library: Library,
) -> None:
    library.release("Nihgt Bus", toml='id = "night-bus"')
    first = library.read()
    (library.root / "Nihgt Bus").rename(library.root / "Night Bus")
    second = library.read(first)
    assert second.catalog.by_id.keys() == first.catalog.by_id.keys()
    assert folders(second) == ["Night Bus"]


def test_pinning_the_current_id_changes_no_id(library: Library) -> None:
    library.release("Nihgt Bus")
    first = library.read()
    (release,) = first.catalog.releases
    toml = f'id = "{release.release_id}"'
    library.put("Nihgt Bus/release.toml", toml)
    (library.root / "Nihgt Bus").rename(library.root / "Night Bus")
    assert (
        library.read(first).catalog.by_id.keys() == first.catalog.by_id.keys()
    )


def test_release_with_an_invalid_toml_stays_as_it_was(
    library: Library,
) -> None:
    library.release("R", toml='title = "Good"\n')
    library.release("S")
    first = library.read()
    library.put("R/release.toml", BROKEN)
    second = library.read(first)
    assert second.catalog == first.catalog
    assert problems(second) == [
        "R/release.toml:1: is not valid TOML: Invalid value"
    ]
    third = library.read(second)
    assert third.catalog == first.catalog
    assert third.problems == second.problems
    library.put("R/release.toml", 'title = "Better"\n')
    fourth = library.read(third)
    assert fourth.problems == ()
    assert "Better" in {each.title for each in fourth.catalog.releases}


@pytest.mark.parametrize(
    "data",
    [
        BROKEN.encode(),
        b'pirce = "9.00"',
        b'title = "\xff"',
        b"x = " + b"[" * 5000,
        b"#" * (1 << 20) + b"#",
        b"hidden = 1",
        b'id = "NOT AN ID"',
        b'price = "a lot"',
    ],
    ids=lambda data: repr(data[:12]),
)
def test_release_that_never_had_a_valid_toml_is_not_offered(
    library: Library, data: bytes
) -> None:
    library.release("R", {"release.toml": data})
    library.release("S")
    found = library.read()
    assert folders(found) == ["S"]
    waits, problem = found.problems
    assert str(waits) == "R: is not offered until its release.toml is fixed"
    assert problem.where == "R/release.toml"
    again = library.read(found)
    assert again.problems == found.problems


def test_typographic_quotes_are_named_in_the_problem(library: Library) -> None:
    library.release("R", toml='id = "r"\ntitle = \u201cNight Bus\u201d\n')
    assert problems(library.read())[-1] == (
        "R/release.toml:2: is not valid TOML: Invalid value; "
        'type straight quotes: "…"'
    )


def test_toml_with_a_bom_and_crlf_is_read(library: Library) -> None:
    toml = '\ufefftitle = "T"\r\nprice = "3"\r\n'
    library.release("R", toml=toml)
    assert (library.only().title, library.only().price.minor) == ("T", 300)


@pytest.mark.parametrize("amount", ["5,00", "1e99999999999999999999"])
def test_invalid_store_toml_keeps_the_last_valid_one(
    library: Library, amount: str
) -> None:
    library.put("store.toml", 'name = "N"\n[prices]\nitem = "5"\n')
    library.release("R")
    first = library.read()
    library.put("store.toml", f'name = "N"\n[prices]\nitem = {amount}\n')
    library.release("S")
    second = library.read(first)
    assert problems(second)[0].startswith("store.toml:3: ")
    assert second.catalog.shop == first.catalog.shop
    prices = {
        item.price.minor
        for release in second.catalog.releases
        for item in release.items
    }
    assert prices == {500}


def test_nothing_is_offered_until_store_toml_is_valid(
    library: Library,
) -> None:
    library.put("store.toml", 'currency = "JPY')
    library.release("R")
    library.release(
        "S", toml='currency = "USD"\nprice = "7"\nitem_price = "0.99"'
    )
    found = library.read()
    assert folders(found) == ["S"]
    waits, broken = problems(found)
    assert waits == "R: is not offered until store.toml is fixed"
    assert broken.startswith("store.toml:1: is not valid TOML: ")
    again = library.read(found)
    assert folders(again) == ["S"]
    library.put("store.toml", 'currency = "JPY"')
    mended = library.read(again)
    assert folders(mended) == ["R", "S"]
    assert mended.problems == ()


def test_store_without_store_toml_has_the_defaults(
    library: Library,
) -> None:
    library.put("store.toml", '[prices]\nitem = "5"\n')
    library.release("R")
    first = library.read()
    (library.root / "store.toml").unlink()
    second = library.read(first)
    (release,) = second.catalog.releases
    assert release.items[0].price == Money(100, "EUR")


def test_release_waits_while_it_is_being_copied(library: Library) -> None:
    library.release("R")
    first = library.read()
    before = scan(library.root)
    library.put("R/03 C.wav", wav(3)[:100])
    library.put("New/a.wav", wav(4)[:100])
    library.put("store.toml", 'name = "Ha')
    found = scan(library.root)
    second = library.read(first, found=found, before=before)
    assert second.waiting
    assert second.catalog == first.catalog
    (problem,) = problems(second)
    assert problem.startswith("New: is held back: New/a.wav is still arriving")
    assert second.held == set(second.problems)
    assert second.notes == (
        "R stays as it was while R/03 C.wav is being changed",
        "store.toml stays as it was while it is being changed",
        *first.notes,
    )
    library.put("R/03 C.wav", wav(3))
    library.put("New/a.wav", wav(4))
    library.put("store.toml", 'name = "Half"')
    later = scan(library.root)
    third = library.read(second, found=later, before=found)
    assert third.catalog == first.catalog
    fourth = library.read(third, found=scan(library.root), before=later)
    assert not fourth.waiting
    assert folders(fourth) == ["New", "R"]
    assert fourth.catalog.shop.name == "Half"
    assert fourth.problems == ()


def test_store_toml_is_applied_once_it_has_settled(library: Library) -> None:
    library.release("R")
    first = library.read()
    before = scan(library.root)
    library.put("store.toml", 'name = "New"')
    found = scan(library.root)
    second = library.read(first, found=found, before=before)
    assert second.catalog == first.catalog
    assert second.waiting
    third = library.read(second, found=found, before=found)
    assert third.catalog.shop.name == "New"
    assert not third.waiting


def test_settled_folders_are_loaded_while_others_change(
    library: Library,
) -> None:
    library.release("R")
    first = library.read()
    library.release("S")
    before = scan(library.root)
    library.put("R/log.txt", "again")
    second = library.read(first, found=scan(library.root), before=before)
    assert folders(second) == ["R", "S"]
    assert second.waiting


def test_deleted_release_is_removed(library: Library) -> None:
    library.release("R")
    library.release("S")
    first = library.read()
    shutil.rmtree(library.root / "S")
    (library.root / "R/01 A.wav").unlink()
    second = library.read(first)
    assert folders(second) == ["R"]
    (release,) = second.catalog.releases
    assert len(release.items) == 1
    # Buyers of the whole release still get the rest.
    assert second.catalog.by_id[release.release_id] == release


def test_emptied_library_is_unreadable_rather_than_empty(
    library: Library,
) -> None:
    """An unmounted disk doesn't remove what was sold."""
    library.release("R")
    first = library.read()
    shutil.rmtree(library.root)
    with pytest.raises(LibraryUnreadable):
        library.read(first)
    library.root.mkdir()
    with pytest.raises(LibraryUnreadable, match="is its disk mounted"):
        library.read(first)
    # A store that has just been set up has nothing yet.
    assert library.read().catalog.releases == ()
    # Removing the last release leaves something: a file or a folder.
    library.put("store.toml", "")
    assert library.read(first).catalog.releases == ()


def test_unchanged_release_is_not_built_again(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.release("R", toml='title = "T"')
    library.release("S")
    first = library.read()
    library.put("S/03 C.wav", wav(3))
    read: list[str] = []
    real = toml_file.TomlDocument

    def watch(where: str, text: str) -> toml_file.TomlDocument:
        read.append(where)
        return real(where, text)

    for model in ("release_config", "store_config"):
        monkeypatch.setattr(f"msrv.catalog.config.{model}.TomlDocument", watch)
    second = library.read(first)
    assert read == []
    assert len(second.catalog.by_id) == 7


@pytest.mark.parametrize(
    "name", [b"line\nbreak", b"\xff", b"a" * 255, "\u202e".encode()]
)
def test_folder_of_any_name_is_loaded(library: Library, name: bytes) -> None:
    folder = Path(os.fsdecode(os.fsencode(library.root) + b"/" + name))
    folder.mkdir()
    (folder / "a.wav").write_bytes(wav())
    (folder / "release.toml").write_text("x = 1")
    library.release("R")
    found = library.read()
    assert folders(found) == ["R"]
    waits, problem = problems(found)
    assert waits.isprintable()
    assert problem.isprintable()
    (folder / "release.toml").unlink()
    assert len(library.read(found).catalog.releases) == 2
