# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Pseudo-language: each marked message is itself, in brackets.

Its pages show what isn't marked: a text outside of brackets. The seller's
texts in these tests are Greek, and so are dates and the like, so that each
Latin letter outside of brackets is a text of the store's own.
"""

import gettext
import re
from html.parser import HTMLParser
from typing import Final

import pytest
import update_translations
from jinja2 import Environment

from msrv import translations
from msrv.translations import Language

GREEK: Final = Language("el", "el")
_LATIN: Final = re.compile("[A-Za-z]")
_WORD: Final = re.compile("[A-Za-z]{2}")
_MESSAGE: Final = re.compile("⟦[^⟦⟧]*⟧")
_NAMES: Final = re.compile(
    r"https?://\S+|ffmpeg version \S+|\b[0-9A-Z]{24}\b|\b(?:WAV|PDF|PNG|ZIP|"
    r"CSV|JSON|SHA-256|MSRV|XXXX|ABCD|EFGH|EUR|DNS|Stripe|ffmpeg|demo)\b"
)
"""Text that is the same in every language: names, numbers, addresses."""
_TEXT_ATTRIBUTES: Final = frozenset(
    "alt aria-label aria-description placeholder title".split()
)
_BUTTONS: Final = frozenset({"submit", "button", "reset"})
_NO_TEXT: Final = frozenset({"code", "script", "style", "textarea"})
_VOID: Final = frozenset(
    "area base br col hr img input link meta path rect source".split()
)


class Pseudo(gettext.NullTranslations):
    """Translations of the messages that Babel finds in the code."""

    def __init__(self) -> None:
        super().__init__()
        self._known = {
            form
            for message in update_translations.extract()
            for form in (
                [message.id] if isinstance(message.id, str) else message.id
            )
        }

    def gettext(self, message: str) -> str:
        """Return the message in brackets."""
        return f"⟦{message}⟧" if message in self._known else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return one of the forms in brackets."""
        return self.gettext(msgid1 if n == 1 else msgid2)


def install(monkeypatch: pytest.MonkeyPatch, messages: Pseudo) -> None:
    """Make it the only language there is."""
    monkeypatch.setattr(translations, "catalog", lambda _: messages)


def unmarked(text: str) -> list[str]:
    """Return the lines with Latin letters that belong to no message."""
    count = 1
    while count:
        text, count = _MESSAGE.subn(" ", text)
    return [
        line.strip()
        for line in _NAMES.sub("", text).splitlines()
        if _LATIN.search(line)
    ]


def untranslated(page: str) -> list[str]:
    """Return the texts of an HTML page that aren't translated."""
    found = _Texts()
    found.feed(page)
    assert "⟦" in page, "the page has no message at all"
    texts = [*unmarked("\n".join(found.texts))]
    for attribute in found.attributes:
        texts += unmarked(attribute)
    return texts


class _Texts(HTMLParser):
    """Texts of a page, and its attributes that are read or shown."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.attributes: list[str] = []
        self._open: list[tuple[str, bool]] = []

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        given = {name: value or "" for name, value in attrs}
        self.attributes += [
            value for name, value in given.items() if name in _TEXT_ATTRIBUTES
        ]
        if tag == "input" and given.get("type") in _BUTTONS:
            self.attributes.append(given.get("value", ""))
        is_text = tag not in _NO_TEXT and not (
            tag != "html" and "lang" in given
        )
        is_text = is_text and "order-number" not in given.get("class", "")
        if tag not in _VOID:
            self._open.append((tag, is_text))

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if all(is_text for _, is_text in self._open):
            self.texts.append(data)


def literal_texts(environment: Environment, source: str) -> list[str]:
    """Return the texts that stand in a template without being marked.

    All branches of its conditions are one page here; what is inside of
    braces counts as no text, and so do the body of `trans`, the classes of
    `body_class`, and pieces of markup: paths, and attributes.
    """
    page: list[str] = []
    tag: list[str] = []
    skipped_until = ""
    for _, kind, value in environment.lex(source):
        if kind == "block_begin":
            tag = []
        elif kind == "name":
            tag.append(value)
        elif kind == "block_end":
            if tag[:1] == [skipped_until]:
                skipped_until = ""
            elif tag[:1] == ["trans"]:
                skipped_until = "endtrans"
            elif tag == ["block", "body_class"]:
                skipped_until = "endblock"
        elif kind == "data" and not skipped_until:
            page.append(value)
    found = _Texts()
    found.feed("".join(page))
    return [
        line
        for text in [*found.texts, *found.attributes]
        for line in unmarked(text)
        if any(
            _WORD.search(word)
            for word in line.split()
            if not {"/", "="} & set(word) and not word.startswith("data-")
        )
    ]
