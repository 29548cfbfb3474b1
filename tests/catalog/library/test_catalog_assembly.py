"""Ids that are there once, and the store's order."""

import pytest

from tests.catalog.temporary_library import Library, problems, wav


def test_two_releases_with_one_id_are_told_apart(shelf: Library) -> None:
    """Or a buyer of one record would be sent the other."""
    shelf.release("B", toml='\nid = "same"')
    shelf.release("A", toml='title = "A"\n\nid = "same"')
    found = shelf.read()
    (release,) = found.catalog.releases
    assert release.folder == "A"
    (problem,) = problems(found)
    assert problem == (
        "B/release.toml:2: 'B' has the id 'same', which is taken by "
        "A/release.toml:3; not offered"
    )


def test_two_items_with_one_id_are_told_apart(shelf: Library) -> None:
    """Or a buyer of one track would be sent the other."""
    pin = '[items."01 A.wav"]\nid = "same"\n'
    shelf.release("A", toml=pin)
    shelf.release("B", toml=f'{pin}[items."02 B.wav"]\nid = "same"\n')
    found = shelf.read()
    assert len(found.catalog.by_id) == 3
    assert found.catalog.by_id["same"].release_id != "same"
    assert problems(found) == [
        f"B/release.toml:{line}: 'B/{name}' has the id 'same', which is "
        "taken by A/release.toml:2; not offered"
        for line, name in ((2, "01 A.wav"), (4, "02 B.wav"))
    ]
    # A release that lost all its items is not there either.
    assert [each.folder for each in found.catalog.releases] == ["A"]


def test_an_item_and_a_release_with_one_id_are_told_apart(
    shelf: Library,
) -> None:
    """Or who pays for a track could get a record, or the other way round."""
    shelf.put("A/a.pdf")
    shelf.put("A/release.toml", 'id = "same"\n[items."a.pdf"]\nid = "same"\n')
    found = shelf.read()
    assert found.catalog.releases == ()
    (problem,) = problems(found)
    assert problem == (
        "A/release.toml:3: 'A/a.pdf' has the id 'same', which is taken by "
        "A/release.toml:1; not offered"
    )


def test_names_that_differ_in_spelling_alone_are_told_apart(
    shelf: Library,
) -> None:
    """Or of two files that look the same, either might be sent."""
    shelf.put("R/\u00e9.wav", wav(1))
    shelf.put("R/e\u0301.wav", wav(2))
    found = shelf.read()
    assert len(found.catalog.releases[0].items) == 1
    (problem,) = problems(found)
    assert "which is taken by R/é.wav; not offered" in problem


@pytest.mark.parametrize("first", ["A", "B"])
def test_who_is_first_does_not_depend_on_what_was_read_first(
    shelf: Library, first: str
) -> None:
    """Or an id would go from one record to another at a restart."""
    second = "B" if first == "A" else "A"
    shelf.release(first, toml='id = "same"')
    before = shelf.read()
    shelf.release(second, toml='id = "same"')
    found = shelf.read(before)
    assert found.catalog == shelf.read().catalog
    assert [each.folder for each in found.catalog.releases] == ["A"]


def test_newest_come_first_then_by_artist_and_title(shelf: Library) -> None:
    """Or visitors would look for the new record at the end."""
    for folder, date, artist, title in [
        ("1", "2025", "b", "x"),
        ("2", "2026-01", "b", "x"),
        ("3", "2026-01", "A", "y"),
        ("4", "2026-01", "a", "X"),
        ("5", "", "a", "a"),
        ("6", "2026-01-02", "z", "z"),
    ]:
        shelf.put(f"{folder}/a.pdf")
        toml = f'artist = "{artist}"\ntitle = "{title}"\n'
        toml += f'date = "{date}"\n' if date else ""
        shelf.put(f"{folder}/release.toml", toml)
    order = [each.folder for each in shelf.read().catalog.releases]
    assert order == ["6", "4", "3", "2", "1", "5"]
