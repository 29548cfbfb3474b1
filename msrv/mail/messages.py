# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""MIME messages: the fields and the parts that all mails have.

Rendering is deterministic to the last byte: a mail that is sent twice, after a
connection broke at the wrong moment, is recognised as one.
"""

import functools
import hashlib
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from jinja2 import (
    Environment,
    PackageLoader,
    StrictUndefined,
    select_autoescape,
)

from msrv.mail import headers
from msrv.money import Money
from msrv.translations import current_language
from msrv.translations.prices import format_price
from msrv.translations.templates import EXTENSIONS, install_translations

_ENCODING: Final = "quoted-printable"
_BOUNDARY_CHARS: Final = 32


@functools.cache
def environment() -> Environment:
    """Return the environment of the mails' templates, each compiled once."""
    templates = Environment(
        loader=PackageLoader("msrv.mail", "templates"),
        # Plain text is not escaped: readers would see `&amp;`.
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=EXTENSIONS,
    )
    install_translations(templates)
    templates.filters["written"] = _written
    return templates


def _written(amount: Money) -> str:
    """Return an amount as the current language writes it."""
    return format_price(
        amount.minor, amount.currency, current_language().formats
    )


def new_message(
    sender: Address,
    *,
    store: str,
    to: str,
    subject: str,
    at: int,
    mail_id: str,
) -> EmailMessage:
    """Return a message with its header fields, and without a body.

    The display name is the sender's, or else the store's name. `at` is in
    Unix seconds.
    """
    message = EmailMessage(policy=headers.MailPolicy())
    message["From"] = headers.mailbox(
        sender.display_name or headers.single_line(store), sender.addr_spec
    )
    message["To"] = headers.mailbox("", to)
    message["Subject"] = headers.unstructured(subject)
    message["Date"] = format_datetime(datetime.fromtimestamp(at, UTC))
    # The same for the same mail, so that a second copy is recognised.
    message["Message-ID"] = headers.FoldedValue(f"<{mail_id}@{sender.domain}>")
    # RFC 3834: no vacation responder answers it.
    message["Auto-Submitted"] = "auto-generated"
    return message


def set_bodies(
    message: EmailMessage, text: str, html: str, mail_id: str
) -> None:
    """Set the text and its HTML alternative, with a stable boundary."""
    message.set_content(text, cte=_ENCODING)
    message.add_alternative(html, subtype="html", cte=_ENCODING)
    digest = hashlib.sha256(mail_id.encode("ascii"))
    message.set_boundary(f"=_{digest.hexdigest()[:_BOUNDARY_CHARS]}")
