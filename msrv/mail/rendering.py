"""From a letter to a mail: text and HTML, and the headers they need.

Written twice, it is the same mail to the last byte: who gets it a second
time, after a connection broke at the wrong moment, can tell.
"""

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
from msrv.mail.receipt_mail import Letter
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring

_ENCODING: Final = "quoted-printable"
_GROUP_CHARS: Final = 4


class Writer:
    """Writes mails, from one sender, with receipts by one keyring."""

    def __init__(self, keyring: Keyring, sender: Address) -> None:
        self._keyring = keyring
        self._sender = sender
        templates = Environment(
            loader=PackageLoader("msrv.mail", "templates"),
            # In text there is nothing to escape; `&amp;` would be read so.
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._html = templates.get_template("receipt.html")
        self._text = templates.get_template("receipt.txt")

    @property
    def sender(self) -> str:
        """The address that mails are from."""
        return self._sender.addr_spec

    def write(self, letter: Letter) -> EmailMessage:
        """Write a mail."""
        mail = EmailMessage(policy=headers.Policy())
        store = headers.plain(letter.store)
        mail["From"] = headers.mailbox(
            self._sender.display_name or store, self._sender.addr_spec
        )
        mail["To"] = headers.mailbox("", letter.to)
        mail["Subject"] = headers.unstructured(f"Your receipt from {store}")
        mail["Date"] = format_datetime(
            datetime.fromtimestamp(letter.written_at, UTC)
        )
        # The same for the same letter: a second copy is known as one.
        mail["Message-ID"] = headers.Folded(
            f"<{letter.letter_id}@{self._sender.domain}>"
        )
        # RFC 3834: no holiday notice answers it.
        mail["Auto-Submitted"] = "auto-generated"
        token = receipts.sign(self._keyring, letter.receipt)
        number = letter.receipt.order_id
        context = {
            "letter": letter,
            "address": f"{letter.base_url}/purchases/{token}",
            "number": [
                number[at : at + _GROUP_CHARS]
                for at in range(0, len(number), _GROUP_CHARS)
            ],
            "bought": datetime.fromtimestamp(letter.receipt.issued_at, UTC),
        }
        mail.set_content(self._text.render(context), cte=_ENCODING)
        mail.add_alternative(
            self._html.render(context), subtype="html", cte=_ENCODING
        )
        digest = hashlib.sha256(letter.letter_id.encode("ascii"))
        mail.set_boundary(f"=_{digest.hexdigest()[:32]}")
        return mail
