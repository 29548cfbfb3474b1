# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Purchases in the mail that lists all of an address.

Apart from `receipt_mail`, whose other mails are about one order.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from msrv.mail import addresses
from msrv.money import Money
from msrv.proofs import receipts
from msrv.proofs.consents import Consent
from msrv.proofs.gifts import bills
from msrv.proofs.gifts.bills import Bill
from msrv.proofs.gifts.gift import Gift
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import Line
from msrv.proofs.receipts import Receipt


@dataclass(frozen=True, slots=True)
class MailedPurchase:
    """A purchase in a list. `titles` are those of the receipt's lines.

    With `is_gift` the recipient of the mail paid for it, and `gift` is what
    another person got; `adds_tax` is as in `ReceiptMail`. Raises ValueError
    for invalid values.
    """

    receipt: Receipt
    titles: tuple[str, ...]
    is_refunded: bool = False
    is_gift: bool = False
    gift: Gift = field(default_factory=Gift)
    adds_tax: bool = False

    def __post_init__(self) -> None:
        if len(self.titles) != len(self.receipt.lines):
            raise ValueError("not a title for each line")

    @property
    def total(self) -> Money:
        """Sum of the prices, without any tax that was added to them."""
        return Money(self.receipt.total_minor, self.receipt.currency)

    @property
    def masked_recipient(self) -> str:
        """The gift's address, masked; empty if it has none."""
        return addresses.masked(self.gift.to) if self.gift.to else ""

    def path(self, keyring: Keyring) -> str:
        """Return the path of its receipt, or of a gift's bill."""
        if self.is_gift:
            bill = bills.issue(keyring, Bill(self.receipt, self.gift))
            return f"/gifts/{bill}"
        return f"/purchases/{receipts.sign(keyring, self.receipt)}"

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Parse its fields. Raises ValueError, KeyError or TypeError."""
        return cls(
            receipt=receipt_from_json(fields["receipt"]),
            titles=tuple(fields["titles"]),
            is_refunded=bool(fields["is_refunded"]),
            is_gift=bool(fields["is_gift"]),
            gift=Gift(**fields["gift"]),
            adds_tax=bool(fields.get("adds_tax")),
        )


def receipt_from_json(fields: Mapping[str, Any]) -> Receipt:
    """Parse the fields of a receipt. Raises ValueError or TypeError."""
    lines = tuple(Line(**line) for line in fields["lines"])
    given = fields.get("consent")
    consent = None if given is None else Consent(**given)
    return Receipt(**{**fields, "lines": lines, "consent": consent})
