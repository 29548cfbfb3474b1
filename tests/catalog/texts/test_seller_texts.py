# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Pages and texts about artists: Markdown files of the library."""

import io

import pytest
from PIL import Image

from msrv.catalog.library.scan import scan
from msrv.catalog.markdown import TitledText, split_title
from msrv.catalog.texts import seller_texts
from msrv.catalog.texts.seller_texts import MAX_PAGES, MAX_TEXT_BYTES
from tests.catalog.temporary_library import Library, problems

ABOUT = "# About us\n\nWe *sing*.\n"


def picture(colour: str = "#802010") -> bytes:
    """Return a small JPEG."""
    data = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(data, "JPEG")
    return data.getvalue()


def titles(library: Library) -> list[str]:
    """Return the titles of the pages; there are no problems."""
    reading = library.read()
    assert problems(reading) == []
    return [page.title for page in reading.catalog.pages]


def test_page_has_its_heading_as_title_and_its_name_as_address(
    library: Library,
) -> None:
    library.put("pages/10 Our Story.md", ABOUT)
    (page,) = library.read().catalog.pages
    assert (page.slug, page.title) == ("our-story", "About us")
    assert page.text == "We *sing*."
    assert page.changed_at > 0


@pytest.mark.parametrize(
    "text", ["no heading", "text\n\n# a heading further down\n", ""]
)
def test_page_without_a_heading_is_named_after_its_file(
    library: Library, text: str
) -> None:
    library.put("pages/2-Imprint & Terms.md", text)
    (page,) = library.read().catalog.pages
    assert (page.slug, page.title) == ("imprint-terms", "Imprint & Terms")
    assert page.text == text.strip()


def test_pages_are_ordered_by_their_numbers_then_by_title(
    library: Library,
) -> None:
    for name in ("Zoo", "10 Ten", "Apes", "9 Nine"):
        library.put(f"pages/{name}.md", "text")
    assert titles(library) == ["Nine", "Ten", "Apes", "Zoo"]


def test_pages_are_no_release(library: Library) -> None:
    library.put("pages/About.md", ABOUT)
    library.put("pages/About.jpg", picture())
    library.put("artists/Ann.md", "text")
    catalog = library.read().catalog
    assert catalog.releases == ()
    (page,) = catalog.pages
    assert page.picture is not None
    assert (page.picture.width, page.picture.height) == (40, 30)


@pytest.mark.parametrize("name", ["pages", "artists"])
@pytest.mark.parametrize(
    "files",
    [
        {"01.jpg": picture(), "02.jpg": picture("#000001")},
        {"read me.md": b"text", "song.pdf": b"%PDF-1.4\n%%EOF\n"},
        {"read me.md": b"text", "release.toml": b""},
    ],
)
def test_folder_that_was_for_sale_stays_for_sale(
    library: Library, name: str, files: dict[str, bytes]
) -> None:
    """A comic's pages, or an album of a band that is called Artists."""
    for file, data in files.items():
        library.put(f"{name}/{file}", data)
    reading = library.read()
    (release,) = reading.catalog.releases
    assert release.title == name
    assert reading.catalog.pages == ()
    has_note = any("is a release, since" in note for note in reading.notes)
    assert has_note == ("read me.md" in files)


def test_releases_in_a_folder_of_texts_are_for_sale(library: Library) -> None:
    library.put("artists/Ann.md", "text")
    library.release("artists/Ann/First")
    library.release("Else/pages", {"About.md": b"text"})
    folders = {each.folder for each in library.read().catalog.releases}
    assert folders == {"artists/Ann/First", "Else/pages"}


def test_texts_in_a_folder_below_are_noted(library: Library) -> None:
    library.put("pages/About.md", "text")
    library.put("pages/de/About.md", "Text")
    library.release("artists/Ann", {"read me.md": b"text"})
    (note,) = (note for note in library.read().notes if "Markdown" in note)
    assert note.startswith("pages/de is a release, and its Markdown files")


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("A.md", b"ok\n\xff\n", "pages/A.md:2: is not UTF-8"),
        ("A.md", b"x" * (MAX_TEXT_BYTES + 1), "pages/A.md: is over 64 KiB"),
        ("A.jpg", b"no picture", "pages/A.jpg: can't be used"),
        ("2 b.md", b"x", "pages/B.md: has the address /pages/b"),
    ],
)
def test_unusable_file_is_a_problem_and_the_others_are_shown(
    library: Library, name: str, data: bytes, problem: str
) -> None:
    library.put("pages/B.md", "text")
    library.put("pages/A.md", "text")
    library.put(f"pages/{name}", data)
    reading = library.read()
    (found,) = problems(reading)
    assert found.startswith(problem)
    assert "b" in {page.slug for page in reading.catalog.pages}


def test_number_of_pages_is_limited(library: Library) -> None:
    for number in range(MAX_PAGES + 1):
        library.put(f"pages/{number:03} Page {number}.md", "text")
    reading = library.read()
    assert len(reading.catalog.pages) == MAX_PAGES
    (problem,) = problems(reading)
    assert (
        problem
        == "pages/050 Page 50.md: is not shown: there are over 50 of them"
    )


def test_picture_without_a_text_is_noted(library: Library) -> None:
    library.put("pages/A.md", "text")
    library.put("pages/else.png", b"x")
    notes = library.read().notes
    assert "pages/else.png is not used: no else.md" in notes


def test_text_about_an_artist_has_links_and_a_picture(
    library: Library,
) -> None:
    library.release("Night", toml='artist = "The Wet Coats"')
    library.put(
        "artists/The Wet Coats.md",
        "From [here](https://no.example).\n\n"
        "- [Fedi](https://social.example/@coats)\n- https://coats.example\n"
        "- [no](mailto:a@b.example)\n\nAnd\n\n"
        "- https://no.example\n- https://no.example and text\n",
    )
    library.put("artists/The Wet Coats.jpg", picture())
    (profile,) = library.read().catalog.profiles
    assert profile.name == "The Wet Coats"
    assert profile.links == (
        "https://social.example/@coats",
        "https://coats.example",
    )
    assert profile.picture is not None


def test_text_about_an_unknown_artist_is_noted(library: Library) -> None:
    library.release("Night", toml='artist = "AC/DC"')
    library.put("artists/AC-DC.md", "# AC/DC\n\ntext")
    library.put("artists/Nobody.md", "text")
    (note,) = (each for each in library.read().notes if "artist" in each)
    assert note.startswith("the text about the artist Nobody is not shown")


def test_two_texts_about_one_artist_are_a_problem(library: Library) -> None:
    library.put("artists/Ann.md", "first")
    library.put("artists/B.md", "# ann\nsecond")
    reading = library.read()
    assert [each.text for each in reading.catalog.profiles] == ["first"]
    assert problems(reading) == [
        "artists/B.md: is about 'ann', as is artists/Ann.md; not shown"
    ]


def test_text_that_is_being_changed_stays_as_it_was(library: Library) -> None:
    library.put("pages/A.md", "old")
    library.put("pages/A.jpg", picture())
    first = library.read()
    before = scan(library.root)
    library.put("pages/A.md", "new, and longer")
    library.put("pages/A.jpg", picture()[:200])
    library.put("pages/B.md", "half of")
    changing = library.read(first, before=before)
    assert problems(changing) == []
    assert changing.catalog.pages == first.catalog.pages
    assert changing.waiting
    library.put("pages/A.jpg", picture("#102080"))
    settled = library.read(changing)
    assert [page.text for page in settled.catalog.pages] == [
        "new, and longer",
        "half of",
    ]
    assert settled.catalog.version != first.catalog.version


def test_change_of_a_text_alone_is_seen(library: Library) -> None:
    library.put("pages/A.md", "old")
    first, before = library.read(), scan(library.root)
    library.put("pages/A.md", "new text")
    assert scan(library.root).fingerprint != before.fingerprint
    assert library.read(first).catalog.pages[0].text == "new text"


def test_defect_in_one_text_does_not_affect_others(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    def split(text: str) -> TitledText:
        if text == "bad":
            raise RecursionError
        return split_title(text)

    monkeypatch.setattr(seller_texts, "split_title", split)
    library.put("pages/A.md", "bad")
    library.put("pages/B.md", "text")
    reading = library.read()
    assert [page.title for page in reading.catalog.pages] == ["B"]
    assert problems(reading) == [
        "pages/A.md: could not be read: RecursionError(); not shown"
    ]


def test_controls_are_removed_from_a_text(library: Library) -> None:
    library.put("pages/A.md", "a\x00b\x1b[31m\u202ec\n\n    code\n")
    (page,) = library.read().catalog.pages
    assert page.text == "ab[31mc\n\n    code"
