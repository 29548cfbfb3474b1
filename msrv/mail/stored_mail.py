# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Base of mails of every kind: their id, JSON and templates."""

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, ClassVar, Final, Self

from msrv.mail import addresses, messages
from msrv.mail.addresses import BadAddress
from msrv.translations import current_language

DIGEST_CHARS: Final = 32
DIGEST: Final = rf"[0-9a-f]{{{DIGEST_CHARS}}}"
"""Regular expression of the digest in an id of `StoredMail.id_of`."""


@dataclass(frozen=True, slots=True)
class StoredMail:
    """A mail as the outbox stores it, until it is rendered and sent.

    Two mails with one `mail_id` are the same mail. Each kind has a `KIND`,
    its name in the outbox, and the form of its ids, `MAIL_ID`: an id is safe
    as a file's name, and belongs to one kind. `store` is the store's name,
    `written_at` in Unix seconds. Raises ValueError for an id of another form
    and an invalid address.
    """

    KIND: ClassVar[str]
    MAIL_ID: ClassVar[re.Pattern[str]]

    mail_id: str
    to: str
    store: str
    written_at: int

    def __post_init__(self) -> None:
        if not self.is_id(self.mail_id):
            raise ValueError("not a mail id")
        try:
            addresses.parse(self.to)
        except BadAddress:
            raise ValueError("not a mail address") from None

    @classmethod
    def is_id(cls, text: str) -> bool:
        """Return whether this is the id of a mail of this kind."""
        return cls.MAIL_ID.fullmatch(text) is not None

    @classmethod
    def id_of(cls, *parts: str) -> str:
        """Return the id of the mail that these parts tell from any other."""
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
        return f"{cls.KIND}-{digest[:DIGEST_CHARS]}"

    def to_json(self) -> bytes:
        """Return the mail as JSON, as the outbox stores it."""
        fields = {"kind": self.KIND, **dataclasses.asdict(self)}
        return json.dumps(fields).encode("ascii")

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Return the mail of the object of `to_json`. Raises ValueError."""
        try:
            found = {n: v for n, v in fields.items() if n != "kind"}
            return cls(**cls._parsed(found))
        except (
            AttributeError,
            KeyError,
            TypeError,
            RecursionError,
        ) as error:
            raise ValueError(f"not a mail of kind {cls.KIND}") from error

    @classmethod
    def _parsed(cls, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the values of fields that JSON has in another form."""
        return fields


class MailTemplates:
    """Templates of a mail's text and its HTML, `NAME.txt` and `NAME.html`."""

    def __init__(self, name: str) -> None:
        templates = messages.environment()
        self._text = templates.get_template(f"{name}.txt")
        self._html = templates.get_template(f"{name}.html")

    def render(
        self,
        mail: StoredMail,
        sender: Address,
        subject: str,
        **context: object,
    ) -> EmailMessage:
        """Return the MIME message of a mail, in the current language."""
        message = messages.new_message(
            sender,
            store=mail.store,
            to=mail.to,
            subject=subject,
            at=mail.written_at,
            mail_id=mail.mail_id,
        )
        context |= {
            "mail": mail,
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
