# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Names of countries, by CLDR.

Apart from the texts: few pages and mails need them, and no other command.
"""

from functools import lru_cache
from typing import Final

from msrv.translations import current_language, locale

_NOT_COUNTRIES: Final = frozenset("EU EZ QO UN XA XB ZZ".split())


@lru_cache(maxsize=1)
def country_codes() -> frozenset[str]:
    """Return the codes of countries (ISO 3166-1, alpha-2)."""
    return frozenset(
        code
        for code in map(str, locale("en").territories)
        if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES
    )


def country_name(code: str) -> str:
    """Return a country's name in the current language, else its code."""
    return str(locale(current_language().formats).territories.get(code, code))
