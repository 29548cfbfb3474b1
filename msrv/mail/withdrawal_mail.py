# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Confirmations of withdrawals, to the buyer and to the seller.

The law asks for one on a durable medium, with the statement and its time. It
contains no link to downloads.
"""

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, Self

from msrv.ledger.withdrawals.events import WithdrawalOutcome
from msrv.mail import stored_mail
from msrv.mail.stored_mail import MailTemplates, StoredMail
from msrv.translations import gettext, language_set_to
from msrv.translations.dates import format_date_time
from msrv.translations.negotiation import parse_language


@dataclass(frozen=True, slots=True)
class WithdrawalMail(StoredMail):
    """Confirmation of a statement; two with one `mail_id` are the same.

    `buyer_name` and `buyer` are what the buyer stated; `buyer` is an address,
    or empty. `received_at` is when the statement was first received, and
    `written_at` the time of the mail, in Unix seconds; `language` as
    `Language.code`. Raises ValueError for invalid values.
    """

    KIND = "withdrawal"
    MAIL_ID = re.compile(rf"withdrawal-{stored_mail.DIGEST}")

    order_id: str
    buyer_name: str
    buyer: str
    outcome: str
    is_buyer: bool
    contact: str
    base_url: str
    received_at: int
    language: str = ""

    def __post_init__(self) -> None:
        StoredMail.__post_init__(self)
        if self.outcome not in set(WithdrawalOutcome):
            raise ValueError("not an outcome")

    @property
    def name(self) -> str:
        """Name for the log."""
        return f"confirmation {self.mail_id}"

    @classmethod
    def of(cls, withdrawal_id: str, *, to: str, **fields: Any) -> Self:  # noqa: ANN401 - its own fields
        """Return the mail of a withdrawal to an address."""
        return cls(cls.id_of(withdrawal_id, to), to, **fields)


class WithdrawalRenderer:
    """Renderer of confirmations: text and HTML."""

    def __init__(self, sender: Address) -> None:
        self._sender = sender
        self._templates = MailTemplates("withdrawal")

    def render(self, mail: WithdrawalMail) -> EmailMessage:
        """Return the MIME message of a confirmation, in its language."""
        with language_set_to(parse_language(mail.language)):
            return self._templates.render(
                mail,
                self._sender,
                gettext(
                    "Withdrawal received: order %(number)s",
                    number=mail.order_id,
                ),
                received=format_date_time(mail.received_at),
                studio=f"{mail.base_url}/studio/withdrawals",
            )
