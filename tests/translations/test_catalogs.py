# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The catalogs, and the script that brings them up to date."""

import gettext
import threading
from pathlib import Path

import pytest
import update_translations as script
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from msrv.translations import catalogs
from msrv.translations.catalogs import LANGUAGES, SOURCE, catalog

FORMS = {"ar": 6, "pl": 3, "ja": 1}


@pytest.fixture(scope="module")
def template() -> Catalog:
    """The messages of the code, extracted anew."""
    return script.extract()


def messages(found: Catalog) -> list[tuple[list[str], list[str]]]:
    """Return the forms of each message, and those of its translation."""
    return [
        (
            [each.id] if isinstance(each.id, str) else list(each.id),
            [each.string]
            if isinstance(each.string, str)
            else list(each.string or ()),
        )
        for each in found
        if each.id
    ]


def test_messages_of_code_and_templates_are_extracted(
    template: Catalog,
) -> None:
    assert template.get("Go to the catalog") is not None
    assert template.get("Buy %(price)s") is not None
    found = template.get("%(num)s track")
    assert found is not None
    assert found.pluralizable


@pytest.mark.parametrize("language", script.LANGUAGES)
def test_language_has_the_plural_forms_of_gettext(language: str) -> None:
    assert script.read(language).num_plurals == FORMS.get(language, 2)


def test_template_has_the_messages_of_the_code(template: Catalog) -> None:
    """`make translations` writes it."""
    with script.TEMPLATE.open("rb") as file:
        written = read_po(file)
    assert {each.id for each in written} == {each.id for each in template}


@pytest.mark.parametrize("language", script.LANGUAGES)
def test_catalog_has_the_messages_of_the_template(language: str) -> None:
    with script.TEMPLATE.open("rb") as file:
        written = read_po(file)
    found = script.read(language)
    assert {each.id for each in found} == {each.id for each in written}
    assert "native reader" in script.po_path(language).read_text("utf-8")


def test_every_language_is_offered() -> None:
    assert sorted(LANGUAGES) == sorted([SOURCE, *script.LANGUAGES])


@pytest.mark.parametrize("language", script.LANGUAGES)
def test_translation_is_complete(language: str) -> None:
    assert script.missing(script.read(language)) == []


@pytest.mark.parametrize("language", script.LANGUAGES)
def test_translation_has_no_mistake(language: str) -> None:
    assert list(script.mistakes(script.read(language))) == []


@pytest.mark.parametrize("language", script.LANGUAGES)
def test_bill_has_one_name_and_it_is_not_that_of_an_invoice(
    language: str,
) -> None:
    """The payer of a gift gets a bill, with an invoice beside it."""
    found = script.read(language)
    bill, invoice, button = (
        str(found[each].string).casefold()
        for each in ("Bill", "Invoice", "Open the bill")
    )
    assert bill in button
    assert bill not in invoice
    assert invoice not in bill


@pytest.mark.parametrize("language", script.LANGUAGES)
def test_compiled_catalog_says_what_its_source_does(language: str) -> None:
    compiled = catalog(language)
    assert isinstance(compiled, gettext.GNUTranslations)
    for source, text in messages(script.read(language)):
        if len(source) == 1:
            assert compiled.gettext(source[0]) == (text[0] or source[0])
            continue
        one, many = source
        assert {
            compiled.ngettext(one, many, number) for number in range(201)
        } <= ({*text} if all(text) else {one, many})


def test_catalog_is_updated_and_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: Catalog
) -> None:
    """A new language has no translations, so nothing is compiled."""
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    found = script.updated("de", template)
    assert len(script.missing(found)) == len(template)
    script.write(found, script.po_path("de"))
    script.compile_catalog("de")
    compiled = script.po_path("de").with_suffix(".mo")
    assert not compiled.exists()

    message = found.get("Cart")
    assert message is not None
    message.string = "Warenkorb"
    script.write(found, script.po_path("de"))
    script.compile_catalog("de")
    with compiled.open("rb") as file:
        assert gettext.GNUTranslations(file).gettext("Cart") == "Warenkorb"
    # A second time, nothing changes: there are no dates in it.
    before = script.po_path("de").read_bytes(), compiled.read_bytes()
    script.write(script.updated("de", template), script.po_path("de"))
    script.compile_catalog("de")
    assert before == (script.po_path("de").read_bytes(), compiled.read_bytes())


@pytest.mark.parametrize(
    ("source", "text", "mistake"),
    [
        ("Buy %(price)s", "%(price)s bezahlen", ""),
        ("Buy %(price)s", "Bezahlen", "other values"),
        ("Buy %(price)s", "%(prise)s bezahlen", "other values"),
        ("All", "Alle %(num)s", "other values"),
        ("100%% lossless", "100 % verlustfrei", "percent sign"),
        ("Go to <bdi>%(a)s</bdi>", "Zu <bdi>%(a)s</bdi>", ""),
        ("Go to %(a)s", "Zu <b>%(a)s</b>", "other markup"),
        ("“%(a)s”", '"%(a)s"', "other markup"),
        ("Go", "Los ", "a space"),
        (", ", "، ", ""),
        (("%(num)s item", "%(num)s items"), ("ein Stück", "%(num)s"), ""),
        (
            ("in a minute, %(a)s", "in %(num)s minutes, %(a)s"),
            ("gleich, %(a)s", "gleich"),
            "other values",
        ),
    ],
)
def test_mistakes_are_found(
    source: str | tuple[str, str], text: str | tuple[str, str], mistake: str
) -> None:
    found = Catalog(locale="de")
    found.add(source, text)
    assert [mistake in each for each in script.mistakes(found)] == (
        [True] if mistake else []
    )


def test_uncertain_translation_counts_as_missing() -> None:
    found = Catalog(locale="de")
    found.add("Cart", "Warenkorb", flags=["fuzzy"])
    found.add(("%(num)s item", "%(num)s items"), ("%(num)s Stück", ""))
    found.add("Go", "Los")
    assert script.missing(found) == ["Cart", "%(num)s item"]


async def test_catalog_is_read_once_and_in_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads = []

    def read(*_: object, **__: object) -> gettext.NullTranslations:
        threads.append(threading.current_thread())
        return gettext.NullTranslations()

    monkeypatch.setattr(catalogs, "_read_catalogs", {})
    monkeypatch.setattr(gettext, "translation", read)
    await catalogs.load_catalog("de")
    await catalogs.load_catalog("de")
    assert catalog("de") is catalog("de")
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()
