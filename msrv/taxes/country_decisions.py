# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Countries of sales that the seller decided on, where none is proven.

Pure. A decision counts in the OSS report alone: what the payment provider
stated of an order stays as it is.
"""

import re
from dataclasses import dataclass
from typing import Final

from msrv.taxes.countries import EU_COUNTRIES, country_of_tax
from msrv.taxes.rates import TaxRules, included_tax
from msrv.taxes.sale_tax import BASIS_POINTS, SaleTax

_PERCENT: Final = re.compile(r"([0-9]{1,3})(?:[.,]([0-9]{1,2}))?")


@dataclass(frozen=True, slots=True)
class CountryDecision:
    """Country of a sale as an operator decided it.

    `rate_bp` is the rate of the tax in basis points, None where the sale isn't
    part of a return; `tax_minor` is the tax in what the buyer paid, in minor
    units. `decided_at` is in Unix seconds, `decided_by` an actor of the record
    of acts.
    """

    country: str
    rate_bp: int | None
    tax_minor: int
    decided_at: int
    decided_by: str


def decide(
    tax: SaleTax | None,
    total_minor: int,
    country: str,
    rate_bp: int | None,
    rules: TaxRules,
    *,
    now: int,
    by: str,
) -> CountryDecision | None:
    """Return the decision that a sale was to a country.

    Without a rate, it is that of the order if its tax is of this country, else
    the seller's own for it. None where a return needs the rate, and there is
    none. `total_minor` is the sum of the prices.
    """
    known = tax or SaleTax()
    paid_minor = known.gross_minor(total_minor)
    place = country_of_tax(country)
    tax_minor = known.tax_minor or 0
    if rate_bp is None and place == country_of_tax(known.country):
        rate_bp = known.rate_bp
    elif rate_bp is not None:
        tax_minor = included_tax(paid_minor, rate_bp)
    if rate_bp is None:
        rate_bp = rules.rate_of(country)
        if rate_bp is not None:
            tax_minor = included_tax(paid_minor, rate_bp)
    needs_rate = (
        place in EU_COUNTRIES
        and place != country_of_tax(rules.country)
        and not known.is_business
    )
    if needs_rate and rate_bp is None:
        return None
    return CountryDecision(country, rate_bp, tax_minor, now, by)


def parse_rate(text: str) -> int:
    """Return percent, like `19` or `25.5`, in basis points.

    Raises ValueError.
    """
    match = _PERCENT.fullmatch(text.strip().removesuffix("%").strip())
    if match is None:
        raise ValueError("must be percent, like 19 or 25.5")
    rate_bp = int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))
    if rate_bp > BASIS_POINTS:
        raise ValueError("must be at most 100")
    return rate_bp
