# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Mail addresses: parsed leniently, but exactly one, and on one line.

Only the recipient's server knows whether an address exists. This
module checks that an address can be part of a header and of an SMTP command,
and can't be anything else there.

- `MailError`: base class; no message contains a buyer's address
    - `BadAddress`: not an address that mail can be sent to
    - `SmtpError`, in `smtp`: a mail that couldn't be sent
"""

import re
import unicodedata
from email.headerregistry import Address
from typing import Final

from msrv import hostnames
from msrv.hostnames import BadHostname

MAX_CHARS: Final = 254
"""RFC 5321 section 4.5.3.1.3: a path has 256 octets, two of them brackets."""
_MAX_LOCAL_OCTETS: Final = 64
# Characters of a local part without quotes (RFC 5322's dot-atom).
_PUNCTUATION: Final = frozenset("!#$%&'*+/=?^_`{|}~-.")
_DOMAIN: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
# https://support.google.com/mail/answer/7436150
_GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})


class MailError(Exception):
    """Base class of mail errors; the text is one line for an operator."""


class BadAddress(MailError):
    """Not an address that mail can be sent to."""


def parse(text: str) -> str:
    """Return an address, with an internationalized domain in ASCII.

    Letters outside ASCII before the @ stay, composed (RFC 6532 section 3.1).
    Raises BadAddress, which doesn't repeat the text, so that it can be
    logged.
    """
    try:
        return _parse(text)
    except BadAddress:
        raise BadAddress("not a mail address") from None


def mailbox_key(address: str) -> str:
    """Return a key that is the same for all spellings of one mailbox.

    At the usual servers neither the case of letters nor a suffix after `+`
    make another mailbox, and at Google's neither do dots. For counting, not
    for sending.
    """
    local, _, domain = address.rpartition("@")
    domain = domain.lower()
    local = unicodedata.normalize("NFKC", local).casefold()
    local = local.partition("+")[0] or local
    if domain in _GMAIL:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def masked(address: str) -> str:
    """Return an address that reminds only those who know it: `k…@a.org`."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def needs_smtputf8(address: str) -> bool:
    """Return whether an address needs a server with SMTPUTF8 (RFC 6531)."""
    return not address.isascii()


def parse_sender(text: str) -> Address:
    """Return the sender in `shop@example.org` or `Name <shop@example.org>`.

    Raises BadAddress with the reason.
    """
    name, bracket, rest = text.strip().rpartition("<")
    if not bracket:
        name, rest = "", text
    elif not rest.endswith(">"):
        raise BadAddress("must be an address like 'Name <shop@example.org>'")
    name = name.strip()
    quoted = _QUOTED.fullmatch(name)
    if quoted is not None:
        name = re.sub(r"\\(.)", r"\1", quoted[1])
    if not name.isprintable():
        raise BadAddress("contains a control character")
    address = _parse(rest.removesuffix(">"))
    if needs_smtputf8(address):
        raise BadAddress(
            "contains non-ASCII characters before the @, which many servers "
            "reject in a sender's address"
        )
    return Address(name, addr_spec=address)


def _parse(text: str) -> str:
    """Return an address. Raises BadAddress, which may quote parts of it."""
    text = text.strip()
    if len(text) <= MAX_CHARS:  # of a long one it takes too long
        text = unicodedata.normalize("NFC", text)
    local, _, domain = text.rpartition("@")
    if len(text) > MAX_CHARS or not _is_local(local):
        raise BadAddress("must be an address like shop@example.org")
    try:
        ascii_domain = hostnames.to_ascii(domain)
    except BadHostname as error:
        raise BadAddress(f"the domain {error}") from None
    if domain.isascii():
        ascii_domain = domain  # as typed: case makes no difference
    address = f"{local}@{ascii_domain}"
    if len(address.encode("utf-8")) > MAX_CHARS:
        raise BadAddress(f"is longer than {MAX_CHARS} octets")
    if not _DOMAIN.fullmatch(ascii_domain):
        raise BadAddress("the domain must be like example.org")
    return address


def _is_local(text: str) -> bool:
    """Return whether a text is a local part that needs no quotes."""
    return (
        all(text.split("."))
        and len(text.encode("utf-8", "replace")) <= _MAX_LOCAL_OCTETS
        and all(map(_is_local_character, text))
    )


def _is_local_character(character: str) -> bool:
    """Return whether it is a letter, mark, number, symbol or RFC 5322 atext.

    RFC 6532 allows all of Unicode, but real addresses contain no spaces,
    brackets, quotation marks of any script, or invisible characters.
    """
    if character.isascii():
        return character.isalnum() or character in _PUNCTUATION
    category = unicodedata.category(character)
    return category[0] in "LMN" or category == "So"
