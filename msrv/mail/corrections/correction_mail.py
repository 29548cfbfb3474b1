# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mails to buyers: what they bought was corrected or extended.

As other mails with a receipt, one holds no signed receipt in the outbox: that
and the link that ends these mails are signed when it is rendered.
"""

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, Final, Self

from msrv.mail import headers
from msrv.mail.headers import FoldedValue
from msrv.mail.purchase_list import receipt_from_json
from msrv.mail.stored_mail import MailTemplates, StoredMail
from msrv.proofs import receipts
from msrv.proofs.corrections.stop_links import stop_path
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import ORDER_ID
from msrv.proofs.receipts import Receipt
from msrv.translations import gettext, language_set_to
from msrv.translations.negotiation import parse_language

MAX_TITLES: Final = 20
"""Titles in a list; the rest is counted."""


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
class CorrectionMail(StoredMail):
    """Mail about the `releases` of an order; two with one id are the same.

    `base_url`, `store`, `contact`, `written_at` and `language` are as in
    `ReceiptMail`. Raises ValueError for invalid values.
    """

    KIND = "corrected"
    MAIL_ID = re.compile(rf"{ORDER_ID}-corrected-[0-9]{{1,15}}")

    receipt: Receipt
    releases: tuple[CorrectedRelease, ...]
    base_url: str
    contact: str
    language: str = ""

    @property
    def name(self) -> str:
        """Name for the log."""
        return f"corrections of order {self.receipt.order_id}"

    @classmethod
    def _parsed(cls, fields: dict[str, Any]) -> dict[str, Any]:
        return {
            **fields,
            "receipt": receipt_from_json(fields["receipt"]),
            "releases": tuple(
                map(CorrectedRelease.from_json, fields["releases"])
            ),
        }


class CorrectionRenderer:
    """Renderer of these mails: text and HTML, signed by one keyring."""

    def __init__(self, keyring: Keyring, sender: Address) -> None:
        self._keyring = keyring
        self._sender = sender
        self._templates = MailTemplates("corrected")

    def render(self, mail: CorrectionMail) -> EmailMessage:
        """Return the MIME message of a mail, in its language."""
        with language_set_to(parse_language(mail.language)):
            return self._render(mail)

    def _render(self, mail: CorrectionMail) -> EmailMessage:
        subject = gettext(
            "Corrected or extended: your purchase at %(store)s",
            store=headers.single_line(mail.store),
        )
        order_id = mail.receipt.order_id
        stop = f"{mail.base_url}{stop_path(self._keyring, order_id)}"
        token = receipts.sign(self._keyring, mail.receipt)
        message = self._templates.render(
            mail,
            self._sender,
            subject,
            address=f"{mail.base_url}/purchases/{token}",
            stop=stop,
            most=MAX_TITLES,
        )
        # RFC 8058: the mail program ends these mails with one click.
        message["List-Unsubscribe"] = FoldedValue(f"<{stop}>")
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        return message
