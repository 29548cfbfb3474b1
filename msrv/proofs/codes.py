"""A code on paper: twenty letters and digits that are worth one item, once.

    EZDR-T900-01EV-FJYD-DE2Z

It names an item, a campaign and a serial, and carries a MAC over the three:
nothing is written down when codes are minted. Whether one has been used is
the ledger's to know; here it is only told apart from what was made up.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from msrv.proofs.campaigns import is_campaign
from msrv.proofs.encoding import mac
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Generation, Keyring, Purpose
from msrv.proofs.orders import is_item_id

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Thirty-two signs. I, L, O and U are left out: they are taken for others."""
CODE_CHARS: Final = 20
GROUP_CHARS: Final = 4
MAX_SERIAL: Final = 32**4 - 1
CLAIM_BYTES: Final = 16
"""What whoever redeems a code proves by that it was they; random."""

_ITEM_CHARS: Final = 3
_CAMPAIGN_CHARS: Final = 3
_SERIAL_CHARS: Final = 4
_FACTS_CHARS: Final = _ITEM_CHARS + _CAMPAIGN_CHARS + _SERIAL_CHARS
# 45 bits, guessed against the running store: a million guesses find one with
# a chance of 1 in 35 million, and the store allows far fewer (docs/codes.md).
_TAG_CHARS: Final = 9

_ORDER_BYTES: Final = 15
_ID_CHARS: Final = 8
_VALUES: Final = {sign: value for value, sign in enumerate(ALPHABET)}
# What people write for what they read, and what they put in between.
_READ_AS: Final = str.maketrans("OILU", "011V")
_BETWEEN: Final = re.compile(r"[\s\-_.\u2010-\u2015\u2212]+")
_LONGEST_TEXT: Final = 200


class Mistyped(Exception):
    """This can't be a code as it was printed; nothing secret is told.

    - `WrongLength`: signs are missing, or too many
    - `WrongSign`: a sign that no code holds
    - `WrongCheck`: a sign is another one, or two have changed places
    """


class WrongLength(Mistyped):
    """A code has CODE_CHARS signs; this has `count`."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class WrongSign(Mistyped):
    """`sign` is in no code."""

    def __init__(self, sign: str) -> None:
        super().__init__(sign)
        self.sign = sign


class WrongCheck(Mistyped):
    """The last sign doesn't fit the others."""


@dataclass(frozen=True, slots=True)
class Code:
    """What a code says, and whose MAC it is.

    `campaign_tag` is three signs that stand for the campaign's name.
    `serial` is from 0 to MAX_SERIAL.
    """

    item_id: str
    campaign_tag: str
    serial: int
    facts: str
    generation: Generation

    @property
    def code_id(self) -> str:
        """What a ledger knows it by: not the code, and no way to it.

        Codes of another NONCE are others, though they state the same.
        """
        tag = self._derived(b"id")[: _ID_CHARS // 2].hex()
        return f"{self.facts.lower()}.{tag}"

    def order_id(self, claim: bytes) -> str:
        """Give the order that this code becomes for who holds a claim.

        Whoever sends the same claim again comes to the same order, and
        nobody else does. Raises ValueError for a claim of another size.
        """
        if len(claim) != CLAIM_BYTES:
            raise ValueError("not a claim")
        derived = self._derived(b"order", claim)[:_ORDER_BYTES]
        return base64.b32encode(derived).decode("ascii")

    def _derived(self, what: bytes, *more: bytes) -> bytes:
        key = self.generation.key(Purpose.REDEMPTION)
        stated = (self.facts.encode("ascii"), self.item_id.encode("ascii"))
        return mac(key, what, *stated, *more)


def item_tag(item_id: str) -> str:
    """Give the three signs that stand for an item. Two may share them."""
    return _digest(b"item", item_id, _ITEM_CHARS)


def campaign_tag(campaign: str) -> str:
    """Give the three signs that stand for a campaign.

    They depend on its name alone, so that a store can end a campaign by its
    name. Two names in 32,768 share them.
    """
    return _digest(b"campaign", campaign, _CAMPAIGN_CHARS)


def mint(
    keyring: Keyring, item_id: str, campaign: str, serials: Iterable[int]
) -> Iterator[str]:
    """Make the codes of some serials, in groups as they are printed.

    The same code for the same serial, always. Raises ValueError for an item
    id, a campaign or a serial that is none.
    """
    if not is_item_id(item_id) or not is_campaign(campaign):
        raise ValueError("not an item id, or not a campaign")
    start = item_tag(item_id) + campaign_tag(campaign)
    for serial in serials:
        if not 0 <= serial <= MAX_SERIAL:
            raise ValueError("not a serial")
        facts = start + _signs(serial, _SERIAL_CHARS)
        body = facts + _tag(keyring.current, facts, item_id)
        yield in_groups(body + check_sign(body))


def in_groups(code: str) -> str:
    """Write a code as it is printed: groups of four, a dash between."""
    return "-".join(
        code[at : at + GROUP_CHARS] for at in range(0, len(code), GROUP_CHARS)
    )


def tidy(text: str) -> str:
    """Read what a person typed: CODE_CHARS signs of ALPHABET.

    Case, spaces and dashes don't count; O is 0, I and L are 1, U is V.
    Raises Mistyped.
    """
    signs = _BETWEEN.sub("", text[:_LONGEST_TEXT]).upper().translate(_READ_AS)
    for sign in signs:
        if sign not in _VALUES:
            raise WrongSign(sign)
    if len(signs) != CODE_CHARS:
        raise WrongLength(len(signs))
    if check_sign(signs[:-1]) != signs[-1]:
        raise WrongCheck
    return signs


def verify(keyring: Keyring, signs: str, item_ids: Iterable[str]) -> Code:
    """Say what a code states; `signs` are as `tidy` gives them.

    `item_ids` are the items that its first three signs can stand for
    (`item_tag`). Raises Forged.
    """
    facts = signs[:_FACTS_CHARS]
    tag = signs[_FACTS_CHARS:-1]
    for item_id in item_ids:
        for generation in keyring.generations:
            if _same(_tag(generation, facts, item_id), tag):
                return Code(
                    item_id=item_id,
                    campaign_tag=facts[_ITEM_CHARS:][:_CAMPAIGN_CHARS],
                    serial=_number(facts[-_SERIAL_CHARS:]),
                    facts=facts,
                    generation=generation,
                )
    raise Forged


def tag_of_item(signs: str) -> str:
    """Give the three signs of a code that stand for its item."""
    return signs[:_ITEM_CHARS]


def check_sign(body: str) -> str:
    """Give the sign that catches mistakes in those before it.

    Signs are elements of the field of 32 (polynomial x^5 + x^2 + 1). Each is
    multiplied by another power of x, and all of them add up to zero. As no
    two powers are the same, one wrong sign is always found, and so are two
    signs that have changed places.
    """
    total = 0
    for sign in body:
        # Horner's rule, from the left: times x, and the next one.
        total = _times_x(total ^ _VALUES[sign])
    return ALPHABET[total]


def _times_x(value: int) -> int:
    value <<= 1
    return value ^ 0b100101 if value & 0b100000 else value


def _tag(generation: Generation, facts: str, item_id: str) -> str:
    found = mac(
        generation.key(Purpose.CODE),
        facts.encode("ascii"),
        item_id.encode("ascii"),
    )
    return _first(found, _TAG_CHARS)


def _digest(what: bytes, name: str, chars: int) -> str:
    message = b"msrv/v1/code/" + what + b"/" + name.encode("utf-8")
    return _first(hashlib.sha256(message).digest(), chars)


def _first(digest: bytes, chars: int) -> str:
    """Write the first bits of a digest, five in a sign."""
    number = int.from_bytes(digest[:8], "big")
    return _signs(number >> 64 - 5 * chars, chars)


def _signs(number: int, chars: int) -> str:
    return "".join(
        ALPHABET[number >> 5 * place & 31] for place in reversed(range(chars))
    )


def _number(signs: str) -> int:
    number = 0
    for sign in signs:
        number = number << 5 | _VALUES[sign]
    return number


def _same(expected: str, given: str) -> bool:
    return hmac.compare_digest(expected, given)
