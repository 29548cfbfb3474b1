# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Countries whose value added tax is that of the European Union.

Apart from the report: the list changes when the Union does.
"""

from typing import Final

EU_COUNTRIES: Final = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO "
    "SE SI SK".split()
)
"""Member states, by ISO 3166-1; Greece is GR here, and EL in a tax number."""
_TAXED_AS: Final = {"MC": "FR"}
"""Article 7(1) of Directive 2006/112/EC: Monaco is treated as France."""


def country_of_tax(country: str) -> str:
    """Return the country whose tax applies in a country."""
    return _TAXED_AS.get(country, country)
