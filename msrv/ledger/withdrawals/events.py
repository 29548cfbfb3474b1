# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Events of withdrawals from contracts.

No name and no address is in them: the seller has those by mail.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from msrv.proofs.orders import MAX_TIME, check_number, is_order_id

BY_WITHDRAWAL: Final = "withdrawal"
"""Source of a revocation by a withdrawal, which refunds nothing yet."""
_ID: Final = re.compile(r"[a-z]{1,10}-[a-z0-9]{1,40}")


class WithdrawalOutcome(StrEnum):
    """Consequence of a statement of withdrawal.

    Only ENDED has ended the downloads. For the others the seller decides: the
    buyer has consented to immediate delivery, is late, has paid nothing, or
    has shown no receipt.
    """

    ENDED = "ended"
    CONSENTED = "consented"
    LATE = "late"
    NOTHING_PAID = "nothing-paid"
    UNPROVED = "unproved"


@dataclass(frozen=True, slots=True)
class WithdrawalStated:
    """Statement of withdrawal; the first one of its id counts.

    `at_ms` is in Unix milliseconds. Raises ValueError for invalid values.
    """

    withdrawal_id: str
    order_id: str
    at_ms: int
    outcome: str

    def __post_init__(self) -> None:
        _check_id(self.withdrawal_id)
        if not is_order_id(self.order_id):
            raise ValueError("not an order id")
        check_number(self.at_ms, MAX_TIME)
        if self.outcome not in set(WithdrawalOutcome):
            raise ValueError("not an outcome")


@dataclass(frozen=True, slots=True)
class WithdrawalHandled:
    """Statement that the seller has dealt with, at `at_ms`."""

    withdrawal_id: str
    at_ms: int

    def __post_init__(self) -> None:
        _check_id(self.withdrawal_id)
        check_number(self.at_ms, MAX_TIME)


def _check_id(text: str) -> None:
    if not is_withdrawal_id(text):
        raise ValueError("not a withdrawal's id")


def is_withdrawal_id(text: str) -> bool:
    """Return whether this can be the id of a withdrawal."""
    return _ID.fullmatch(text) is not None
