# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Content of a receipt, apart from the two forms that it is signed in."""

import re
from dataclasses import dataclass
from typing import Final

from msrv.proofs.consents import Consent
from msrv.proofs.orders import MAX_TIME, Line, check_number, check_order

PROVIDER: Final = r"[a-z][a-z0-9-]{0,15}"
"""Pattern of a payment provider's name, for a full match."""
TEST_SUFFIX: Final = "-test"
"""Suffix of a provider's name for payments in its test mode."""

_PROVIDER: Final = re.compile(PROVIDER)


def is_simulated(provider: str) -> bool:
    """Return whether a provider of this name moves no money."""
    return provider == "demo" or provider.endswith(TEST_SUFFIX)


def provider_name(stated: str) -> str:
    """Return a provider's name, of one that may be in its test mode."""
    return stated.removesuffix(TEST_SUFFIX)


@dataclass(frozen=True, slots=True)
class Receipt:
    """An order: its items and prices, time, and payment provider.

    `issued_at` is in Unix seconds, `currency` an ISO 4217 code, `provider`
    the payment provider's name. `consent` is the buyer's to immediate
    delivery, None without one. Raises ValueError for no lines or more than
    MAX_LINES, an item twice, or an invalid id, time or price.
    """

    order_id: str
    issued_at: int
    provider: str
    currency: str
    lines: tuple[Line, ...]
    consent: Consent | None = None

    def __post_init__(self) -> None:
        check_order(self.order_id, self.currency, self.lines)
        check_number(self.issued_at, MAX_TIME)
        if not _PROVIDER.fullmatch(self.provider):
            raise ValueError("not a provider's name")

    @property
    def total_minor(self) -> int:
        """Amount paid, in minor units of the currency."""
        return sum(line.price_minor for line in self.lines)

    @property
    def is_simulated(self) -> bool:
        """True if it was paid by a simulated or test payment."""
        return is_simulated(self.provider)
