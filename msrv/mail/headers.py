# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Header fields: free text, encoded and folded.

Python's own folding drops the quotes of a long display name, so that a comma
in it turns one sender into two (cpython#80222, fixed in 3.12.9 and 3.13.2),
and other versions lose spaces between encoded words. The output of this
module is the same on every version, and parses as one value.

Apart from `receipt_mail`: it knows nothing of receipts, and is tested by
itself.
"""

import base64
import re
import unicodedata
from email.policy import EmailPolicy
from typing import Any, Final

MAX_NAME_CHARS: Final = 200
"""Display names and store names are truncated to this; a line may have 998
octets (RFC 5322 section 2.1.1)."""
_LINE_CHARS: Final = 76
# RFC 2047 section 2: 75 characters a word, 76 a line. `Subject: ` and a word
# of 39 octets stay under both.
_WORD_OCTETS: Final = 39
_ATOMS: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
)
_ESCAPED: Final = re.compile(r'(["\\])')
# The two format characters that are part of words; the others reorder or
# hide text.
_JOINERS: Final = "\u200c\u200d"


class FoldedValue(str):
    """Value of a field, ready to be sent: CR LF only before a space."""

    __slots__ = ()


class MailPolicy(EmailPolicy):
    """The `SMTP` policy, except that FoldedValue isn't folded again."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - email's
        super().__init__(**{"linesep": "\r\n", **options})

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401 - email's
        """Return a field's name and value, a FoldedValue unchanged."""
        if isinstance(value, FoldedValue):
            return name, value
        return super().header_store_parse(name, value)

    def fold(self, name: str, value: Any) -> str:  # noqa: ANN401 - email's
        """Return a field, with a line break at the end."""
        if isinstance(value, FoldedValue):
            return f"{name}: {value}\r\n"
        return str(super().fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:  # noqa: ANN401 - email's
        """Return a field as octets, in UTF-8 if not in ASCII (RFC 6532)."""
        if isinstance(value, FoldedValue):
            return self.fold(name, value).encode("utf-8")
        return super().fold_binary(name, value)


def single_line(text: str, max_chars: int = MAX_NAME_CHARS) -> str:
    """Return text as one line without control characters.

    Each run of whitespace becomes a space. Longer text is truncated.
    """
    kept = "".join(
        each if each in _JOINERS or not _is_control(each) else " "
        for each in text
    )
    line = " ".join(kept.split())
    if len(line) > max_chars:
        line = line[: max_chars - 1].rstrip() + "…"
    return line


def unstructured(
    text: str, max_chars: int = 2 * MAX_NAME_CHARS
) -> FoldedValue:
    """Return the value of an unstructured field, such as Subject."""
    line = single_line(text, max_chars)
    if line.isascii() and len(line) <= _LINE_CHARS and "=?" not in line:
        return FoldedValue(line)
    return FoldedValue(_encoded_words(line))


def mailbox(name: str, address: str) -> FoldedValue:
    """Return exactly one mailbox, with a display name unless it is empty.

    `address` is one that `addresses.parse` has returned.
    """
    line = single_line(name)
    if not line:
        return FoldedValue(address)
    if not line.isascii() or "=?" in line:
        phrase = _encoded_words(line)
    elif _ATOMS.fullmatch(line):
        phrase = line
    else:
        # A quoted string may be long, but is never folded: parsers unfold it
        # differently.
        phrase = f'"{_ESCAPED.sub(_escape, line)}"'
    together = len("From: ") + len(phrase) + len(address) + len(" <>")
    between = " " if together <= _LINE_CHARS else "\r\n "
    return FoldedValue(f"{phrase}{between}<{address}>")


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
