# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mails to buyers: what they bought was corrected or extended.

As other mails with a receipt, one holds no signed receipt in the outbox: that
and the link that ends these mails are signed when it is rendered.
"""

import dataclasses
import json
import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, Final, Self

from msrv.mail import addresses, headers, messages
from msrv.mail.addresses import BadAddress
from msrv.mail.headers import FoldedValue
from msrv.mail.purchase_list import receipt_from_json
from msrv.proofs import receipts
from msrv.proofs.corrections.stop_links import stop_path
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import ORDER_ID
from msrv.proofs.receipts import Receipt
from msrv.translations import current_language, gettext, language_set_to
from msrv.translations.negotiation import parse_language

KIND: Final = "corrected"
"""`kind` of these mails in the outbox."""
MAX_TITLES: Final = 20
"""Titles in a list; the rest is counted."""
_MAIL_ID: Final = re.compile(rf"{ORDER_ID}-{KIND}-[0-9]{{1,15}}")


@dataclass(frozen=True, slots=True)
class CorrectedRelease:
    """A release, with the titles of its files that are new or corrected."""

    title: str
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Self:
        """Parse its fields. Raises KeyError or TypeError."""
        return cls(
            fields["title"], tuple(fields["added"]), tuple(fields["changed"])
        )


@dataclass(frozen=True, slots=True)
class CorrectionMail:
    """Mail about the `releases` of an order; two with one id are the same.

    `base_url`, `store`, `contact`, `written_at` and `language` are as in
    `ReceiptMail`. Raises ValueError for invalid values.
    """

    mail_id: str
    to: str
    receipt: Receipt
    releases: tuple[CorrectedRelease, ...]
    base_url: str
    store: str
    contact: str
    written_at: int
    language: str = ""

    def __post_init__(self) -> None:
        if not is_correction_mail_id(self.mail_id):
            raise ValueError("not a mail id")
        try:
            addresses.parse(self.to)
        except BadAddress:
            raise ValueError("not a mail address") from None

    @property
    def name(self) -> str:
        """Name for the log."""
        return f"corrections of order {self.receipt.order_id}"

    def to_json(self) -> bytes:
        """Return the mail as JSON, as the outbox stores it."""
        fields = {"kind": KIND, **dataclasses.asdict(self)}
        return json.dumps(fields).encode("ascii")

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Parse the object of `to_json`. Raises ValueError."""
        try:
            given = {n: v for n, v in fields.items() if n != "kind"}
            given["receipt"] = receipt_from_json(given["receipt"])
            given["releases"] = tuple(
                map(CorrectedRelease.from_json, given["releases"])
            )
            return cls(**given)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("not a mail about corrections") from error


def is_correction_mail_id(text: str) -> bool:
    """Return whether this is such an id; one is safe as a file's name."""
    return _MAIL_ID.fullmatch(text) is not None


class CorrectionRenderer:
    """Renderer of these mails: text and HTML, signed by one keyring."""

    def __init__(self, keyring: Keyring, sender: Address) -> None:
        self._keyring = keyring
        self._sender = sender
        templates = messages.environment()
        self._text = templates.get_template("corrected.txt")
        self._html = templates.get_template("corrected.html")

    def render(self, mail: CorrectionMail) -> EmailMessage:
        """Return the MIME message of a mail, in its language."""
        with language_set_to(parse_language(mail.language)):
            return self._render(mail)

    def _render(self, mail: CorrectionMail) -> EmailMessage:
        subject = gettext(
            "Corrected or extended: your purchase at %(store)s",
            store=headers.single_line(mail.store),
        )
        message = messages.new_message(
            self._sender,
            store=mail.store,
            to=mail.to,
            subject=subject,
            at=mail.written_at,
            mail_id=mail.mail_id,
        )
        order_id = mail.receipt.order_id
        stop = f"{mail.base_url}{stop_path(self._keyring, order_id)}"
        # RFC 8058: the mail program ends these mails with one click.
        message["List-Unsubscribe"] = FoldedValue(f"<{stop}>")
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        token = receipts.sign(self._keyring, mail.receipt)
        context = {
            "mail": mail,
            "address": f"{mail.base_url}/purchases/{token}",
            "stop": stop,
            "most": MAX_TITLES,
            "language": current_language(),
            "subject": subject,
        }
        messages.set_bodies(
            message,
            self._text.render(context),
            self._html.render(context),
            mail.mail_id,
        )
        return message
