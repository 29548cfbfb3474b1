# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tax by the seller's own rates, where no provider calculates it.

Prices include the tax. It is rounded for each line, half a minor unit up, and
the tax of an order is the sum of its lines'. Apart from `sale_tax`, which
also has what providers calculate.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from msrv.taxes.countries import country_of_tax
from msrv.taxes.sale_tax import BASIS_POINTS, SaleTax


@dataclass(frozen=True, slots=True)
class TaxRules:
    """The seller's country, and rates by the buyer's, by `store.toml`.

    `country` is empty where the seller doesn't state it. `rates` are pairs of
    a country (ISO 3166-1) and basis points. With `requires_address`, the
    payment page asks for the whole billing address.
    """

    country: str = ""
    rates: tuple[tuple[str, int], ...] = ()
    requires_address: bool = False

    def rate_of(self, country: str) -> int | None:
        """Return the rate of a country in basis points, None without one.

        A country without its own has that of the country whose tax applies.
        """
        rates = dict(self.rates)
        return rates.get(country, rates.get(country_of_tax(country)))


def included_tax(price_minor: int, rate_bp: int) -> int:
    """Return the tax in a price, rounded half up, in minor units."""
    whole = BASIS_POINTS + rate_bp
    return (2 * price_minor * rate_bp + whole) // (2 * whole)


def with_own_rate(
    tax: SaleTax | None, rules: TaxRules, prices: Iterable[int]
) -> SaleTax | None:
    """Return a tax with the seller's rate of the buyer's country.

    `prices` are those of the lines. Unchanged where the provider calculated
    the tax, the country isn't known, or it has no rate.
    """
    if tax is None or tax.tax_minor is not None:
        return tax
    rate_bp = rules.rate_of(tax.country)
    if rate_bp is None:
        return tax
    return replace(
        tax,
        tax_minor=sum(included_tax(each, rate_bp) for each in prices),
        is_included=True,
        rate_bp=rate_bp,
    )
