# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rules of invoices, by `[invoices]` of `store.toml`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

TEST_PREFIX: Final = "TEST"
"""Prefix of the numbers of test payments, a series apart."""
NOT_SOLD: Final = ("code", "free", "grant")
"""Providers of orders that nobody paid for, whatever their prices."""


def is_paid(provider: str, total_minor: int) -> bool:
    """Return whether somebody paid for an order: others have no invoice."""
    return total_minor > 0 and provider not in NOT_SOLD


class SeriesMode(StrEnum):
    """Series of the numbers: a new one each year, or one forever."""

    YEAR = "year"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class Seller:
    """Seller as an invoice states them.

    `country` is an ISO 3166-1 code of two letters. Of `vat_id` and
    `tax_number`, at least one isn't empty.
    """

    name: str
    street: str
    postcode: str
    city: str
    country: str
    vat_id: str = ""
    tax_number: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceRules:
    """Rules of a store that makes invoices.

    Orders have one that were paid at `first_second`, in Unix seconds, or
    later. `tax_exemption` is the reason why no tax is charged, empty where it
    is.
    """

    seller: Seller
    first_second: int
    prefix: str
    mode: SeriesMode = SeriesMode.YEAR
    tax_exemption: str = ""

    def covers(self, provider: str, sold_at: int, total_minor: int) -> bool:
        """Return whether an order has an invoice."""
        return is_paid(provider, total_minor) and sold_at >= self.first_second

    def series(self, at: int, *, is_simulated: bool) -> str:
        """Return the series of a number taken at a time, in Unix seconds."""
        prefix = TEST_PREFIX if is_simulated else self.prefix
        if self.mode is SeriesMode.SINGLE:
            return prefix
        return f"{prefix}-{datetime.fromtimestamp(at, UTC):%Y}"
