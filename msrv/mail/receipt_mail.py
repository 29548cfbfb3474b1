# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipt mails: stored in the outbox, and rendered when they are sent.

A `ReceiptMail` states the order but holds no signed receipt. That is signed
when the mail is rendered, so that a copy of the outbox gives no access to
downloads. Rendering is deterministic to the last byte: a mail that is sent
twice, after a connection broke at the wrong moment, is recognised as one.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from enum import Enum
from typing import Any, Final, Self

from markupsafe import Markup

from msrv.catalog import markdown
from msrv.catalog.texts.legal_texts import LABELS, LegalKind, legal_path
from msrv.mail import addresses, headers
from msrv.mail.purchase_list import MailedPurchase, receipt_from_json
from msrv.mail.stored_mail import MailTemplates, StoredMail
from msrv.money import Money
from msrv.proofs import grants, receipts
from msrv.proofs.gifts.gift import Gift
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import ORDER_ID
from msrv.proofs.receipts import Receipt
from msrv.translations import (
    gettext,
    gettext_noop,
    language_set_to,
)
from msrv.translations.catalogs import SOURCE
from msrv.translations.dates import format_date_time
from msrv.translations.negotiation import parse_language

_GROUP_CHARS: Final = 4


class MailKind(Enum):
    """Kind of a receipt mail: to the buyer, or of a gift.

    The recipient of a gift gets the receipt, and its payer a bill without
    links. FOUND lists all purchases of an address, on request; REISSUED has a
    receipt that replaces an earlier one. REFUND tells the payer of one.
    """

    RECEIPT = "receipt"
    GIFT = "gift"
    BILL = "bill"
    FOUND = "found"
    REISSUED = "reissued"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class RefundNote:
    """Refund of an order: an amount, for the lines `items`.

    For the order as such without `items`, whose links have ended; with
    `ends_all`, the links of all lines have. `at` is when it was made, in Unix
    seconds, 0 if that is unknown.
    """

    amount_minor: int = 0
    items: tuple[str, ...] = ()
    ends_all: bool = False
    at: int = 0


@dataclass(frozen=True, slots=True)
class ReceiptMail(StoredMail):
    """A receipt to be sent by mail.

    `mail_id` is the order's id, with a time appended where the buyer has
    asked for the mail again: two mails with one id are the same mail.
    `base_url` is the store's address, `store` its name, `contact` as in
    `store.toml`. `titles` are those of the receipt's lines. `thanks` are the
    seller's notes, in Markdown. `written_at` is in Unix seconds. `gift` is the
    gift that a gift's mail, or a bill, is about, `refund` what a refund's mail
    is about. `language` is that of the mail, as `Language.code`; English if it
    is empty. `purchases` are those of a list, whose first one's order the mail
    is named after. `legal` are the kinds of the store's legal texts,
    `consent_text` is what the buyer agreed to. With `adds_tax`, the payment
    provider may have added tax to the prices, which the store doesn't know.
    Raises ValueError for invalid values.
    """

    KIND = "receipt"
    MAIL_ID = re.compile(
        rf"{ORDER_ID}(?:-gift|-bill|-found|-reissued|-refund)?"
        r"(?:-[0-9]{1,15})?"
    )

    receipt: Receipt
    titles: tuple[str, ...]
    base_url: str
    contact: str
    thanks: tuple[str, ...] = ()
    kind: MailKind = MailKind.RECEIPT
    gift: Gift = field(default_factory=Gift)
    language: str = ""
    purchases: tuple[MailedPurchase, ...] = ()
    legal: tuple[str, ...] = ()
    refund: RefundNote = field(default_factory=RefundNote)
    consent_text: str = ""
    adds_tax: bool = False

    def __post_init__(self) -> None:
        StoredMail.__post_init__(self)
        if len(self.titles) != len(self.receipt.lines):
            raise ValueError("not a title for each line")

    @property
    def name(self) -> str:
        """Name for the log."""
        return f"{_NAMES[self.kind]} {self.receipt.order_id}"

    @property
    def total(self) -> Money:
        """Sum of the prices, without any tax that was added to them."""
        return Money(self.receipt.total_minor, self.receipt.currency)

    @property
    def masked_recipient(self) -> str:
        """The gift's address, masked; empty if it has none."""
        return addresses.masked(self.gift.to) if self.gift.to else ""

    @property
    def is_given(self) -> bool:
        """True if the seller gave it to somebody who bought elsewhere."""
        return self.receipt.provider == grants.PROVIDER

    @property
    def lines(self) -> list[tuple[str, Money]]:
        """Titles and prices of what was bought."""
        return [
            (title, Money(line.price_minor, self.receipt.currency))
            for title, line in zip(
                self.titles, self.receipt.lines, strict=True
            )
        ]

    @property
    def refunded(self) -> Money:
        """The amount that was refunded."""
        return Money(self.refund.amount_minor, self.receipt.currency)

    @property
    def refunded_titles(self) -> list[str]:
        """Titles of the lines that were refunded, none for an amount."""
        return [
            title
            for title, line in zip(
                self.titles, self.receipt.lines, strict=True
            )
            if line.item_id in self.refund.items
        ]

    def to_json(self) -> bytes:
        """Return the mail as JSON, as the outbox stores it."""
        fields = dataclasses.asdict(self)
        # The name in the outboxes of all versions.
        fields["letter_id"] = fields.pop("mail_id")
        # Older versions don't know these.
        if self.receipt.consent is None:
            del fields["receipt"]["consent"]
        for name in ("thanks", "legal", "consent_text", "adds_tax"):
            if not fields[name]:
                del fields[name]
        if self.language in {"", SOURCE}:
            del fields["language"]
        if not self.purchases:
            del fields["purchases"]
        kind, gift = fields.pop("kind"), fields.pop("gift")
        refund = fields.pop("refund")
        if kind is MailKind.REFUND:
            if not refund["at"]:
                del refund["at"]
            fields["refund"] = refund
        if kind is not MailKind.RECEIPT:
            fields |= {"kind": kind.value, "gift": gift}
        return json.dumps(fields).encode("ascii")

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Parse what `to_json` returned. Raises ValueError."""
        try:
            fields = json.loads(text)
            fields["mail_id"] = fields.pop("letter_id")
            fields["receipt"] = receipt_from_json(fields["receipt"])
            fields["titles"] = tuple(fields["titles"])
            fields["thanks"] = tuple(fields.get("thanks", ()))
            fields["purchases"] = tuple(
                map(MailedPurchase.from_json, fields.get("purchases", ()))
            )
            fields["legal"] = tuple(map(LegalKind, fields.get("legal", ())))
            if "kind" in fields:
                fields["kind"] = MailKind(fields["kind"])
                fields["gift"] = Gift(**fields["gift"])
            if "refund" in fields:
                fields["refund"] = _refund(fields["refund"])
            return cls(**fields)
        except (AttributeError, KeyError, TypeError, RecursionError) as error:
            raise ValueError("not a receipt mail") from error


_NAMES: Final[Mapping[MailKind, str]] = {
    MailKind.RECEIPT: "receipt of order",
    MailKind.GIFT: "gift of order",
    MailKind.BILL: "bill of order",
    MailKind.FOUND: "list of purchases with order",
    MailKind.REISSUED: "new receipt of order",
    MailKind.REFUND: "refund of order",
}
# The sender's name stands in none of them: it is the payer's own text.
_SUBJECTS: Final[Mapping[MailKind, str]] = {
    MailKind.RECEIPT: gettext_noop("Your receipt from %(store)s"),
    MailKind.GIFT: gettext_noop("A gift for you from %(store)s"),
    MailKind.BILL: gettext_noop("Your bill from %(store)s"),
    MailKind.FOUND: gettext_noop("Your purchases at %(store)s"),
    MailKind.REISSUED: gettext_noop("Your new receipt from %(store)s"),
    MailKind.REFUND: gettext_noop("Your refund from %(store)s"),
}


class ReceiptRenderer:
    """Renderer of receipt mails: text and HTML, signed by one keyring."""

    def __init__(self, keyring: Keyring, sender: Address) -> None:
        self._keyring = keyring
        self._sender = sender
        self._templates = {
            kind: MailTemplates(kind.value) for kind in MailKind
        }

    @property
    def sender(self) -> str:
        """Address that mails are sent from."""
        return self._sender.addr_spec

    def render(self, mail: ReceiptMail) -> EmailMessage:
        """Return the MIME message of a receipt mail, in its language."""
        with language_set_to(parse_language(mail.language)):
            return self._render(mail)

    def _render(self, mail: ReceiptMail) -> EmailMessage:
        token = receipts.sign(self._keyring, mail.receipt)
        query = "?gift=1" if mail.kind is MailKind.GIFT else ""
        number = mail.receipt.order_id
        thanks = [
            markdown.with_absolute_links(note, mail.base_url)
            for note in mail.thanks
        ]
        return self._templates[mail.kind].render(
            mail,
            self._sender,
            gettext(
                _SUBJECTS[mail.kind], store=headers.single_line(mail.store)
            ),
            address=f"{mail.base_url}/purchases/{token}{query}",
            number=[
                number[at : at + _GROUP_CHARS]
                for at in range(0, len(number), _GROUP_CHARS)
            ],
            thanks=[
                (note, Markup(markdown.render(note).html))  # noqa: S704 - no raw HTML
                for note in thanks
            ],
            bought=format_date_time(mail.receipt.issued_at),
            refunded=format_date_time(mail.refund.at)
            if mail.refund.at
            else "",
            purchases=[
                (
                    each,
                    f"{mail.base_url}{each.path(self._keyring)}",
                    format_date_time(each.receipt.issued_at),
                )
                for each in mail.purchases
            ],
            legal=[
                (
                    gettext(LABELS[LegalKind(kind)]),
                    f"{mail.base_url}{legal_path(LegalKind(kind))}",
                )
                for kind in mail.legal
            ],
        )


def _refund(fields: Mapping[str, Any]) -> RefundNote:
    return RefundNote(**{**fields, "items": tuple(fields["items"])})
