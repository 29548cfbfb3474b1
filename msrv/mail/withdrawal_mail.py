# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Confirmations of withdrawals, to the buyer and to the seller.

The law asks for one on a durable medium, with the statement and its time. It
contains no link to downloads.
"""

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, Final, Self

from msrv.ledger.withdrawals.events import WithdrawalOutcome
from msrv.mail import addresses, headers, messages
from msrv.mail.addresses import BadAddress
from msrv.translations import current_language, gettext, language_set_to
from msrv.translations.dates import format_date_time
from msrv.translations.negotiation import parse_language

KIND: Final = "withdrawal"
"""`kind` of these mails in the outbox."""
_MAIL_ID: Final = re.compile(rf"{KIND}-[0-9a-f]{{32}}")
_ID_CHARS: Final = 32


@dataclass(frozen=True, slots=True)
class WithdrawalMail:
    """Confirmation of a statement; two with one `mail_id` are the same.

    `buyer_name` and `buyer` are what the buyer stated; `buyer` is an address,
    or empty. `received_at` is when the statement was first received, and
    `written_at` the time of the mail, in Unix seconds; `language` as
    `Language.code`. Raises ValueError for invalid values.
    """

    mail_id: str
    to: str
    order_id: str
    buyer_name: str
    buyer: str
    outcome: str
    is_buyer: bool
    store: str
    contact: str
    base_url: str
    written_at: int
    received_at: int
    language: str = ""

    def __post_init__(self) -> None:
        if not is_withdrawal_mail_id(self.mail_id):
            raise ValueError("not a mail id")
        try:
            addresses.parse(self.to)
        except BadAddress:
            raise ValueError("not a mail address") from None
        if self.outcome not in set(WithdrawalOutcome):
            raise ValueError("not an outcome")

    @property
    def name(self) -> str:
        """Name for the log."""
        return f"confirmation {self.mail_id}"

    @classmethod
    def of(cls, withdrawal_id: str, *, to: str, **fields: Any) -> Self:  # noqa: ANN401 - its own fields
        """Return the mail of a withdrawal to an address."""
        content = f"{withdrawal_id}\0{to}"
        digest = hashlib.sha256(content.encode("utf-8")).hexdigest()
        return cls(f"{KIND}-{digest[:_ID_CHARS]}", to, **fields)

    def to_json(self) -> bytes:
        """Return the mail as JSON, as the outbox stores it."""
        fields = {"kind": KIND, **dataclasses.asdict(self)}
        return json.dumps(fields).encode("ascii")

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Parse the object of `to_json`. Raises ValueError."""
        try:
            return cls(**{n: v for n, v in fields.items() if n != "kind"})
        except (AttributeError, TypeError) as error:
            raise ValueError("not a confirmation") from error


def is_withdrawal_mail_id(text: str) -> bool:
    """Return whether this is such an id; one is safe as a file's name."""
    return _MAIL_ID.fullmatch(text) is not None


class WithdrawalRenderer:
    """Renderer of confirmations: text and HTML."""

    def __init__(self, sender: Address) -> None:
        self._sender = sender
        templates = messages.environment()
        self._text = templates.get_template("withdrawal.txt")
        self._html = templates.get_template("withdrawal.html")

    def render(self, mail: WithdrawalMail) -> EmailMessage:
        """Return the MIME message of a confirmation, in its language."""
        with language_set_to(parse_language(mail.language)):
            subject = gettext(
                "Withdrawal received: order %(number)s", number=mail.order_id
            )
            message = messages.new_message(
                self._sender,
                store=mail.store,
                to=mail.to,
                subject=headers.single_line(subject),
                at=mail.written_at,
                mail_id=mail.mail_id,
            )
            context = {
                "mail": mail,
                "language": current_language(),
                "subject": subject,
                "received": format_date_time(mail.received_at),
                "studio": f"{mail.base_url}/studio/withdrawals",
            }
            messages.set_bodies(
                message,
                self._text.render(context),
                self._html.render(context),
                mail.mail_id,
            )
            return message
