# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Ids of granted orders: the same buyer always has the same order.

Apart from `orders`, which has no keys: an id that anyone could compute would
confirm to whoever has a copy of the ledger that an address is in it.
"""

import base64
from typing import Final

from msrv.proofs.encoding import mac
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.orders import ORDER_ID_BYTES

PROVIDER: Final = "grant"
"""Stands for the payment provider in receipts that a seller gave away."""


def order_ids(
    keyring: Keyring, source: str, reference: str, mailbox: str, item_id: str
) -> tuple[str, ...]:
    """Return the id of a granted order, and those under previous NONCEs.

    `source` is where it was bought, `reference` the order there, or empty,
    and `mailbox` identifies the buyer.
    """
    stated = [
        each.encode("utf-8") for each in (source, reference, mailbox, item_id)
    ]
    return tuple(
        base64.b32encode(
            mac(each.key(Purpose.GRANT), *stated)[:ORDER_ID_BYTES]
        ).decode("ascii")
        for each in keyring.generations
    )
