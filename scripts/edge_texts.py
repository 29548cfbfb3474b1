# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Write the texts of nginx's own pages: make translations.

nginx answers by itself while no replica responds, and clients over a limit.
Its configuration has the texts of those pages in all languages, as maps of the
first language in `Accept-Language` that there are texts in; the pages have
them by server-side includes. They follow from the translated messages.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msrv.translations import (
    Language,
    gettext,
    gettext_noop,
    language_set_to,
)
from msrv.translations.catalogs import LANGUAGES, SOURCE

CONFIG: Final = (
    Path(__file__).parents[1] / "deploy" / "nginx" / "store.conf.template"
)
_START: Final = "# Texts of nginx's own pages. Written by make translations.\n"
_END: Final = "# End of the texts.\n"
_TEXTS: Final = {
    "away_title": gettext_noop("The store is being updated"),
    "away_text": gettext_noop(
        "It will be back in a moment. Your cart, receipts and download links "
        "are safe."
    ),
    "busy_title": gettext_noop("Too many requests"),
    "busy_text": gettext_noop(
        "The store received too many requests from your network at once. "
        "Please wait a few seconds and try again."
    ),
    "again_text": gettext_noop("Try again"),
}
"""Messages by the names of nginx's variables."""


def texts() -> str:
    """Return the part of the configuration that has the texts."""
    return "".join(_lines())


def updated(config: str) -> str:
    """Return the configuration with the texts of today."""
    before, _, rest = config.partition(_START)
    _, _, after = rest.partition(_END)
    return f"{before}{texts()}{after}"


def _lines() -> Iterator[str]:
    languages = [Language(name, name) for name in LANGUAGES]
    others = [each for each in languages if each.texts != SOURCE]
    names = "|".join(sorted(each.tag for each in languages))
    yield _START
    yield 'map "$http_accept_language" $page_language {\n'
    yield f"    default {SOURCE};\n"
    yield (
        f'    "~(?:^|,) ?(?<known_language>{names})(?![A-Za-z])" '
        "$known_language;\n}\n"
    )
    yield "map $page_language $page_direction {\n    default ltr;\n"
    for each in others:
        if each.direction != "ltr":
            yield f"    {each.tag} {each.direction};\n"
    yield "}\n"
    for variable, message in _TEXTS.items():
        yield f"map $page_language ${variable} {{\n"
        yield f"    default {_quoted(message)};\n"
        for each in others:
            with language_set_to(each):
                text = gettext(message)
            if text != message:
                yield f"    {each.tag} {_quoted(text)};\n"
        yield "}\n"
    yield _END


def _quoted(text: str) -> str:
    """Return a text as a string of nginx's. Raises ValueError for variables.

    nginx has no escape for a dollar sign.
    """
    if "$" in text:
        raise ValueError(text)
    escaped = re.sub(r'(["\\])', r"\\\1", text)
    return f'"{escaped}"'


def main() -> None:
    """Write the texts into the configuration."""
    found = updated(CONFIG.read_text("utf-8"))
    CONFIG.write_text(found, "utf-8", newline="\n")


if __name__ == "__main__":
    main()
