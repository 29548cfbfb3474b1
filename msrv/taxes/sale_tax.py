# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tax of one sale: the buyer's country, its evidence, and the tax in it.

Article 24b of Implementing Regulation (EU) 282/2011 asks for two pieces of
evidence of the country. Only countries are kept of them: no address, no
number of a card, no IP address.
"""

import re
from dataclasses import dataclass
from typing import Any, Final, Self

BILLING_ADDRESS: Final = "billing-address"
"""Kind of evidence: the country of the address that the buyer stated.

Other kinds are methods of payment, like `card`: the country of its issuer."""
MAX_EVIDENCE: Final = 4
JURISDICTION_CHARS: Final = 64
BASIS_POINTS: Final = 10_000
_MAX_MINOR: Final = 2**53
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_KIND: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class CountryEvidence:
    """Piece of evidence of a buyer's country: its kind, and the country."""

    kind: str
    country: str

    def __post_init__(self) -> None:
        _check(_KIND, self.kind, "not a kind of evidence")
        _check(_COUNTRY, self.country, "not a country")


@dataclass(frozen=True, slots=True)
class SaleTax:
    """Country and tax of a sale, as far as they are known.

    `country` is where the buyer is, by ISO 3166-1 (alpha-2), empty where that
    is not known. `tax_minor` is the tax in minor units of the sale's currency,
    None where nobody calculated it; it is part of the prices if `is_included`,
    else it was added to them. `rate_bp` is its rate in basis points (19% is
    1900), None where it isn't known exactly, as of several rates.
    `jurisdiction` is what levies it in the provider's words, or empty.
    `is_business` is true where the buyer stated a tax number. Raises
    ValueError for invalid values.
    """

    country: str = ""
    evidence: tuple[CountryEvidence, ...] = ()
    tax_minor: int | None = None
    is_included: bool = True
    rate_bp: int | None = None
    jurisdiction: str = ""
    is_business: bool = False

    def __post_init__(self) -> None:
        if self.country:
            _check(_COUNTRY, self.country, "not a country")
        if len({each.kind for each in self.evidence}) != len(self.evidence):
            raise ValueError("evidence of a kind twice")
        if len(self.evidence) > MAX_EVIDENCE:
            raise ValueError("too many pieces of evidence")
        _check_number(self.tax_minor, _MAX_MINOR)
        _check_number(self.rate_bp, BASIS_POINTS)
        if self.rate_bp is not None and self.tax_minor is None:
            raise ValueError("a rate and no tax")
        if type(self.is_included) is not bool:
            raise ValueError("not true or false")
        if type(self.is_business) is not bool:
            raise ValueError("not true or false")
        if (
            not isinstance(self.jurisdiction, str)
            or len(self.jurisdiction) > JURISDICTION_CHARS
            or not self.jurisdiction.isprintable()
        ):
            raise ValueError("not a jurisdiction")

    @property
    def is_contradicted(self) -> bool:
        """True if pieces of evidence name several countries."""
        return len({each.country for each in self.evidence}) > 1

    @property
    def says_nothing(self) -> bool:
        """True if neither a country nor a tax is known."""
        return not (self.country or self.evidence) and self.tax_minor is None

    def gross_minor(self, total_minor: int) -> int:
        """Return what the buyer paid for prices of `total_minor`."""
        if self.is_included or self.tax_minor is None:
            return total_minor
        return total_minor + self.tax_minor

    def net_minor(self, total_minor: int) -> int:
        """Return the amount without tax for prices of `total_minor`."""
        return self.gross_minor(total_minor) - (self.tax_minor or 0)

    def to_json(self) -> dict[str, Any]:
        """Return it as a member of an event; what isn't known is left out."""
        values = {
            "country": self.country or None,
            "evidence": [[e.kind, e.country] for e in self.evidence] or None,
            "tax_minor": self.tax_minor,
            "included": None if self.is_included else False,
            "rate_bp": self.rate_bp,
            "jurisdiction": self.jurisdiction or None,
            "business": True if self.is_business else None,
        }
        return {
            name: value for name, value in values.items() if value is not None
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:  # noqa: ANN401 - JSON comes in
        """Parse what `to_json` returned; skip members of later versions.

        Raises TypeError or ValueError for anything else.
        """
        if not isinstance(value, dict):
            raise TypeError("not a tax")
        return cls(
            country=value.get("country", ""),
            evidence=tuple(
                CountryEvidence(kind, country)
                for kind, country in value.get("evidence", ())
            ),
            tax_minor=value.get("tax_minor"),
            is_included=value.get("included", True),
            rate_bp=value.get("rate_bp"),
            jurisdiction=value.get("jurisdiction", ""),
            is_business=value.get("business", False),
        )


def format_evidence(evidence: tuple[CountryEvidence, ...]) -> str:
    """Return pieces of evidence as a line: `billing-address:DE card:DE`."""
    return " ".join(f"{each.kind}:{each.country}" for each in evidence)


def parse_evidence(text: str) -> tuple[CountryEvidence, ...]:
    """Parse the result of `format_evidence`. Raises ValueError."""
    pairs = (each.partition(":") for each in text.split())
    return tuple(CountryEvidence(kind, country) for kind, _, country in pairs)


def _check(form: re.Pattern[str], text: str, error: str) -> None:
    if not isinstance(text, str) or not form.fullmatch(text):
        raise ValueError(error)


def _check_number(number: int | None, most: int) -> None:
    if number is None:
        return
    if type(number) is not int or not 0 <= number <= most:
        raise ValueError("not a number, or out of range")
