# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Links that end the mails about corrections of an order.

A link proves that the store has mailed it to the order's buyer, and does
nothing else: mail servers may follow it for their users (RFC 8058), and must
not get the receipt with it. Apart from receipts, which it isn't one of.
"""

from typing import Final

from msrv.proofs import mac_tags
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.orders import is_order_id

_PATH: Final = "/corrections/"


def stop_path(keyring: Keyring, order_id: str) -> str:
    """Return the path of the page that ends the mails about an order."""
    tag = mac_tags.tag(keyring, Purpose.STOP, order_id.encode("ascii"))
    return f"{_PATH}{order_id}.{tag}"


def read(keyring: Keyring, token: str) -> str:
    """Return the order of the last part of such a path. Raises Forged."""
    order_id, _, tag = token.partition(".")
    if not is_order_id(order_id) or not mac_tags.is_tag(
        keyring, Purpose.STOP, tag, order_id.encode("ascii")
    ):
        raise Forged
    return order_id
