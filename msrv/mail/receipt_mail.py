"""A letter: what a buyer is to be told, as it lies in the outbox.

It states the order and holds no receipt: that is signed as the letter is
sent, so that who finds the outbox finds nobody's downloads.
"""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from msrv.mail import addresses
from msrv.mail.errors import BadAddress
from msrv.money import Money
from msrv.proofs.orders import ORDER_ID, Line
from msrv.proofs.receipts import Receipt

_LETTER_ID: Final = re.compile(rf"{ORDER_ID}(?:-[0-9]{{1,15}})?")


@dataclass(frozen=True, slots=True)
class Letter:
    """A receipt to be sent to somebody.

    `letter_id` is the order's id, or that with a time behind it where the
    buyer has asked for it again: two letters of one id are one. `base_url`
    is the store's address, `store` its name, `contact` as `store.toml` has
    it. `titles` are those of the receipt's lines. `written_at` is in Unix
    seconds. Raises ValueError for what no letter can hold.
    """

    letter_id: str
    to: str
    receipt: Receipt
    titles: tuple[str, ...]
    base_url: str
    store: str
    contact: str
    written_at: int

    def __post_init__(self) -> None:
        if not is_letter_id(self.letter_id):
            raise ValueError("not a letter's id")
        if len(self.titles) != len(self.receipt.lines):
            raise ValueError("not a title for each line")
        try:
            addresses.read(self.to)
        except BadAddress:
            raise ValueError("not a mail address") from None

    @property
    def total(self) -> Money:
        """What was paid."""
        return Money(self.receipt.total_minor, self.receipt.currency)

    @property
    def lines(self) -> list[tuple[str, Money]]:
        """What was bought, and for how much."""
        return [
            (title, Money(line.price_minor, self.receipt.currency))
            for title, line in zip(
                self.titles, self.receipt.lines, strict=True
            )
        ]

    def to_json(self) -> bytes:
        """Write it down."""
        return json.dumps(dataclasses.asdict(self)).encode("ascii")

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Read what `to_json` wrote. Raises ValueError for anything else."""
        try:
            fields = json.loads(text)
            fields["receipt"] = _receipt(fields["receipt"])
            fields["titles"] = tuple(fields["titles"])
            return cls(**fields)
        except (AttributeError, KeyError, TypeError, RecursionError) as error:
            raise ValueError("not a letter") from error


def is_letter_id(text: str) -> bool:
    """Whether this can be a letter's id; it is safe as a file's name."""
    return _LETTER_ID.fullmatch(text) is not None


def _receipt(fields: Mapping[str, Any]) -> Receipt:
    lines = tuple(Line(**line) for line in fields["lines"])
    return Receipt(**{**fields, "lines": lines})
