# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mails to the seller: stored in the outbox, and rendered when they are sent.

Their texts are in the store's language when they are stored. None contains a
link that works without signing in.
"""

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Final, Self

from msrv.mail import addresses, headers, messages
from msrv.mail.addresses import BadAddress
from msrv.translations import current_language, language_set_to
from msrv.translations.negotiation import parse_language

KIND: Final = "seller"
"""`kind` of these mails in the outbox."""
_PREFIX: Final = "seller-"
_MAIL_ID: Final = re.compile(rf"{_PREFIX}[0-9a-f]{{32}}")
_ID_CHARS: Final = 32


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
class SellerMail:
    """A mail to the seller.

    Two mails with one `mail_id` are the same mail; `mail_id_of` returns one.
    `store` is the store's name, `language` as `Language.code`, `written_at`
    in Unix seconds. Raises ValueError for invalid values.
    """

    mail_id: str
    to: str
    store: str
    subject: str
    sections: tuple[Section, ...]
    written_at: int
    language: str = ""

    def __post_init__(self) -> None:
        if not is_seller_mail_id(self.mail_id):
            raise ValueError("not a mail id")
        try:
            addresses.parse(self.to)
        except BadAddress:
            raise ValueError("not a mail address") from None

    @property
    def name(self) -> str:
        """Name for the log."""
        return f"mail {self.mail_id} to the seller"

    def to_json(self) -> bytes:
        """Return the mail as JSON, as the outbox stores it."""
        fields = {"kind": KIND, **dataclasses.asdict(self)}
        return json.dumps(fields).encode("ascii")

    @classmethod
    def from_fields(cls, fields: dict[str, object]) -> Self:
        """Parse the object of `to_json`. Raises ValueError."""
        try:
            found = json.loads(json.dumps(fields))
            del found["kind"]
            found["sections"] = tuple(
                Section(
                    each["heading"], tuple(Row(**row) for row in each["rows"])
                )
                for each in found["sections"]
            )
            return cls(**found)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError("not a mail to the seller") from error


def mail_id_of(*parts: str) -> str:
    """Return the id of the mail that these parts tell from any other."""
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"{_PREFIX}{digest[:_ID_CHARS]}"


def is_seller_mail_id(text: str) -> bool:
    """Return whether this is such an id; one is safe as a file's name."""
    return _MAIL_ID.fullmatch(text) is not None


class SellerRenderer:
    """Renderer of mails to the seller: text and HTML."""

    def __init__(self, sender: Address) -> None:
        self._sender = sender
        templates = messages.environment()
        self._text = templates.get_template("seller.txt")
        self._html = templates.get_template("seller.html")

    def render(self, mail: SellerMail) -> EmailMessage:
        """Return the MIME message of a mail, in its language."""
        with language_set_to(parse_language(mail.language)):
            message = messages.new_message(
                self._sender,
                store=mail.store,
                to=mail.to,
                subject=headers.single_line(mail.subject),
                at=mail.written_at,
                mail_id=mail.mail_id,
            )
            context = {
                "mail": mail,
                "language": current_language(),
                "subject": mail.subject,
            }
            messages.set_bodies(
                message,
                self._text.render(context),
                self._html.render(context),
                mail.mail_id,
            )
            return message
