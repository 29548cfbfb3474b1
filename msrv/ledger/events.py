"""What happened, as values that are spooled and posted.

Each may be posted twice, late, and in any order: two replicas may tell of
one sale, and a refund may come before its sale. An event that exists is a
good one: its rules are checked as it is made, and it is read as strictly.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from msrv.ledger.intervals import Intervals
from msrv.proofs.orders import (
    MAX_LINES,
    MAX_PRICE_MINOR,
    MAX_TIME,
    check_number,
    is_item_id,
    is_order_id,
)

WHOLE: Final = ""
"""The `item_id` of what concerns a whole order."""
TITLE_CHARS: Final = 200
_MAX_RANGES: Final = 256
_MAX_BYTES: Final = 2**62
_WORD: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_VERSION: Final = re.compile(r"[0-9a-f]{16}")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_REFERENCE: Final = re.compile(r"[\x21-\x7e]{0,255}")


def plain(text: str) -> str:
    """Make a title that any database holds: no control, not too long."""
    good = text.encode("utf-8", "replace").decode("utf-8")
    kept = "".join(each if each.isprintable() else " " for each in good)
    return kept[:TITLE_CHARS].strip() or "?"


@dataclass(frozen=True, slots=True)
class SoldLine:
    """One item of a sale, at the price and by the title it was sold."""

    item_id: str
    price_minor: int
    title: str

    def __post_init__(self) -> None:
        _check_item(self.item_id)
        check_number(self.price_minor, MAX_PRICE_MINOR)
        if not isinstance(self.title, str) or self.title != plain(self.title):
            raise ValueError("not a title")


@dataclass(frozen=True, slots=True)
class Sale:
    """An order was paid. `reference` is what its provider calls it.

    `sold_at` is the receipt's own time in Unix seconds, so that two who tell
    of one sale say the same.
    """

    order_id: str
    sold_at: int
    provider: str
    currency: str
    lines: tuple[SoldLine, ...]
    reference: str = ""

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
        """What was paid, in minor units of the currency."""
        return sum(line.price_minor for line in self.lines)


@dataclass(frozen=True, slots=True)
class _Change:
    """Something about an order, or about one item of it, has changed.

    `item_id` is WHOLE for all of it. Of two changes to one thing the later
    one counts, whichever is told first: `at_ms` is in Unix milliseconds.
    `by` is who says so: `cli`, `studio`, a provider's name.
    """

    order_id: str
    item_id: str
    at_ms: int
    by: str

    def __post_init__(self) -> None:
        _check_order(self.order_id)
        if self.item_id != WHOLE:
            _check_item(self.item_id)
        check_number(self.at_ms, MAX_TIME)
        _check_text(self.by, _WORD)


class Revoked(_Change):
    """It was refunded, and may no longer be downloaded."""

    __slots__ = ()


class Restored(_Change):
    """It may be downloaded again."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Redeemed:
    """A code was turned into an order; `code_id` is not the code itself."""

    code_id: str
    order_id: str
    redeemed_at: int

    def __post_init__(self) -> None:
        _check_text(self.code_id, _WORD)
        _check_order(self.order_id)
        check_number(self.redeemed_at, MAX_TIME)


@dataclass(frozen=True, slots=True)
class PaymentEvent:
    """A provider told of something; once for each of its event ids."""

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
    """Bytes of an item, as one version of it, have left for a buyer.

    `version` is `version_of` its entity tag: bytes of two versions make no
    file together. `ranges` is a union of intervals within `size_bytes`.
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
class Act:
    """An operator did something in the studio.

    `act_id` tells it from every other. `session` is the number of the sign-in
    that it was done under, `subject` what it was done to, or empty; `at_ms`
    is in Unix milliseconds.
    """

    act_id: str
    at_ms: int
    session: str
    act: str
    subject: str = ""

    def __post_init__(self) -> None:
        _check_text(self.act_id, _WORD)
        check_number(self.at_ms, MAX_TIME)
        _check_text(self.session, _WORD)
        _check_text(self.act, _WORD)
        _check_text(self.subject, _REFERENCE)


Event = Sale | Revoked | Restored | Redeemed | PaymentEvent | Delivered | Act

_KINDS: Final[dict[str, type[Event]]] = {
    "sale": Sale,
    "revoked": Revoked,
    "restored": Restored,
    "redeemed": Redeemed,
    "payment": PaymentEvent,
    "delivered": Delivered,
    "act": Act,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


def to_json(event: Event) -> bytes:
    """Write an event as one line of ASCII, without its line feed."""
    fields: dict[str, Any] = {"event": _NAMES[type(event)]}
    for each in dataclasses.fields(event):
        fields[each.name] = getattr(event, each.name)
    if isinstance(event, Sale):
        fields["lines"] = [dataclasses.astuple(each) for each in event.lines]
    return json.dumps(fields, separators=(",", ":")).encode("ascii")


def from_json(text: bytes) -> Event:
    """Read what `to_json` wrote. Raises ValueError for anything else."""
    try:
        fields = json.loads(text)
        kind = _KINDS[fields.pop("event")]
        for name, read in _READ.items():
            if name in fields:
                fields[name] = read(fields[name])
        return kind(**fields)
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("not an event") from error


def _lines(value: Iterable[Any]) -> tuple[SoldLine, ...]:
    return tuple(SoldLine(*each) for each in value)


def _ranges(value: Iterable[Any]) -> Intervals:
    return tuple((start, stop) for start, stop in value)


_READ: Final[dict[str, Callable[[Any], Any]]] = {
    "lines": _lines,
    "ranges": _ranges,
}


def _check_order(order_id: str) -> None:
    if not is_order_id(order_id):
        raise ValueError("not an order id")


def _check_item(item_id: str) -> None:
    if not is_item_id(item_id):
        raise ValueError("not an item id")


def _check_text(text: str, form: re.Pattern[str]) -> None:
    if not form.fullmatch(text):
        raise ValueError("not in its form")
