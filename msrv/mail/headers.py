"""Header fields, written and folded here from free text.

Python's own folding drops the quotes of a long display name, so that a comma
in it makes two senders of one (cpython#80222, fixed in 3.12.9 and 3.13.2),
and other versions lose spaces between encoded words. What is written here is
the same on every version, and parses as one value.
"""

import base64
import re
import unicodedata
from email.policy import EmailPolicy
from typing import Any, Final

MAX_NAME_CHARS: Final = 200
"""A display name or a store's name is cut to this; a line holds 998 octets
(RFC 5322 section 2.1.1)."""
_LINE_CHARS: Final = 76
# RFC 2047 section 2: 75 characters a word, 76 a line. `Subject: ` and a word
# of 39 octets stay under both.
_WORD_OCTETS: Final = 39
_ATOMS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
)
_ESCAPED: Final = re.compile(r'(["\\])')
# The two format characters that words are spelled with; the others reorder
# or hide text.
_JOINERS: Final = "\u200c\u200d"


class Folded(str):
    """The value of a field, ready to be sent; CR LF only before a space."""

    __slots__ = ()


class Policy(EmailPolicy):
    """The `SMTP` policy, which sends Folded values as they are."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - email's
        super().__init__(**{"linesep": "\r\n", **options})

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401 - email's
        """Return a header's name and value, a Folded value as it is."""
        if isinstance(value, Folded):
            return name, value
        return super().header_store_parse(name, value)

    def fold(self, name: str, value: Any) -> str:  # noqa: ANN401 - email's
        """Return a field, with the line break at its end."""
        if isinstance(value, Folded):
            return f"{name}: {value}\r\n"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:  # noqa: ANN401 - email's
        """Return a field as octets; UTF-8 where it isn't ASCII (RFC 6532)."""
        if isinstance(value, Folded):
            return self.fold(name, value).encode("utf-8")
        return super().fold_binary(name, value)


def plain(text: str, max_chars: int = MAX_NAME_CHARS) -> str:
    """Return text as one line without control characters.

    Each run of white space becomes a space; what is longer is cut.
    """
    kept = "".join(
        each if each in _JOINERS or not _is_control(each) else " "
        for each in text
    )
    line = " ".join(kept.split())
    if len(line) > max_chars:
        line = line[: max_chars - 1].rstrip() + "…"
    return line


def unstructured(text: str, max_chars: int = 2 * MAX_NAME_CHARS) -> Folded:
    """Return the value of an unstructured field, such as Subject."""
    line = plain(text, max_chars)
    if line.isascii() and len(line) <= _LINE_CHARS and "=?" not in line:
        return Folded(line)
    return Folded(_encoded_words(line))


def mailbox(name: str, address: str) -> Folded:
    """Return exactly one mailbox, with a display name where there is one.

    `address` is one that `addresses` has read.
    """
    line = plain(name)
    if not line:
        return Folded(address)
    if not line.isascii() or "=?" in line:
        phrase = _encoded_words(line)
    elif _ATOMS.fullmatch(line):
        phrase = line
    else:
        # A quoted string may be long; it is never folded, so that no parser
        # has to put it together again.
        phrase = f'"{_ESCAPED.sub(_escape, line)}"'
    together = len("From: ") + len(phrase) + len(address) + len(" <>")
    between = " " if together <= _LINE_CHARS else "\r\n "
    return Folded(f"{phrase}{between}<{address}>")


def _escape(match: re.Match[str]) -> str:
    return "\\" + match[1]


def _is_control(character: str) -> bool:
    category = unicodedata.category(character)
    return category in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _encoded_words(text: str) -> str:
    """Return text as encoded words, one a line (RFC 2047)."""
    parts, part = [], b""
    for character in text:
        octets = character.encode("utf-8")
        if len(part) + len(octets) > _WORD_OCTETS:
            parts.append(part)
            part = b""
        part += octets
    parts.append(part)
    return "\r\n ".join(
        f"=?utf-8?b?{base64.b64encode(each).decode('ascii')}?="
        for each in parts
    )
