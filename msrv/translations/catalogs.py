# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Catalogs of translated messages, read when a language is first used.

The compiled catalogs are in the repository and in the package: Python's own
gettext reads one in a few milliseconds, where Babel takes ten times as long
for its source. `make translations` compiles them, and a test compares. A
language takes a quarter of a megabyte once it is used.

Apart from the functions that use them, since the negotiation needs to know
which languages there are.
"""

import asyncio
import gettext
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
DOMAIN: Final = "messages"
SOURCE: Final = "en"
"""The language of the messages in the code."""

NAMES: Final = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "it": "Italiano",
    "nl": "Nederlands",
    "pt": "Português",
    "pl": "Polski",
    "ja": "日本語",
    "ar": "العربية",
}
"""Languages' own names, by their names in CLDR."""
LANGUAGES: Final = tuple(
    name
    for name in NAMES
    if name == SOURCE
    or (FOLDER / name / "LC_MESSAGES" / f"{DOMAIN}.mo").is_file()
)
"""Languages that there are texts in, by their names in CLDR."""


_read_catalogs: Final[dict[str, gettext.NullTranslations]] = {}


async def load_catalog(language: str) -> None:
    """Read the messages of a language in a thread, unless they are known."""
    if language not in _read_catalogs:
        await asyncio.to_thread(catalog, language)


def catalog(language: str) -> gettext.NullTranslations:
    """Return the messages of a language; English for one without any."""
    found = _read_catalogs.get(language)
    if found is None:
        found = _read_catalogs[language] = gettext.translation(
            DOMAIN, FOLDER, languages=[language], fallback=True
        )
    return found
