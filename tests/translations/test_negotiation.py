# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Negotiation of the language of texts, and of that of prices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.translations import Language, negotiation
from msrv.translations.catalogs import LANGUAGES
from msrv.translations.negotiation import FORMATS, negotiate

THREE = ("en", "de", "pt")


@pytest.fixture(autouse=True)
def three_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts in English, German and Portuguese, whatever is translated."""
    monkeypatch.setattr(negotiation, "LANGUAGES", THREE)
    negotiation._negotiate.cache_clear()


@pytest.mark.parametrize(
    ("header", "texts", "formats"),
    [
        ("", "en", "en"),
        ("de-DE,de;q=0.9,en;q=0.8", "de", "de"),
        ("de-CH", "de", "de_CH"),
        ("xx, fr-BE;q=0.5", "en", "fr"),
        ("en;q=0.5, ja", "en", "ja"),
        ("sv, de-AT;q=0.5", "de", "sv"),
        ("de;q=0, ja;q=0.1", "en", "ja"),
        ("no", "en", "nb"),
        ("zh-Hant-TW", "en", "zh_TW"),
        ("zh-Hant", "en", "zh_TW"),
        ("zh-CN", "en", "zh"),
        ("PT-br", "pt", "pt"),
        ("pt-PT", "pt", "pt_PT"),
        ("*", "en", "en"),
        ("de;q=nan", "en", "en"),
        ("de;q=1e999", "en", "en"),
        (";;;,q=,-,_", "en", "en"),
        ("../../etc/passwd", "en", "en"),
    ],
)
def test_language_of_a_header(header: str, texts: str, formats: str) -> None:
    assert negotiate(header) == Language(texts, formats)


@pytest.mark.parametrize(
    ("header", "formats"),
    [("", "de"), ("fr", "de"), ("fr, de-AT;q=0.1", "de_AT")],
)
def test_chosen_language_has_precedence(header: str, formats: str) -> None:
    assert negotiate(header, chosen="de") == Language("de", formats)


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", Language("pt", "pt")),
        ("sv", Language("pt", "sv")),
        ("de", Language("de", "de")),
    ],
)
def test_stores_own_language_is_the_default(
    header: str, found: Language
) -> None:
    assert negotiate(header, default="pt") == found


@given(header=st.text(max_size=300))
def test_any_header_negotiates_a_known_language(header: str) -> None:
    found = negotiate(header)
    assert found.texts in THREE
    assert found.formats in FORMATS


def test_prices_can_be_written_in_each_language_of_texts() -> None:
    assert set(LANGUAGES) <= set(FORMATS)
