# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Messages in the current language, in Python and in templates."""

import gettext as standard
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from jinja2 import Environment, select_autoescape

from msrv import translations
from msrv.translations import (
    Language,
    gettext,
    gettext_noop,
    language_set_to,
    ngettext,
)
from msrv.translations.templates import EXTENSIONS, install_translations

POLISH = Language("pl", "pl")


@pytest.fixture(autouse=True)
def polish(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A small catalog, in a language with three forms."""
    messages = Catalog(locale="pl")
    messages.add("Buy %(price)s", "Kup za %(price)s")
    messages.add("100%% lossless", "100%% bezstratnie")
    messages.add(
        ("%(num)s track", "%(num)s tracks"),
        ("%(num)s utwór", "%(num)s utwory", "%(num)s utworów"),
    )
    path = tmp_path / "messages.mo"
    with path.open("wb") as file:
        write_mo(file, messages)
    with path.open("rb") as file:
        known = {"pl": standard.GNUTranslations(file)}
    monkeypatch.setattr(
        translations,
        "catalog",
        lambda name: known.get(name, standard.NullTranslations()),
    )


@pytest.fixture
def templates() -> Environment:
    """Templates whose HTML is escaped."""
    environment = Environment(
        extensions=EXTENSIONS, autoescape=select_autoescape(default=True)
    )
    install_translations(environment)
    return environment


def test_message_is_in_the_current_language() -> None:
    assert gettext("Buy %(price)s", price="€7.00") == "Buy €7.00"
    with language_set_to(POLISH):
        assert gettext("Buy %(price)s", price="7,00 €") == "Kup za 7,00 €"
        assert gettext("Not translated") == "Not translated"
    assert gettext("100%% lossless") == "100% lossless"


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (1, "1 utwór"),
        (3, "3 utwory"),
        (12, "12 utworów"),
        (22, "22 utwory"),
        (12_000, "12\N{NO-BREAK SPACE}000 utworów"),
    ],
)
def test_number_chooses_the_form(number: int, shown: str) -> None:
    with language_set_to(POLISH):
        found = ngettext("%(num)s track", "%(num)s tracks", number)
    assert found == shown


def test_marked_message_is_translated_where_it_is_shown() -> None:
    marked = gettext_noop("100%% lossless")
    with language_set_to(POLISH):
        assert gettext(marked) == "100% bezstratnie"


def test_templates_escape_values_only(templates: Environment) -> None:
    template = templates.from_string(
        '{{ _("Buy %(price)s", price=price) }}'
        "{% trans %}100% lossless{% endtrans %}"
        '{{ ngettext("%(num)s track", "%(num)s tracks", 4) }}'
        "{% trans count=price | length %}<b>{{ count }}</b> item"
        "{% pluralize %}<b>{{ count }}</b> items{% endtrans %}"
    )
    with language_set_to(POLISH):
        shown = template.render(price="<i>")
    assert shown == ("Kup za &lt;i&gt;100% bezstratnie4 utwory<b>3</b> items")


def test_direction_and_tag_are_those_of_html() -> None:
    arabic, portuguese = Language("ar", "ar"), Language("pt_BR", "pt")
    assert (arabic.tag, arabic.direction) == ("ar", "rtl")
    assert (portuguese.tag, portuguese.direction) == ("pt-BR", "ltr")
