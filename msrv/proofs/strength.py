"""Whether a NONCE that a person chose can be guessed.

It finds what is plainly weak; it can't know that a NONCE is strong. What it
says never repeats any of the NONCE, so that it can be logged.
"""

import math
import re
import string
from typing import Final

ENOUGH_BITS: Final = 128

# Fewer than any 128 random bits have, be they written in decimal digits.
_FEW_CHARACTERS: Final = 8

# A run that needs no thought counts as the one character it is worth.
# Of four letters at least: shorter ones turn up in random text by chance.
_WELL_KNOWN: Final = re.compile(
    "abcdefghijklmnopqrstuvwxyz|abcdef|0123456789|1234567890|123456789"
    "|12345678|123456|12345|1234|qwertyuiop|qwertz|qwerty|azerty|asdfghjkl"
    "|asdf|zxcvbnm|yxcvbnm|change[-_ ]?(?:me|this|it)|replace[-_ ]?(?:me|this)"
    "|password|passwort|passphrase|passwd|secret|geheim|letmein|welcome|admin"
    "|default|example|nonce|msrv|random|string|value|please|store|shop|music"
    "|your|this|that|with|insecure|unsafe|test|demo|development|production"
    "|local|host|hello|world|correct|horse|battery|staple|deadbeef|cafebabe"
    r"|(.)\1{4,}"
)

# Words are worth what a dice list of 7776 gives, however long they are.
_WORDS: Final = re.compile(r"(?:[A-Za-z][a-z]*[-_ .,]+){2,}[A-Za-z][a-z]*")
_BITS_OF_A_WORD: Final = math.log2(7776)

_CLASSES: Final = (
    string.ascii_lowercase,
    string.ascii_uppercase,
    string.digits,
    string.punctuation + " ",
)
_SEPARATORS: Final = str.maketrans("", "", "-_:. {}")


def weakness(nonce: str) -> str | None:
    """Say why a NONCE is weak; None when it is fine.

    The words go after a colon: `NONCE is weak: it repeats a shorter text`.
    """
    rest = _WELL_KNOWN.sub("*", nonce.casefold())
    if rest != nonce.casefold() and _bits(rest) < ENOUGH_BITS:
        return "it is made of well-known words or runs"
    if len(set(nonce)) < _FEW_CHARACTERS:
        return "it has few different characters"
    if nonce in (nonce + nonce)[1:-1]:
        return "it repeats a shorter text"
    if _bits(nonce) < ENOUGH_BITS:
        return f"it is too short to hold {ENOUGH_BITS} bits of chance"
    return None


def _bits(text: str) -> float:
    """Estimate how many bits of chance a text holds, at most."""
    if _WORDS.fullmatch(text):
        return len(re.findall("[A-Za-z]+", text)) * _BITS_OF_A_WORD
    bare = text.translate(_SEPARATORS)
    if re.fullmatch("[0-9a-f]+|[0-9A-F]+", bare):
        return len(bare) * math.log2(10 if bare.isdigit() else 16)
    alphabet = sum(
        len(each) for each in _CLASSES if not set(each).isdisjoint(text)
    )
    # Whatever is outside ASCII was typed by a person, in some one script.
    if not text.isascii():
        alphabet += 32
    return len(text) * math.log2(alphabet)
