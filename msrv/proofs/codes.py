# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Printed codes: twenty letters and digits, redeemable once for one item.

    EZDR-T900-01EV-FJYD-DE2Z

A code states an item, a campaign and a serial number, and has a MAC over the
three: nothing is stored when codes are minted. Only the ledger knows whether
one has been used; this module only verifies that the store minted it.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from msrv.proofs.encoding import mac
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Generation, Keyring, Purpose
from msrv.proofs.orders import is_campaign, is_item_id

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""32 characters, without I, L, O and U, which are mistaken for others."""
CODE_CHARS: Final = 20
GROUP_CHARS: Final = 4
MAX_SERIAL: Final = 32**4 - 1
CLAIM_BYTES: Final = 16
"""Size of a claim: a random secret of the browser that redeemed a code."""

_ITEM_CHARS: Final = 3
_CAMPAIGN_CHARS: Final = 3
_SERIAL_CHARS: Final = 4
_FACTS_CHARS: Final = _ITEM_CHARS + _CAMPAIGN_CHARS + _SERIAL_CHARS
# 45 bits, to be guessed against the running store: a million guesses succeed
# with a probability of 1 in 35 million, and far fewer are allowed
# (docs/codes.md).
_TAG_CHARS: Final = 9

_ORDER_BYTES: Final = 15
_ID_CHARS: Final = 8
_VALUES: Final = {character: value for value, character in enumerate(ALPHABET)}
# Characters that people mistake for others, and type between the groups.
_READ_AS: Final = str.maketrans("OILU", "011V")
_BETWEEN: Final = re.compile(r"[\s\-_.\u2010-\u2015\u2212]+")
_LONGEST_TEXT: Final = 200


class Mistyped(Exception):
    """Not a code as printed. The error reveals nothing secret.

    - `WrongLength`: too few characters, or too many
    - `WrongCharacter`: a character that no code contains
    - `WrongCheckCharacter`: one character is wrong, or two are swapped
    """


class WrongLength(Mistyped):
    """A code has CODE_CHARS characters; this has `count`."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        self.count = count


class WrongCharacter(Mistyped):
    """`character` isn't part of any code."""

    def __init__(self, character: str) -> None:
        super().__init__(character)
        self.character = character


class WrongCheckCharacter(Mistyped):
    """The last character doesn't match the others."""


@dataclass(frozen=True, slots=True)
class Code:
    """A verified code, and the generation of keys that minted it.

    `campaign_tag` is three characters derived from the campaign's name.
    `serial` is from 0 to MAX_SERIAL.
    """

    item_id: str
    campaign_tag: str
    serial: int
    facts: str
    generation: Generation

    @property
    def code_id(self) -> str:
        """Id of the code in the ledger, from which the code can't be derived.

        It depends on NONCE as well as on what the code states.
        """
        tag = self._derived(b"id")[: _ID_CHARS // 2].hex()
        return f"{self.facts.lower()}.{tag}"

    def order_id(self, claim: bytes) -> str:
        """Return the id of the order of this code and a claim.

        The same claim leads to the same order again, and no other claim
        does. Raises ValueError for a claim of the wrong size.
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
    """Return the three-character tag of an item. Two items may share it."""
    return _digest(b"item", item_id, _ITEM_CHARS)


def campaign_tag(campaign: str) -> str:
    """Return the three-character tag of a campaign.

    It depends on nothing but the name, so that a store can end a campaign by
    its name. Two names share a tag with a probability of 1 in 32,768.
    """
    return _digest(b"campaign", campaign, _CAMPAIGN_CHARS)


def mint(
    keyring: Keyring, item_id: str, campaign: str, serials: Iterable[int]
) -> Iterator[str]:
    """Yield the codes of some serials, in groups as they are printed.

    A serial always has the same code. Raises ValueError for an invalid item
    id, campaign or serial.
    """
    if not is_item_id(item_id) or not is_campaign(campaign):
        raise ValueError("not an item id, or not a campaign")
    start = item_tag(item_id) + campaign_tag(campaign)
    for serial in serials:
        if not 0 <= serial <= MAX_SERIAL:
            raise ValueError("not a serial")
        facts = start + _characters(serial, _SERIAL_CHARS)
        body = facts + _tag(keyring.current, facts, item_id)
        yield format_groups(body + check_character(body))


def format_groups(code: str) -> str:
    """Return a code as it is printed, in groups of four with dashes."""
    return "-".join(
        code[at : at + GROUP_CHARS] for at in range(0, len(code), GROUP_CHARS)
    )


def normalize(text: str) -> str:
    """Return the CODE_CHARS characters of a code that a person typed.

    Case, spaces and dashes are ignored; O is read as 0, I and L as 1, U as V.
    Raises Mistyped.
    """
    code = _BETWEEN.sub("", text[:_LONGEST_TEXT]).upper().translate(_READ_AS)
    for character in code:
        if character not in _VALUES:
            raise WrongCharacter(character)
    if len(code) != CODE_CHARS:
        raise WrongLength(len(code))
    if check_character(code[:-1]) != code[-1]:
        raise WrongCheckCharacter
    return code


def verify(keyring: Keyring, code: str, item_ids: Iterable[str]) -> Code:
    """Verify a code, as `normalize` returns it, and return what it states.

    `item_ids` are the items with the tag of the code (`item_tag_of`). Raises
    Forged.
    """
    facts = code[:_FACTS_CHARS]
    tag = code[_FACTS_CHARS:-1]
    for item_id in item_ids:
        for generation in keyring.generations:
            if hmac.compare_digest(_tag(generation, facts, item_id), tag):
                return Code(
                    item_id=item_id,
                    campaign_tag=facts[_ITEM_CHARS:][:_CAMPAIGN_CHARS],
                    serial=_number(facts[-_SERIAL_CHARS:]),
                    facts=facts,
                    generation=generation,
                )
    raise Forged


def item_tag_of(code: str) -> str:
    """Return the item tag in a code."""
    return code[:_ITEM_CHARS]


def check_character(body: str) -> str:
    """Return the check character for the characters before it.

    Characters are elements of the field of 32 (polynomial x^5 + x^2 + 1).
    Each is multiplied by a different power of x, and their sum is zero. As no
    two powers are the same, one wrong character is always detected, and so
    are two that are swapped.
    """
    total = 0
    for character in body:
        # Horner's rule, from the left: times x, and the next one.
        total = _times_x(total ^ _VALUES[character])
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
    """Return the first bits of a digest, five in each character."""
    number = int.from_bytes(digest[:8], "big")
    return _characters(number >> 64 - 5 * chars, chars)


def _characters(number: int, chars: int) -> str:
    return "".join(
        ALPHABET[number >> 5 * place & 31] for place in reversed(range(chars))
    )


def _number(characters: str) -> int:
    number = 0
    for character in characters:
        number = number << 5 | _VALUES[character]
    return number
