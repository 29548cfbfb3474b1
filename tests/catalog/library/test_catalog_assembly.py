# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Assembly of a catalog: unique ids, and the display order."""

import os

import pytest

from msrv.catalog.names import ids
from tests.catalog.temporary_library import PDF, Library, problems, wav


def test_duplicate_release_id_is_a_problem(library: Library) -> None:
    """The second release with an id is not offered."""
    library.release("B", toml='\nid = "same"')
    library.release("A", toml='title = "A"\n\nid = "same"')
    found = library.read()
    (release,) = found.catalog.releases
    assert release.folder == "A"
    (problem,) = problems(found)
    assert problem == (
        "B/release.toml:2: 'B' has the id 'same', which is taken by "
        "A/release.toml:3; not offered"
    )


def test_duplicate_item_id_is_a_problem(library: Library) -> None:
    """The second item with an id is not offered."""
    pin = '[items."01 A.wav"]\nid = "same"\n'
    library.release("A", toml=pin)
    library.release("B", toml=f'{pin}[items."02 B.wav"]\nid = "same"\n')
    found = library.read()
    assert len(found.catalog.by_id) == 3
    assert found.catalog.by_id["same"].release_id != "same"
    assert problems(found) == [
        f"B/release.toml:{line}: 'B/{name}' has the id 'same', which is "
        "taken by A/release.toml:2; not offered"
        for line, name in ((2, "01 A.wav"), (4, "02 B.wav"))
    ]
    # A release that lost all its items is not there either.
    assert [each.folder for each in found.catalog.releases] == ["A"]


def test_item_with_the_id_of_a_release_is_a_problem(
    library: Library,
) -> None:
    library.put("A/a.pdf")
    library.put(
        "A/release.toml", 'id = "same"\n[items."a.pdf"]\nid = "same"\n'
    )
    found = library.read()
    assert found.catalog.releases == ()
    (problem,) = problems(found)
    assert problem == (
        "A/release.toml:3: 'A/a.pdf' has the id 'same', which is taken by "
        "A/release.toml:1; not offered"
    )


def test_names_differing_in_unicode_form_are_a_problem(
    library: Library,
) -> None:
    """Of two spellings with one id, the second is not offered."""
    library.put("R/\u00e9.wav", wav(1))
    library.put("R/e\u0301.wav", wav(2))
    found = library.read()
    assert len(found.catalog.releases[0].items) == 1
    (problem,) = problems(found)
    assert "which is taken by the same name in another Unicode" in problem


def test_price_of_a_release_is_without_what_a_duplicate_id_costs(
    library: Library,
) -> None:
    """A price that the seller stated stays."""
    pin = '[items."01 A.wav"]\nid = "same"\n'
    library.put("store.toml", '[prices]\nitem = "2"\nrelease = "5"\n')
    library.release("A", toml=pin)
    more = {"03 C.wav": wav(3)}
    library.release("B", more, toml=pin)
    library.release("C", more, toml='price = "5.50"\n' + pin)
    prices = {
        each.folder: (len(each.items), each.price.minor)
        for each in library.read().catalog.releases
    }
    assert prices == {"A": (2, 400), "B": (2, 400), "C": (2, 550)}


@pytest.mark.parametrize("first", ["A", "B"])
def test_owner_of_an_id_is_independent_of_load_order(
    library: Library, first: str
) -> None:
    second = "B" if first == "A" else "A"
    library.release(first, toml='id = "same"')
    before = library.read()
    library.release(second, toml='id = "same"')
    found = library.read(before)
    assert found.catalog == library.read().catalog
    assert [each.folder for each in found.catalog.releases] == ["A"]


def test_releases_are_sorted_by_date_then_artist_and_title(
    library: Library,
) -> None:
    """One without a date has the time of its oldest file."""
    for folder, date, artist, title in [
        ("1", "2025", "b", "x"),
        ("2", "2026-01", "b", "x"),
        ("3", "2026-01", "A", "y"),
        ("4", "2026-01", "a", "X"),
        ("5", "", "a", "a"),
        ("6", "2026-01-02", "z", "z"),
        ("7", "", "a", "b"),
        ("8", "", "a", "b"),
    ]:
        modified = 1_767_261_600 if folder == "8" else int(folder)
        for number, name in enumerate("ab"):
            file = library.put(f"{folder}/{name}.pdf", PDF + name.encode())
            os.utime(file, (0, modified + 10 * number))
        toml = f'artist = "{artist}"\ntitle = "{title}"\n'
        toml += f'date = "{date}"\n' if date else ""
        library.put(f"{folder}/release.toml", toml)
    order = [each.folder for each in library.read().catalog.releases]
    assert order == ["6", "8", "4", "3", "2", "1", "7", "5"]
    # A file that is changed or added doesn't move its release.
    os.utime(library.root / "5" / "b.pdf")
    library.put("5/c.pdf", PDF + b"c")
    order = [each.folder for each in library.read().catalog.releases]
    assert order[-1] == "5"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ('"newest"', "CDAB"),
        ('"title"', "ABCD"),
        ('"artist"', "ACDB"),
        ('["b", "d"]', "BDCA"),
    ],
)
def test_order_of_the_releases_is_the_sellers(
    library: Library, order: str, expected: str
) -> None:
    for title, artist, date in (
        ("B", "Two", "2020"),
        ("A", "One", "2021"),
        ("D", "One", "2024"),
        ("C", "One", "2025"),
    ):
        library.put(
            f"{title}/a.pdf",
        )
        library.put(
            f"{title}/release.toml",
            f'id = "{title.lower()}"\ntitle = "{title}"\n'
            f'artist = "{artist}"\ndate = {date}\n',
        )
    library.put("store.toml", f"order = {order}\n")
    reading = library.read()
    assert reading.problems == ()
    titles = [each.title for each in reading.catalog.releases]
    assert "".join(titles) == expected


def test_unknown_release_in_store_toml_is_a_problem(library: Library) -> None:
    library.put("Night Bus/a.pdf")
    library.put("Night Bus/release.toml", 'id = "night-bus"\n')
    library.put(
        "store.toml",
        'featured = ["night-bus", "nihgt-bus"]\norder = ["umbrella"]\n',
    )
    assert problems(library.read()) == [
        (
            "store.toml:1: 'featured' has 'nihgt-bus', which is the id of no "
            "release; did you mean 'night-bus'?"
        ),
        "store.toml:2: 'order' has 'umbrella', which is the id of no release",
    ]


def test_unknown_id_in_a_discount_is_a_problem(library: Library) -> None:
    library.release("Bus", toml='id = "bus"\n[items."01 A.wav"]\nid = "a"\n')
    library.put("Bus/booklet.pdf")
    booklet = ids.item_id("bus", "booklet.pdf")
    library.put(
        "store.toml",
        f'[discounts.SPRING]\npercent = 5\nitems = ["bus", "a", "{booklet}"]'
        '\n[discounts.FALL]\npercent = 5\n\nitems = [\n"a",\n"buss"]\n'
        "[discounts.ALL]\npercent = 5\n",
    )
    (problem,) = problems(library.read())
    assert problem == (
        "store.toml:7: the discount FALL has 'buss', which is the id of no "
        "release and no item; did you mean 'bus'?"
    )


def test_former_id_in_a_discount_is_known(library: Library) -> None:
    """That of a track whose other format is sold now, and of a folder."""
    library.release("Bus/CD1")
    part = ids.item_id(ids.release_id("Bus/CD1"), "01 A.wav")
    library.release("Bus/CD2", {"01 A.wav": wav(3), "02 B.wav": wav(4)})
    library.put(
        "store.toml",
        "[discounts.SPRING]\npercent = 5\n"
        f'items = ["{ids.release_id("Bus/CD1")}", "{part}"]\n',
    )
    assert problems(library.read()) == []
