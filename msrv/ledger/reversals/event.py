# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Event of a refund or dispute at a payment provider, in one status.

Apart from `events`, whose other events concern no money that goes back.
"""

import re
from dataclasses import dataclass
from typing import Final

from msrv.proofs.orders import (
    MAX_LINES,
    MAX_TIME,
    check_number,
    is_item_id,
    is_order_id,
)

REFUND: Final = "refund"
DISPUTE: Final = "dispute"
REFUSED: Final = "refused"
"""Status of a refund that the provider refused to make."""
_MAX_MINOR: Final = 2**53
_WORD: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ID: Final = re.compile(r"[\x21-\x7e]{1,255}")
_REASON: Final = re.compile(r"[a-z0-9_.-]{0,64}")

_RANKS: Final = {
    DISPUTE: {
        "warning_needs_response": 0,
        "warning_under_review": 1,
        "warning_closed": 2,
        "needs_response": 3,
        "under_review": 4,
        "won": 5,
        "lost": 5,
        "prevented": 5,
    },
    REFUND: {"pending": 0, "requires_action": 1, "succeeded": 2},
}
_LAST_RANK: Final = 9


@dataclass(frozen=True, slots=True)
class Reversal:
    """Refund or dispute of an order's payment, in its status at `seen_at`.

    `reversal_id` is the provider's id of it; for a refund that the provider
    refused, the key of the request. `status` is the provider's word, and
    `is_effective` false where the money isn't gone. `paid_minor` is the
    amount of the whole payment, with any tax. `items` are the lines that it
    is for, none for the order as such. Times are in Unix seconds. `by` is the
    source, `reason` the provider's word for a failure or a dispute, or empty.
    """

    provider: str
    reversal_id: str
    order_id: str
    kind: str
    status: str
    amount_minor: int
    paid_minor: int
    created_at: int
    seen_at: int
    by: str
    items: tuple[str, ...] = ()
    reason: str = ""
    is_effective: bool = True

    def __post_init__(self) -> None:
        if not is_order_id(self.order_id):
            raise ValueError("not an order id")
        if self.kind not in {REFUND, DISPUTE}:
            raise ValueError("not a kind of reversal")
        for text, form in (
            (self.provider, _WORD),
            (self.reversal_id, _ID),
            (self.status, _WORD),
            (self.by, _WORD),
            (self.reason, _REASON),
        ):
            if not form.fullmatch(text):
                raise ValueError("not in the expected form")
        for number in (self.amount_minor, self.paid_minor):
            check_number(number, _MAX_MINOR)
        for number in (self.created_at, self.seen_at):
            check_number(number, MAX_TIME)
        if len(self.items) > MAX_LINES or not all(map(is_item_id, self.items)):
            raise ValueError("not items of an order")
        if type(self.is_effective) is not bool:
            raise ValueError("not true or false")

    @property
    def rank(self) -> int:
        """Number that grows with the status; the highest counts.

        So that events may be applied twice, late, and in any order.
        """
        return _RANKS[self.kind].get(self.status, _LAST_RANK)
