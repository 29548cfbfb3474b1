# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mails of every kind: parsed as the outbox stores them, and rendered.

Apart from the kinds, which don't know each other.
"""

import json
from email.headerregistry import Address
from email.message import EmailMessage

from msrv.mail import seller_mail, withdrawal_mail
from msrv.mail.corrections import correction_mail
from msrv.mail.corrections.correction_mail import (
    CorrectionMail,
    CorrectionRenderer,
    is_correction_mail_id,
)
from msrv.mail.receipt_mail import ReceiptMail, ReceiptRenderer, is_mail_id
from msrv.mail.seller_mail import SellerMail, SellerRenderer, is_seller_mail_id
from msrv.mail.withdrawal_mail import (
    WithdrawalMail,
    WithdrawalRenderer,
    is_withdrawal_mail_id,
)
from msrv.proofs.keyring import Keyring

Mail = ReceiptMail | SellerMail | WithdrawalMail | CorrectionMail


def parse_mail(text: bytes) -> Mail:
    """Parse what `to_json` of a mail returned. Raises ValueError."""
    try:
        fields = json.loads(text)
        kind = fields.get("kind")
    except (AttributeError, RecursionError) as error:
        raise ValueError("not a mail") from error
    if kind == seller_mail.KIND:
        return SellerMail.from_fields(fields)
    if kind == withdrawal_mail.KIND:
        return WithdrawalMail.from_fields(fields)
    if kind == correction_mail.KIND:
        return CorrectionMail.from_fields(fields)
    return ReceiptMail.from_json(text)


def is_id(text: str) -> bool:
    """Return whether this is the id of a mail of any kind."""
    return (
        is_mail_id(text)
        or is_seller_mail_id(text)
        or is_withdrawal_mail_id(text)
        or is_correction_mail_id(text)
    )


class MailRenderer:
    """Renderer of mails of every kind, with receipts by one keyring."""

    def __init__(self, keyring: Keyring, sender: Address) -> None:
        self._receipts = ReceiptRenderer(keyring, sender)
        self._seller = SellerRenderer(sender)
        self._withdrawals = WithdrawalRenderer(sender)
        self._corrections = CorrectionRenderer(keyring, sender)

    @property
    def sender(self) -> str:
        """Address that mails are sent from."""
        return self._receipts.sender

    def render(self, mail: Mail) -> EmailMessage:
        """Return the MIME message of a mail, in its language."""
        if isinstance(mail, SellerMail):
            return self._seller.render(mail)
        if isinstance(mail, WithdrawalMail):
            return self._withdrawals.render(mail)
        if isinstance(mail, CorrectionMail):
            return self._corrections.render(mail)
        return self._receipts.render(mail)
