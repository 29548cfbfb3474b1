# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field types of `[legal]` in `store.toml`.

Apart from `fields`, which are those of what is sold.
"""

from typing import Annotated, Final

from pydantic import PlainValidator

from msrv.catalog.texts.legal_texts import ConsentMode
from msrv.catalog.texts.text_folders import MARKDOWN
from msrv.display_text import clean_line
from msrv.translations.catalogs import NAMES

_MAX_WORDING: Final = 1000


def _checked_file(value: object) -> str:
    if (
        isinstance(value, str)
        and value.isprintable()
        and value.lower().endswith(MARKDOWN)
        and not value.startswith(".")
        and not set(value) & {"/", "\\"}
    ):
        return value
    raise ValueError(
        "must be the name of a Markdown file beside store.toml, like "
        "'imprint.md'"
    )


def _checked_mode(value: object) -> ConsentMode:
    if not isinstance(value, str) or value not in set(ConsentMode):
        names = ", ".join(repr(str(each)) for each in ConsentMode)
        raise ValueError(f"must be one of {names}")
    return ConsentMode(value)


def _checked_wordings(value: object) -> tuple[tuple[str, str], ...]:
    """Return the wordings of a table of languages and texts."""
    if not isinstance(value, dict) or not value:
        raise ValueError(
            "must be a table of languages and texts, like { en = '…' }"
        )
    wordings = []
    for language, text in value.items():
        if language not in NAMES:
            known = ", ".join(map(repr, NAMES))
            raise ValueError(
                f"has the language {language!r}: it must be one of {known}"
            )
        wording = clean_line(text, _MAX_WORDING) if _is_text(text) else ""
        if not wording:
            raise ValueError(
                f"must have a text of up to {_MAX_WORDING:,} characters for "
                f"{language!r}"
            )
        wordings.append((language, wording))
    return tuple(wordings)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_WORDING


LegalFile = Annotated[str, PlainValidator(_checked_file)]
Consent = Annotated[ConsentMode, PlainValidator(_checked_mode)]
Wordings = Annotated[
    tuple[tuple[str, str], ...], PlainValidator(_checked_wordings)
]
