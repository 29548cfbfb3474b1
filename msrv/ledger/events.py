# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Events of the ledger, and their JSON form in the spool.

Each may be applied to the database twice, late, and in any order: two replicas
may record the same sale, and a refund may arrive before its sale. An event is
validated when it is created, and so is one that is read from the spool.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from msrv.ledger.intervals import Intervals
from msrv.ledger.operators.acts import OperatorAct
from msrv.ledger.reversals.event import Reversal
from msrv.ledger.withdrawals.events import WithdrawalHandled, WithdrawalStated
from msrv.proofs.consents import Consent
from msrv.proofs.orders import (
    MAX_LINES,
    MAX_PRICE_MINOR,
    MAX_TIME,
    check_number,
    is_item_id,
    is_order_id,
)
from msrv.taxes.sale_tax import SaleTax

WHOLE_ORDER: Final = ""
"""`item_id` of an event that concerns a whole order."""
BUYER_MARK: Final = "buyer."
"""Start of the `code_id` that marks an order as one of a buyer's."""
TITLE_CHARS: Final = 200
_MAX_RANGES: Final = 256
_MAX_BYTES: Final = 2**62
_WORD: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VERSION: Final = re.compile(r"[0-9a-f]{16}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_REFERENCE: Final = re.compile(r"[\x21-\x7e]{0,255}")


def clean_title(text: str) -> str:
    """Return a title that any database can store.

    Unprintable characters become spaces, and it is at most TITLE_CHARS long.
    """
    good = text.encode("utf-8", "replace").decode("utf-8")
    kept = "".join(each if each.isprintable() else " " for each in good)
    return kept[:TITLE_CHARS].strip() or "?"


@dataclass(frozen=True, slots=True)
class SoldLine:
    """Item of a sale, with the price and the title at that time."""

    item_id: str
    price_minor: int
    title: str

    def __post_init__(self) -> None:
        _check_item(self.item_id)
        check_number(self.price_minor, MAX_PRICE_MINOR)
        if not isinstance(self.title, str) or self.title != clean_title(
            self.title
        ):
            raise ValueError("not a title")


@dataclass(frozen=True, slots=True)
class Sale:
    """Sale of an order that was paid, or was free.

    `sold_at` is the time on the receipt in Unix seconds, so that two replicas
    that record the same sale record the same event. `reference` is the payment
    provider's id of the payment, `consent` the receipt's, None without one.
    `tax` is the buyer's country and the tax, None where nothing is known.
    """

    order_id: str
    sold_at: int
    provider: str
    currency: str
    lines: tuple[SoldLine, ...]
    reference: str = ""
    consent: Consent | None = None
    tax: SaleTax | None = None

    def __post_init__(self) -> None:
        _check_order(self.order_id)
        check_number(self.sold_at, MAX_TIME)
        _check_text(self.provider, _WORD)
        _check_text(self.currency, _CURRENCY)
        _check_text(self.reference, _REFERENCE)
        if not 1 <= len(self.lines) <= MAX_LINES:
            raise ValueError("no lines, or too many")
        if len({line.item_id for line in self.lines}) != len(self.lines):
            raise ValueError("an item twice")

    @property
    def total_minor(self) -> int:
        """Price of the order, in minor units of the currency."""
        return sum(line.price_minor for line in self.lines)


@dataclass(frozen=True, slots=True)
class _Change:
    """Change of an order, or of one item of it.

    `item_id` is WHOLE_ORDER for the order. Of two changes the later one
    counts, in whichever order they arrive: `at_ms` is in Unix milliseconds.
    `by` is the source: `cli`, `studio`, or the name of a payment provider.
    """

    order_id: str
    item_id: str
    at_ms: int
    by: str

    def __post_init__(self) -> None:
        _check_order(self.order_id)
        if self.item_id != WHOLE_ORDER:
            _check_item(self.item_id)
        check_number(self.at_ms, MAX_TIME)
        _check_text(self.by, _WORD)


class Revoked(_Change):
    """Revocation: the item or order may no longer be downloaded."""

    __slots__ = ()


class Restored(_Change):
    """Undoing of a revocation: it may be downloaded again."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Use of a code or discount by an order, or of a mail sent once.

    Also the mark that an order was placed by a buyer.

    `code_id` identifies the use, and is not the code itself. Times are in Unix
    seconds.
    """

    code_id: str
    order_id: str
    redeemed_at: int

    def __post_init__(self) -> None:
        _check_text(self.code_id, _WORD)
        _check_order(self.order_id)
        check_number(self.redeemed_at, MAX_TIME)


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """Webhook event of a payment provider, recorded once for each id."""

    provider: str
    event_id: str
    kind: str
    order_id: str
    received_at: int

    def __post_init__(self) -> None:
        _check_text(self.provider, _WORD)
        if not self.event_id:
            raise ValueError("not an event's id")
        _check_text(self.event_id, _REFERENCE)
        _check_text(self.kind, _WORD)
        if self.order_id:
            _check_order(self.order_id)
        check_number(self.received_at, MAX_TIME)


@dataclass(frozen=True, slots=True)
class Delivered:
    """Delivery of bytes of an item to its buyer.

    `version` is the `content_version` of its ETag: bytes of two versions don't
    add up to one file. `ranges` is a union of intervals within `size_bytes`.
    """

    order_id: str
    item_id: str
    version: str
    size_bytes: int
    ranges: Intervals
    at: int

    def __post_init__(self) -> None:
        _check_order(self.order_id)
        _check_item(self.item_id)
        _check_text(self.version, _VERSION)
        check_number(self.size_bytes, _MAX_BYTES)
        check_number(self.at, MAX_TIME)
        if not 1 <= len(self.ranges) <= _MAX_RANGES:
            raise ValueError("no ranges, or too many")
        for start, stop in self.ranges:
            check_number(stop, self.size_bytes)
            check_number(start, stop - 1)


@dataclass(frozen=True, slots=True)
class Redemption:
    """A code's order as the ledger has it: its time and currency."""

    redeemed_at: int
    currency: str


def grant_mail(order_id: str, at: int) -> Redeemed:
    """Return the event that the mail of a granted order was queued."""
    return Redeemed(grant_mail_id(order_id), order_id, at)


def grant_mail_id(order_id: str) -> str:
    """Return the `code_id` of the mail of a granted order."""
    return f"grant-mail.{order_id.lower()}"


def discount_use(name: str, order_id: str, at: int) -> Redeemed:
    """Return the event that an order used a discount; once for each order."""
    prefix = discount_use_prefix(name)
    return Redeemed(f"{prefix}{order_id.lower()}", order_id, at)


def discount_use_prefix(name: str) -> str:
    """Return the common prefix of the `code_id` of a discount's uses."""
    return f"discount.{name.lower()}."


Event = (
    Sale
    | Revoked
    | Restored
    | Redeemed
    | PaymentEvent
    | Delivered
    | OperatorAct
    | Reversal
    | WithdrawalStated
    | WithdrawalHandled
)

_KINDS: Final[dict[str, type[Event]]] = {
    "sale": Sale,
    "revoked": Revoked,
    "restored": Restored,
    "redeemed": Redeemed,
    "payment": PaymentEvent,
    "delivered": Delivered,
    "act": OperatorAct,
    "reversal": Reversal,
    "withdrawal": WithdrawalStated,
    "withdrawal-handled": WithdrawalHandled,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_FIELDS: Final = {
    kind: tuple(each.name for each in dataclasses.fields(kind))
    for kind in _NAMES
}


def event_to_json(event: Event) -> bytes:
    """Return an event as one line of ASCII, without a line feed."""
    fields: dict[str, Any] = {"event": _NAMES[type(event)]}
    for name in _FIELDS[type(event)]:
        fields[name] = getattr(event, name)
    if isinstance(event, Sale):
        fields["lines"] = [
            (each.item_id, each.price_minor, each.title)
            for each in event.lines
        ]
        # Older versions don't know them.
        del fields["consent"], fields["tax"]
        if event.consent is not None:
            fields["consent"] = event.consent.to_json()
        if event.tax is not None:
            fields["tax"] = event.tax.to_json()
    if isinstance(event, OperatorAct) and not event.actor:
        del fields["actor"]  # as above
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


def event_from_json(text: bytes) -> Event:
    """Parse the result of `event_to_json`. Raises ValueError."""
    try:
        fields = json.loads(text)
        kind = _KINDS[fields.pop("event")]
        for name, parse in _PARSERS.items():
            if name in fields:
                fields[name] = parse(fields[name])
        return kind(**fields)
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("not an event") from error


def _lines(value: Iterable[Any]) -> tuple[SoldLine, ...]:
    return tuple(SoldLine(*each) for each in value)


def _ranges(value: Iterable[Any]) -> Intervals:
    return tuple((start, stop) for start, stop in value)


_PARSERS: Final[dict[str, Callable[[Any], Any]]] = {
    "consent": Consent.from_json,
    "lines": _lines,
    "ranges": _ranges,
    "items": tuple,
    "tax": SaleTax.from_json,
}


def _check_order(order_id: str) -> None:
    if not is_order_id(order_id):
        raise ValueError("not an order id")


def _check_item(item_id: str) -> None:
    if not is_item_id(item_id):
        raise ValueError("not an item id")


def _check_text(text: str, form: re.Pattern[str]) -> None:
    if not form.fullmatch(text):
        raise ValueError("not in the expected form")
