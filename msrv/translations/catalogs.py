# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Catalogs of translated messages, read when a language is first used.

The compiled catalogs are in the repository and in the package: reading one
takes about a millisecond, so that it doesn't block, where Babel's parser
takes twenty for its source. `python -m scripts.translations` compiles them,
and a test compares.

Apart from the functions that use them, since the negotiation needs to know
which languages there are.
"""

import gettext
from functools import cache
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
DOMAIN: Final = "messages"
SOURCE: Final = "en"
"""The language of the messages in the code."""

LANGUAGES: Final = (
    SOURCE,
    *sorted(
        path.parents[1].name
        for path in FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")
        if path.parents[1].name != SOURCE
    ),
)
"""Languages that there are texts in, by their CLDR names, English first."""


@cache
def catalog(language: str) -> gettext.NullTranslations:
    """Return the messages of a language; English for one without any."""
    return gettext.translation(
        DOMAIN, FOLDER, languages=[language], fallback=True
    )
