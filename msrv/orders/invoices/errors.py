# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of invoices.

Apart from the service: the table of error pages names them.
"""


class InvoicesOff(Exception):
    """An order has no invoice: nothing was paid, or the store makes none."""


class InvoiceWaits(Exception):
    """The invoice of an order can't be made yet: it follows.

    The order isn't in the ledger's database, or neither is its tax.
    """

    def __init__(self, order_id: str) -> None:
        super().__init__(f"the invoice of order {order_id} follows")
        self.order_id = order_id


class InvoiceUnreadable(Exception):
    """No document of an order can be read by this version."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"the documents of order {order_id} can't be read")
        self.order_id = order_id
