# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Texts in the visitor's language, by gettext.

The messages in the code are English and their translations are in
`LANGUAGE/LC_MESSAGES/messages.po`: docs/translating.md. A message without a
translation is shown in English.

The language belongs to the current request; a context variable carries it, so
that errors and templates' macros find it. Values are named, `%(name)s`, and a
percent sign in a message is `%%`.
"""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from babel import Locale
from babel.numbers import format_decimal

from msrv.translations.catalogs import SOURCE, catalog


@dataclass(frozen=True, slots=True)
class Language:
    """A language of texts, and the one that prices and numbers are in.

    Both are names of CLDR. The second may be finer (`de_AT`), or one that
    there are no texts in.
    """

    texts: str = SOURCE
    formats: str = SOURCE

    @property
    def dates(self) -> str:
        """Language of dates, whose months are words.

        It is that of the formats where both are of one language.
        """
        same = self.formats.partition("_")[0] == self.texts.partition("_")[0]
        return self.formats if same else self.texts

    @property
    def code(self) -> str:
        """Text that `negotiation.parse_language` returns this language for.

        It is `de`, or with other formats `de/de_AT`.
        """
        if self.formats == self.texts:
            return self.texts
        return f"{self.texts}/{self.formats}"

    @property
    def tag(self) -> str:
        """The texts' language as a tag of BCP 47: `de`, `pt-BR`."""
        return self.texts.replace("_", "-")

    @property
    def direction(self) -> str:
        """The texts' direction, as HTML's `dir`: `ltr` or `rtl`."""
        return locale(self.texts).text_direction


_current: Final[ContextVar[Language]] = ContextVar(
    "language",
    default=Language(),  # noqa: B039 - it is frozen
)


def current_language() -> Language:
    """Return the language of the current request."""
    return _current.get()


def set_language(language: Language) -> None:
    """Set the language of the current request."""
    _current.set(language)


@contextlib.contextmanager
def language_set_to(language: Language) -> Iterator[None]:
    """Set the language for a block, like the rendering of a mail."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def gettext(message: str, /, **values: object) -> str:
    """Return a message in the current language, with its values."""
    return translate(message) % values


def ngettext(
    singular: str, plural: str, number: int, /, **values: object
) -> str:
    """Return a message in the form that its number asks for.

    `%(num)s` is the number, as the language writes it.
    """
    text = translate_plural(singular, plural, number)
    return text % {"num": format_number(number), **values}


@dataclass(frozen=True, slots=True)
class DeferredText:
    """A message and its values, translated each time it is shown.

    For what is stored and shown to several visitors. `str` returns it in the
    current language, and values that are DeferredText, too.
    """

    message: str
    values: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        return gettext(self.message, **dict(self.values))


def deferred(message: str, /, **values: object) -> DeferredText:
    """Return a message that is translated where it is shown."""
    return DeferredText(message, tuple(values.items()))


def gettext_noop(message: str) -> str:
    """Return a message as it is, marked for translation.

    For tables at the top of a module, which are made before there is a
    request: `gettext` translates the message where it is shown.
    """
    return message


def translate(message: str) -> str:
    """Return a message in the current language, its values not filled in."""
    # The translation of nothing would be the catalog's header.
    return catalog(_current.get().texts).gettext(message) if message else ""


def translate_plural(singular: str, plural: str, number: int) -> str:
    """Return the form for a number, its values not filled in."""
    texts = catalog(_current.get().texts)
    return texts.ngettext(singular, plural, number)


def format_number(number: int) -> str:
    """Return a whole number as the current language writes it: `1.234`."""
    if -1000 < number < 1000:
        return str(number)
    return format_decimal(number, locale=locale(_current.get().formats))


@lru_cache(maxsize=64)
def locale(name: str) -> Locale:
    """Return CLDR's rules of a language."""
    return Locale.parse(name)
