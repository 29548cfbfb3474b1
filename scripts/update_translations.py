# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Bring the catalogs of translated messages up to date: make translations.

Extracts the messages from the code and the templates to `messages.pot`,
updates each language's `messages.po` with them, compiles those to
`messages.mo`, and prints what is missing or wrong; the status is 1 then.
docs/translating.md is for translators.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from msrv.translations.catalogs import DOMAIN, FOLDER, NAMES, SOURCE

ROOT: Final = FOLDER.parents[1]
TEMPLATE: Final = FOLDER / f"{DOMAIN}.pot"
LANGUAGES: Final = tuple(name for name in NAMES if name != SOURCE)
SHOWN: Final = 10
"""Messages listed of each language; the number is stated for all."""

_PYTHON: Final = {
    "gettext": None,
    "ngettext": (1, 2),
    "gettext_noop": None,
    "deferred": None,
}
_JINJA: Final = {"_": None, "gettext": None, "ngettext": (1, 2)}
_EDGE_TEXTS: Final = "scripts/edge_texts.py"
"""Script whose messages are those of nginx's own pages."""
_OPERATORS: Final = {"studio", "health_checks"}
_OPTIONS: Final = {"trimmed": "true", "silent": "false"}
_COMMENTS: Final = ("Translators:",)
_PLACEHOLDER: Final = re.compile(r"%(?:\((\w+)\)s|%)")
_MARKUP: Final = re.compile(r"</?\w+>|[<>&\"]")

_LICENCE: Final = """\
# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later
#
"""
_TEMPLATE_COMMENT: Final = f"""\
{_LICENCE}\
# Messages of MSRV. Written by make translations; don't edit it."""


class _Messages(Catalog):
    """Catalog whose header has no dates or names, which would only differ."""

    @property
    def mime_headers(self) -> list[tuple[str, str]]:
        """The header's fields."""
        fields = [
            ("MIME-Version", "1.0"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Transfer-Encoding", "8bit"),
        ]
        if self.locale is None:
            return fields
        return [
            ("Language", str(self.locale)),
            ("Plural-Forms", self.plural_forms),
            *fields,
        ]


def po_path(language: str) -> Path:
    """Return the catalog of a language."""
    return FOLDER / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def extract() -> Catalog:
    """Return the messages of the code and the templates, untranslated.

    What buyers read is first, and what only the operator reads last.
    """
    found = _Messages(header_comment=_TEMPLATE_COMMENT, fuzzy=False)
    paths = [*sorted((ROOT / "msrv").rglob("*")), ROOT / _EDGE_TEXTS]
    for path in sorted(
        paths,
        key=lambda each: not _OPERATORS.isdisjoint({*each.parts, each.stem}),
    ):
        if path.suffix == ".py" and _marks_messages(path):
            method, keywords = "python", _PYTHON
        elif path.parent.name != "static" and path.suffix in {".html", ".txt"}:
            method, keywords = "jinja2.ext:babel_extract", _JINJA
        else:
            continue
        for _, message, comments, context in extract_from_file(
            method,
            path,
            keywords=keywords,
            comment_tags=_COMMENTS,
            options=_OPTIONS,
            strip_comment_tags=True,
        ):
            place = (path.relative_to(ROOT).as_posix(), 0)
            found.add(
                message,
                locations=[place],
                auto_comments=comments,
                context=context,
            )
    return found


def _marks_messages(path: Path) -> bool:
    text = path.read_text("utf-8")
    return any(f"{name}(" in text for name in _PYTHON)


def read(language: str) -> Catalog:
    """Return the catalog of a language, an empty one if it has none."""
    path = po_path(language)
    if not path.is_file():
        return _Messages(locale=language, header_comment=_comment(language))
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(language: str, template: Catalog) -> Catalog:
    """Return the catalog of a language with the messages of a template."""
    found = read(language)
    found.update(template, no_fuzzy_matching=True)
    return _clean(found, language)


def write(catalog: Catalog, path: Path) -> None:
    """Write a catalog, in its order, without numbers of lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, catalog, include_lineno=False)


def compile_catalog(language: str) -> None:
    """Write the compiled catalog of a language, none for an empty one."""
    catalog = _clean(read(language), language)
    path = po_path(language).with_suffix(".mo")
    if all(not any(_strings(each)) for each in _messages(catalog)):
        path.unlink(missing_ok=True)
        return
    with path.open("wb") as file:
        write_mo(file, catalog)


def missing(catalog: Catalog) -> list[str]:
    """Return the messages without a translation, or an uncertain one."""
    return [
        _source(each)
        for each in _messages(catalog)
        if each.fuzzy or not all(_strings(each))
    ]


def mistakes(catalog: Catalog) -> Iterator[str]:
    """Yield what is wrong with the translations that there are.

    Values are the message's, though a form for one number may leave it out;
    there is no markup but the message's, since a translation isn't escaped;
    and both begin and end alike where spaces are concerned.
    """
    for message in _messages(catalog):
        sources = (
            [message.id] if isinstance(message.id, str) else list(message.id)
        )
        values = [_values(each) for each in sources]
        possible = set().union(*values)
        needed = set.intersection(*values) - {"num"}
        markup = sorted(_MARKUP.findall(sources[-1]))
        for text in filter(None, _strings(message)):
            if "%" in _PLACEHOLDER.sub("", text):
                yield f"{text!r} has a percent sign that is not %%"
            if not needed <= _values(text) <= possible:
                yield f"{text!r} has other values than {sources[-1]!r}"
            if sorted(_MARKUP.findall(text)) != markup:
                yield f"{text!r} has other markup than {sources[-1]!r}"
            if text.strip() != text and sources[-1].strip() == sources[-1]:
                yield f"{text!r} has a space too many"


def main() -> int:
    """Do all of it; return 1 if something is missing or wrong."""
    template = extract()
    write(template, TEMPLATE)
    print(f"{len(template)} messages")
    status = 0
    for language in LANGUAGES:
        catalog = updated(language, template)
        write(catalog, po_path(language))
        compile_catalog(language)
        absent, wrong = missing(catalog), list(mistakes(catalog))
        print(f"{language}: {len(absent)} missing, {len(wrong)} wrong")
        for text in [*wrong, *absent[:SHOWN]]:
            print(f"    {text}")
        status = status or int(bool(absent or wrong))
    return status


def _clean(catalog: Catalog, language: str) -> Catalog:
    """Return a catalog with a header of our own, and the file's comment."""
    found = _Messages(
        locale=language, header_comment=catalog.header_comment, fuzzy=False
    )
    for message in _messages(catalog):
        found[message.id] = message
    found.obsolete = catalog.obsolete
    return found


def _comment(language: str) -> str:
    return f"""\
{_LICENCE}\
# {NAMES[language]}. A native reader is welcome to correct these texts:
# docs/translating.md says how."""


def _messages(catalog: Catalog) -> list[Message]:
    """Return the messages of a catalog, without its header."""
    return [each for each in catalog if each.id]


def _strings(message: Message) -> list[str]:
    """Return the translations of a message, one for each plural form."""
    found = message.string or ""
    return [found] if isinstance(found, str) else list(found)


def _source(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _values(text: str) -> set[str]:
    return {name for name in _PLACEHOLDER.findall(text) if name}


if __name__ == "__main__":
    sys.exit(main())
