# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sizes of files as a language writes them: `4.2 MB`, `4,2 MB`.

Apart from the formatting of pages: commands need it, and shouldn't import the
web for it.
"""

from typing import Final

from babel.numbers import format_decimal

from msrv.translations import (
    current_language,
    gettext,
    gettext_noop,
    locale,
    ngettext,
)

_UNITS: Final = (
    gettext_noop("%(size)s TB"),
    gettext_noop("%(size)s GB"),
    gettext_noop("%(size)s MB"),
    gettext_noop("%(size)s kB"),
)


def format_size(size_bytes: int) -> str:
    """Return a size in powers of ten: `4.2 MB`, `812 bytes`."""
    if size_bytes < 1000:
        return ngettext("%(num)s byte", "%(num)s bytes", size_bytes)
    value, units = size_bytes / 1000, list(_UNITS)
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        units.pop()
    digits = "0" if value >= 99.5 else "0.0"
    number = format_decimal(
        value, digits, locale=locale(current_language().formats)
    )
    return gettext(units[-1], size=number)
