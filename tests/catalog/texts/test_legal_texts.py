# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Legal texts: read as `[legal]` names them, and kept while they can't be."""

from typing import Literal
from unicodedata import normalize

import pytest

from msrv.catalog.texts.legal_texts import ConsentMode, LegalKind
from tests.catalog.temporary_library import Library

Form = Literal["NFC", "NFD"]
STORE = """
language = "de"

[legal]
imprint = "Impressum.md"
privacy = "privacy.md"
consent = "required"
consent_text = { de = "Ja,  ich will.", en = "Yes." }
"""


def test_texts_are_read_with_their_languages(library: Library) -> None:
    library.release("One")
    numbered = STORE.replace("privacy.md", "20 Datenschutz.md")
    library.put("store.toml", numbered)
    library.put("Impressum.md", "# Wer wir sind\n\nEine <b>Band</b>.\n")
    library.put("Impressum.en.md", "A band.\n")
    library.put("20 Datenschutz.md", "Nichts.")
    read = library.read()
    assert read.problems == ()
    legal = read.catalog.shop.legal
    assert legal.kinds == (LegalKind.IMPRINT, LegalKind.PRIVACY)
    assert legal.consent is ConsentMode.REQUIRED
    assert legal.wordings == (("de", "Ja, ich will."), ("en", "Yes."))
    german = legal.text(LegalKind.IMPRINT, "fr", "de")
    english = legal.text(LegalKind.IMPRINT, "en", "de")
    assert german is not None
    assert (german.title, german.language) == ("Wer wir sind", "de")
    assert german.text == "Eine <b>Band</b>."
    assert english is not None
    assert (english.title, english.text) == ("Impressum", "A band.")
    # Without a heading: the file's name, without its number.
    privacy = legal.text(LegalKind.PRIVACY, "de")
    assert privacy is not None
    assert (privacy.title, privacy.text) == ("Datenschutz", "Nichts.")
    assert legal.text(LegalKind.TERMS, "de") is None
    # Nothing of it is for sale, or a page of the menu.
    assert [each.title for each in read.catalog.releases] == ["One"]
    assert read.catalog.pages == ()


@pytest.mark.parametrize(("typed", "form"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_text_is_found_in_another_unicode_form(
    library: Library, typed: Form, form: Form
) -> None:
    """A Mac's file name may be decomposed, and a typed one is composed."""
    library.release("One")
    name = "Datenschutzerkl\u00e4rung"
    stated = normalize(typed, f"{name}.md")
    library.put("store.toml", f'legal.privacy = "{stated}"\n')
    library.put(normalize(form, f"{name}.md"), "# Schutz\n\nNichts.")
    library.put(normalize(form, f"{name}.fr.md"), "Rien.")
    read = library.read()
    assert read.problems == ()
    texts = read.catalog.shop.legal.texts
    assert [each.text for each in texts] == ["Nichts.", "Rien."]


def test_missing_text_is_a_problem_and_the_last_one_stays(
    library: Library,
) -> None:
    library.release("One")
    library.put("store.toml", STORE)
    library.put("Impressum.md", "Wir.")
    first = library.read()
    (problem,) = first.problems
    assert str(problem) == (
        "store.toml:6: 'privacy' is privacy.md, which is not beside it; "
        "not shown"
    )
    library.put("privacy.md", "Nichts.")
    second = library.read(first)
    assert second.problems == ()
    for data, reason in (
        (b"\xff", "which is not UTF-8"),
        (b"# Title\n", "which has no text"),
        (b"a" * 70_000, "which is over 64 KiB"),
        (None, "which is not beside it"),
    ):
        path = library.root / "privacy.md"
        path.unlink()
        if data is not None:
            path.write_bytes(data)
        read = library.read(second)
        (problem,) = read.problems
        assert reason in problem.what
        assert problem.what.endswith("not updated")
        text = read.catalog.shop.legal.text(LegalKind.PRIVACY, "de")
        assert text is not None
        assert text.text == "Nichts."
    # A text that is no longer named is gone.
    library.put("store.toml", 'legal = { imprint = "Impressum.md" }')
    gone = library.read(second)
    assert gone.catalog.shop.legal.kinds == (LegalKind.IMPRINT,)
    assert gone.catalog.version != second.catalog.version


def test_link_out_of_the_library_is_not_read(library: Library) -> None:
    library.release("One")
    library.put("store.toml", '[legal]\nterms = "terms.md"\n')
    outside = library.root.parent / "secret.md"
    outside.write_text("A secret.", encoding="utf-8")
    (library.root / "terms.md").symlink_to(outside)
    read = library.read()
    assert read.catalog.shop.legal.texts == ()
    assert any("leaves the library" in each.what for each in read.problems)


def test_invalid_settings_are_named(library: Library) -> None:
    library.release("One")
    library.put(
        "store.toml",
        '[legal]\nimprint = "../imprint.md"\nterms = "terms.txt"\n'
        'consent = "yes"\nconsent_text = { xx = "?" }\nimprnt = "a.md"\n',
    )
    found = [str(each) for each in library.read().problems]
    for line, what in (
        (2, "'imprint' must be the name of a Markdown file beside store.toml"),
        (3, "'terms' must be the name of a Markdown file"),
        (4, "'consent' must be one of 'off', 'asked', 'required'"),
        (5, "'consent_text' has the language 'xx'"),
        (6, "'imprnt' is not a known key; did you mean 'imprint'?"),
    ):
        assert any(
            each.startswith(f"store.toml:{line}: {what}") for each in found
        ), found
