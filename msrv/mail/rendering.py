# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mails of every kind: parsed as the outbox stores them, and rendered.

Apart from the kinds, which don't know each other.
"""

import json
from collections.abc import Callable, Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, Final

from msrv.mail.corrections.correction_mail import (
    CorrectionMail,
    CorrectionRenderer,
)
from msrv.mail.receipt_mail import ReceiptMail, ReceiptRenderer
from msrv.mail.seller_mail import SellerMail, SellerRenderer
from msrv.mail.withdrawal_mail import WithdrawalMail, WithdrawalRenderer
from msrv.proofs.keyring import Keyring

Mail = ReceiptMail | SellerMail | WithdrawalMail | CorrectionMail

_KINDS: Final = (SellerMail, WithdrawalMail, CorrectionMail)
"""The kinds whose JSON says so; that of a receipt has kinds of its own."""
_BY_NAME: Final = {each.KIND: each for each in _KINDS}


def parse_mail(text: bytes) -> Mail:
    """Parse what `to_json` of a mail returned. Raises ValueError."""
    try:
        fields = json.loads(text)
        found = _BY_NAME.get(fields.get("kind"))
    except (AttributeError, TypeError, RecursionError) as error:
        raise ValueError("not a mail") from error
    return found.from_fields(fields) if found else ReceiptMail.from_json(text)


def is_id(text: str) -> bool:
    """Return whether this is the id of a mail of any kind."""
    return any(each.is_id(text) for each in (ReceiptMail, *_KINDS))


class MailRenderer:
    """Renderer of mails of every kind, with receipts by one keyring."""

    def __init__(self, keyring: Keyring, sender: Address) -> None:
        receipts = ReceiptRenderer(keyring, sender)
        self.sender: Final = receipts.sender
        """Address that mails are sent from."""
        self._render: Mapping[type, Callable[[Any], EmailMessage]] = {
            ReceiptMail: receipts.render,
            SellerMail: SellerRenderer(sender).render,
            WithdrawalMail: WithdrawalRenderer(sender).render,
            CorrectionMail: CorrectionRenderer(keyring, sender).render,
        }

    def render(self, mail: Mail) -> EmailMessage:
        """Return the MIME message of a mail, in its language."""
        return self._render[type(mail)](mail)
