# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Pasted text, with the changes of mail, chat and office programs undone.

It is unknown which changes were made, so a text has several variants: as it
is, with its lines joined, and with the wrappers around links removed.

Apart from `pasted_proofs`, which looks for tokens; discounts are typed and
pasted too.
"""

import base64
import binascii
import html
import re
from collections.abc import Iterator
from typing import Final

MAX_CHARS: Final = 16 * 1024
"""Twice the longest token. The rest of a longer text is ignored."""
BREAK: Final = "\n"
"""Mark of former whitespace in a variant: inside a token, or at its end."""

_MAX_VARIANTS: Final = 40
_MAX_LAYERS: Final = 4
"""A link that is wrapped in a link is encoded twice; more is rare."""

# Zero-width spaces, joiners and marks, soft hyphens, byte order marks,
# directions, variation selectors, tags.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e0fff]"
)
_LETTERS: Final = str.maketrans(
    {
        # Full-width forms of ASCII, and the ligatures of a PDF.
        **{chr(0xFEE0 + code): chr(code) for code in range(0x21, 0x7F)},
        **dict(
            zip(
                "\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06",
                ("ff", "fi", "fl", "ffi", "ffl", "st", "st"),
                strict=True,
            )
        ),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63", "-"),
    }
)
_DASHES: Final = str.maketrans(
    {"\u2010": "-", "\u2011": "-", "\u2013": "--", "\u2014": "--"}
)
_QUOTE_MARKS: Final = " \t>|\xa0"
_SPACE: Final = re.compile(r"\s+")

_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_PRINTABLE: Final = re.compile(r"(?:=[0-9A-Fa-f]{2})+")
_ENTITY: Final = re.compile(
    r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,24});"
)
_TAG: Final = re.compile(
    r"</?(?:a|b|br|code|div|em|font|i|p|pre|span|strong|td|tt|u|wbr)"
    r"(?:\s[^<>]*)?/?>",
    re.IGNORECASE,
)
# https://help.proofpoint.com: of `u` in a v2 address, "-2D" is "-", and "_"
# is "/".
# Bounded, and one attempt for each run of letters: else quadratic.
_URLDEFENSE_V2: Final = re.compile(
    r"(?<![.a-z])urldefense[.a-z]{0,40}/v[12]/url\?"
    r"(?:[a-z]=[^&]{0,300}&){0,8}u=([^&\s\"'<>]+)",
    re.IGNORECASE,
)
_FROM_URLDEFENSE: Final = str.maketrans({"_": "/", "-": "%"})
# "http" in base64, as in the wrapped links of Sophos and others.
_BASE64_URL: Final = re.compile(r"aHR0c[A-Za-z0-9+/_-]*")


def variants(text: str) -> Iterator[str]:
    """Yield what a text may have been, the likeliest first, each once.

    Whitespace, with the quote marks of a mail, is one BREAK in each variant,
    or is removed. The time is proportional to the text.
    """
    seen: set[str] = set()
    for start in _base_variants(text[:MAX_CHARS]):
        layers = [start]
        for _ in range(_MAX_LAYERS):
            inner: list[str] = []
            for layer in layers:
                if layer in seen:
                    continue
                if len(seen) >= _MAX_VARIANTS:
                    return
                seen.add(layer)
                yield layer
                inner += _unwrapped(layer)
            layers = inner


def visible(text: str) -> str:
    """Return a text without invisible characters, and with plain hyphens."""
    if text.isascii():
        return text
    return _INVISIBLE.sub("", text).translate(_LETTERS)[:MAX_CHARS]


def _base_variants(text: str) -> Iterator[str]:
    """Yield variants without the last change, to lines or to characters."""
    plain = visible(text)
    broken, joined = _lines(plain)
    yield broken
    yield joined
    if "=" in plain:  # quoted-printable
        for each in (broken, joined):
            yield _PRINTABLE.sub(_printable, each)
    if "<" in plain:
        yield _TAG.sub(BREAK, broken)
        yield _TAG.sub("", joined)
    if not text.isascii():
        # Word processors replace two hyphens by one dash.
        yield _lines(visible(text.translate(_DASHES)))[0]


def _lines(text: str) -> tuple[str, str]:
    """Return a text with a BREAK for each whitespace, and without any.

    An `=` at the end of a line is a soft break of quoted-printable, and
    removed. So are backslashes, which Markdown inserts before `_` and `-`.
    """
    pieces: list[str] = []
    for line in text.replace("\\", "").splitlines():
        bare = line.lstrip(_QUOTE_MARKS).rstrip()
        if bare.endswith("="):
            pieces.append(bare[:-1])
        else:
            pieces += (bare, BREAK)
    broken = _SPACE.sub(BREAK, "".join(pieces)).strip(BREAK)
    return broken, broken.replace(BREAK, "")


def _unwrapped(text: str) -> Iterator[str]:
    """Yield a text with one layer of encoding removed."""
    decoded = _ENTITY.sub(_entity, text) if "&" in text else text
    if "%" in decoded:
        decoded = _PERCENT.sub(_percent, decoded)
    if decoded != text:
        yield _normalize(decoded)
    for match in _URLDEFENSE_V2.finditer(text):
        yield _normalize(match[1].translate(_FROM_URLDEFENSE))
    for match in _BASE64_URL.finditer(text):
        yield _normalize(_base64(match[0]))


def _normalize(text: str) -> str:
    """Normalise a text that was inside a layer of encoding."""
    return _lines(visible(text))[0]


def _percent(match: re.Match[str]) -> str:
    return _bytes(match[0].replace("%", ""))


def _printable(match: re.Match[str]) -> str:
    return visible(_bytes(match[0].replace("=", "")))


def _bytes(digits: str) -> str:
    return bytes.fromhex(digits).decode("utf-8", "replace")


def _entity(match: re.Match[str]) -> str:
    return html.unescape(match[0])


def _base64(text: str) -> str:
    text += "=" * (-len(text) % 4)  # it isn't part of the match
    try:
        found = base64.b64decode(text.replace("-", "+").replace("_", "/"))
    except binascii.Error:
        return ""
    return found.decode("utf-8", "replace")
