# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mails to the seller: stored in the outbox, and rendered when they are sent.

Their texts are in the store's language when they are stored. None contains a
link that works without signing in.
"""

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any

from msrv.mail import stored_mail
from msrv.mail.stored_mail import MailTemplates, StoredMail
from msrv.translations import language_set_to
from msrv.translations.negotiation import parse_language


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a section: a text, a figure or none, and a link or none."""

    text: str
    figure: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a heading."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class SellerMail(StoredMail):
    """A mail to the seller; `id_of` returns its id.

    `language` is as `Language.code`. Raises ValueError for invalid values.
    """

    KIND = "seller"
    MAIL_ID = re.compile(rf"seller-{stored_mail.DIGEST}")

    subject: str
    sections: tuple[Section, ...]
    language: str = ""

    @property
    def name(self) -> str:
        """Name for the log."""
        return f"mail {self.mail_id} to the seller"

    @classmethod
    def _parsed(cls, fields: dict[str, Any]) -> dict[str, Any]:
        sections = tuple(
            Section(each["heading"], tuple(Row(**row) for row in each["rows"]))
            for each in fields["sections"]
        )
        return {**fields, "sections": sections}


class SellerRenderer:
    """Renderer of mails to the seller: text and HTML."""

    def __init__(self, sender: Address) -> None:
        self._sender = sender
        self._templates = MailTemplates("seller")

    def render(self, mail: SellerMail) -> EmailMessage:
        """Return the MIME message of a mail, in its language."""
        with language_set_to(parse_language(mail.language)):
            return self._templates.render(mail, self._sender, mail.subject)
