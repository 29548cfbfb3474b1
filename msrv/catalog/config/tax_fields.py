# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field types of `[tax]` in `store.toml`.

Apart from `fields`, which are those of what is sold.
"""

from decimal import Decimal, InvalidOperation
from typing import Annotated, Final

from pydantic import PlainValidator

from msrv.taxes.sale_tax import BASIS_POINTS
from msrv.translations.countries import country_codes

_GREECE: Final = "EL"
"""Its code in tax numbers, which is none of ISO 3166-1."""
_MAX_DIGITS: Final = 6


def _checked_country(value: object) -> str:
    if value == _GREECE:
        raise ValueError("must be 'GR' for Greece, not 'EL'")
    if not isinstance(value, str) or value not in country_codes():
        raise ValueError(
            "must be a country code of two letters like 'DE' (ISO 3166-1)"
        )
    return value


def _checked_rates(value: object) -> tuple[tuple[str, int], ...]:
    """Return the rates of a table of countries and percent."""
    if not isinstance(value, dict) or not value:
        raise ValueError(
            "must be a table of countries and percent, like { DE = '19' }"
        )
    rates = []
    for country, percent in value.items():
        try:
            code = _checked_country(country)
        except ValueError as error:
            raise ValueError(
                f"has the country {country!r}: it {error}"
            ) from None
        points = _basis_points(percent)
        if points is None:
            raise ValueError(
                f"must have a percent from 0 to 100 for {code!r}, with up to "
                "two decimals, like '19' or '25.5'"
            )
        rates.append((code, points))
    return tuple(sorted(rates))


def _basis_points(value: object) -> int | None:
    """Return a percentage in basis points, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        return None
    text = str(value)
    if len(text) > _MAX_DIGITS:
        return None
    try:
        points = Decimal(text) * 100
    except InvalidOperation:
        return None
    if not points.is_finite() or not 0 <= points <= BASIS_POINTS:
        return None
    return int(points) if points == int(points) else None


Country = Annotated[str, PlainValidator(_checked_country)]
Rates = Annotated[tuple[tuple[str, int], ...], PlainValidator(_checked_rates)]
