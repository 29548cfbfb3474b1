# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mails that won't be sent, as the studio lists them: without an address.

Apart from the worker, which knows no kind of mail.
"""

from collections.abc import MutableSequence
from dataclasses import dataclass

from msrv.mail.corrections.correction_mail import CorrectionMail
from msrv.mail.receipt_mail import MailKind, ReceiptMail
from msrv.mail.rendering import Mail
from msrv.mail.seller_mail import SellerMail
from msrv.mail.withdrawal_mail import WithdrawalMail


@dataclass(frozen=True, slots=True)
class FailedMail:
    """A mail that won't be sent: what it is, the reason, and the time.

    `kind` is "seller", "withdrawal", "corrected", or the value of a receipt's
    `MailKind`.
    A mail to the seller has a `subject`, each other mail an `order_id`. `at`
    is in Unix seconds.
    """

    kind: str
    order_id: str
    subject: str
    why: str
    at: int

    @classmethod
    def of(cls, mail: Mail, why: str, at: int) -> "FailedMail":
        """Return what is known of a mail that failed."""
        if isinstance(mail, SellerMail):
            return cls(SellerMail.KIND, "", mail.subject, why, at)
        if isinstance(mail, WithdrawalMail):
            return cls(WithdrawalMail.KIND, mail.order_id, "", why, at)
        if isinstance(mail, CorrectionMail):
            order_id = mail.receipt.order_id
            return cls(CorrectionMail.KIND, order_id, "", why, at)
        return cls(mail.kind.value, mail.receipt.order_id, "", why, at)

    @property
    def is_confirmation(self) -> bool:
        """True for the confirmation of a withdrawal."""
        return self.kind == WithdrawalMail.KIND

    @property
    def is_receipt(self) -> bool:
        """True for a receipt, or another mail that a buyer waits for."""
        return self.kind not in {
            SellerMail.KIND,
            WithdrawalMail.KIND,
            CorrectionMail.KIND,
        }


def forget_replaced(failures: MutableSequence[FailedMail], mail: Mail) -> None:
    """Remove the failures of mails with the same content as another one.

    A receipt that is mailed again replaces the one before, which may have had
    another address. Each refund is one of its own.
    """
    if not isinstance(mail, ReceiptMail) or mail.kind is MailKind.REFUND:
        return
    replaced = (mail.kind.value, mail.receipt.order_id)
    for each in list(failures):
        if (each.kind, each.order_id) == replaced:
            failures.remove(each)
