# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Gifts: for whom an order is, with which note, and from whom.

A gift travels in the order's quote, and thereby through the payment provider
and through addresses, so it is encrypted. The encryption is deterministic
(AES-SIV, RFC 5297): the same order twice is one payment, and one quote.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from msrv.proofs.encoding import MAX_TOKEN_CHARS, decode, encode, from_json
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Generation, Keyring, Purpose

MAX_NOTE_CHARS: Final = 300
MAX_NOTE_LINES: Final = 8
MAX_SENDER_CHARS: Final = 60
# `msrv.mail` knows what an address is; here it only must not break anything.
_ADDRESS: Final = re.compile(r"(?:[\x21-\x7e\xa1-\U0010ffff]{3,254})?")
_CONTROL: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_BIDI_CONTROLS: Final = frozenset(
    "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_QUOTED: Final = b"quote"


@dataclass(frozen=True, slots=True)
class Gift:
    """A gift: the recipient's mail address, a note, and the sender's name.

    Each may be empty. The note has up to MAX_NOTE_LINES lines, the name one.
    Raises ValueError for texts that are too long or have control characters.
    """

    to: str = ""
    note: str = ""
    sender: str = ""

    def __post_init__(self) -> None:
        if not _ADDRESS.fullmatch(self.to) or not self.to.isprintable():
            raise ValueError("not a mail address")
        lines = self.note.split("\n")
        if len(self.note) > MAX_NOTE_CHARS or not all(map(_is_line, lines)):
            raise ValueError("not a note")
        if len(lines) > MAX_NOTE_LINES:
            raise ValueError("a note of too many lines")
        if len(self.sender) > MAX_SENDER_CHARS or not _is_line(self.sender):
            raise ValueError("not a sender's name")

    def to_json(self) -> dict[str, str]:
        """Return what is not empty, as JSON."""
        stated = {"from": self.sender, "note": self.note, "to": self.to}
        return {name: text for name, text in stated.items() if text}

    @classmethod
    def from_json(cls, stated: Any) -> Self:  # noqa: ANN401 - JSON
        """Parse what `to_json` returned. Raises ValueError or TypeError."""
        known = {"from", "note", "to"}
        if not isinstance(stated, dict) or not stated.keys() <= known:
            raise ValueError("not a gift")
        return cls(
            to=stated.get("to", ""),
            note=stated.get("note", ""),
            sender=stated.get("from", ""),
        )


def seal(keyring: Keyring, gift: Gift) -> str:
    """Return a gift, encrypted for a quote: base64url."""
    return encrypt(keyring.current, _QUOTED, gift.to_json())


def unseal(keyring: Keyring, text: str) -> Gift:
    """Decrypt a gift from a verified quote. Raises Forged."""
    stated = decrypt(keyring.generations, _QUOTED, text)
    try:
        return Gift.from_json(stated)
    except (TypeError, ValueError):
        raise Forged from None


def encrypt(keys: Generation, use: bytes, content: object) -> str:
    """Return JSON encrypted by the key for gifts, as base64url.

    `use` separates what is encrypted for one use from that for another.
    """
    cipher = AESSIV(keys.key(Purpose.GIFT))
    # UTF-8, unlike `to_json`: a Japanese note would be twice as long.
    text = json.dumps(
        content, ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    return encode(cipher.encrypt(text.encode("utf-8"), [use]))


def decrypt(generations: tuple[Generation, ...], use: bytes, text: str) -> Any:  # noqa: ANN401 - JSON
    """Return what `encrypt` made a text of. Raises Forged."""
    if len(text) > MAX_TOKEN_CHARS or not text.isascii():
        raise Forged
    encrypted = decode(text)
    for keys in generations:
        try:
            content = AESSIV(keys.key(Purpose.GIFT)).decrypt(encrypted, [use])
        except (InvalidTag, ValueError):  # ValueError: too short
            continue
        return from_json(content)
    raise Forged


def _is_line(text: str) -> bool:
    """Return whether a text has no control characters and line breaks."""
    # A mail or a page may show it to somebody else than the one who wrote it.
    return not any(
        unicodedata.category(each) in _CONTROL or each in _BIDI_CONTROLS
        for each in text
    )
