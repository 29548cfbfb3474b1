# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Strength of a NONCE: a new strong one, and reasons why others are weak.

It finds obvious weaknesses; it can't prove that a NONCE is strong. The
reasons never repeat any part of the NONCE, so that they can be logged.

Apart from `keyring`: these are heuristics about text, without cryptography.
"""

import math
import re
import string
from collections.abc import Callable
from typing import Final

from msrv.proofs.encoding import encode

ENOUGH_BITS: Final = 128
NONCE_BYTES: Final = 32

# Fewer than any 128 random bits have, be they written in decimal digits.
_FEW_CHARACTERS: Final = 8

# A well-known run counts as one character. Four letters or more: shorter
# ones occur in random text by chance.
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

# A word is worth one of a diceware list of 7776, however long it is.
_WORDS: Final = re.compile(r"(?:[A-Za-z][a-z]*[-_ .,]+){2,}[A-Za-z][a-z]*")
_BITS_PER_WORD: Final = math.log2(7776)
_RUNS_OF_LETTERS: Final = re.compile("[A-Z]?[a-z]{3,}|[A-Z]{4,}")

# Two letters that follow each other in English, German, French or Spanish far
# more often than by chance. A text full of them is language, however it is
# written, and language holds about two bits a letter (Shannon, 1951, says
# one to one and a half).
_PAIRS: Final = frozenset(
    "th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng "
    "se ha as ou io le ve co me de hi ri ro ic ne ea ra ce li ch ll be ma si "
    "om ur ei ie ge un ic sc da di la qu ue el os ad ta ca no us em ee oo ow "
    "ck ss tt lo so ho we wh wo do go no my by up if ut et ai oi on".split()
)
_BY_CHANCE: Final = len(_PAIRS) / 26**2
_DEVIATIONS: Final = 4.0
"""Random letters are hardly ever so far above the expected number."""
_BITS_PER_LETTER: Final = 2.0

_CLASSES: Final = (
    string.ascii_lowercase,
    string.ascii_uppercase,
    string.digits,
    string.punctuation + " ",
)
_SEPARATORS: Final = str.maketrans("", "", "-_:. {}")


def new_nonce(random: Callable[[int], bytes]) -> str:
    """Return a new strong NONCE of 43 characters.

    `random(n)` returns n unpredictable bytes.
    """
    return encode(random(NONCE_BYTES))


def weakness(nonce: str) -> str | None:
    """Return why a NONCE is weak, None if no weakness was found.

    The text follows a colon: `NONCE is weak: it repeats a shorter text`.
    """
    rest = _WELL_KNOWN.sub("*", nonce.casefold())
    if rest != nonce.casefold() and _bits(rest) < ENOUGH_BITS:
        return "it consists of well-known words or sequences"
    if len(set(nonce)) < _FEW_CHARACTERS:
        return "it has too few different characters"
    if nonce in (nonce + nonce)[1:-1]:
        return "it repeats a shorter text"
    if _bits(nonce) < ENOUGH_BITS:
        return f"it is too short to have {ENOUGH_BITS} bits of randomness"
    return None


def _is_language(text: str) -> bool:
    """Return whether most of a text reads like words without spaces."""
    runs = _RUNS_OF_LETTERS.findall(text)
    pairs = [
        run[at : at + 2].lower() for run in runs for at in range(len(run) - 1)
    ]
    common = sum(pair in _PAIRS for pair in pairs)
    expected = _BY_CHANCE * len(pairs)
    deviation = math.sqrt(expected * (1 - _BY_CHANCE))
    return (
        4 * sum(map(len, runs)) > 3 * len(text)
        and common > expected + _DEVIATIONS * deviation
    )


def _bits(text: str) -> float:
    """Return an upper estimate of a text's bits of randomness."""
    if _WORDS.fullmatch(text):
        return len(re.findall("[A-Za-z]+", text)) * _BITS_PER_WORD
    prose = "".join(_RUNS_OF_LETTERS.findall(text))
    if _is_language(text):
        rest = len(text) - len(prose)
        return len(prose) * _BITS_PER_LETTER + rest * math.log2(10)
    bare = text.translate(_SEPARATORS)
    if re.fullmatch("[0-9a-f]+|[0-9A-F]+", bare):
        return len(bare) * math.log2(10 if bare.isdigit() else 16)
    alphabet = sum(
        len(each) for each in _CLASSES if not set(each).isdisjoint(text)
    )
    # Text outside ASCII was typed by a person, in a single script.
    if not text.isascii():
        alphabet += 32
    return len(text) * math.log2(alphabet)
