# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of refunds that were not even requested from a provider.

Apart from the services, so that pages and services can name them.

- `RefundImpossible`: the store can't refund this order
    - `NothingPaid`: nothing was paid for it
    - `ProviderNotSetUp`: the store has no access to its payment
- `InvalidRefund`: the chosen part can't be refunded
    - `NothingChosen`: nothing is left of it, or nothing was chosen
    - `RefundTooHigh`: it is more than what is left
"""

from msrv.money import Money


class RefundImpossible(Exception):
    """The store can't refund this order."""


class NothingPaid(RefundImpossible):
    """Nothing was paid for the order."""


class ProviderNotSetUp(RefundImpossible):
    """The order's payment provider isn't set up, or in another mode."""


class InvalidRefund(Exception):
    """The chosen part of an order can't be refunded."""


class NothingChosen(InvalidRefund):
    """Nothing is left of what was chosen, or nothing was chosen."""


class RefundTooHigh(InvalidRefund):
    """The amount is more than what is left, `remaining`."""

    def __init__(self, remaining: Money) -> None:
        super().__init__(remaining)
        self.remaining = remaining
