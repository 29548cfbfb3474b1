"""Mail addresses as people type them: leniently, but one, and on one line.

Whether it exists only its own server knows. What is seen to here is that it
can stand in a header and in a command to a relay, and be nothing else there.
"""

import re
import unicodedata
from email.headerregistry import Address
from typing import Final

from msrv import hostnames
from msrv.hostnames import BadHostname
from msrv.mail.errors import BadAddress

MAX_CHARS: Final = 254
"""RFC 5321 section 4.5.3.1.3: a path has 256 octets, two of them brackets."""
_MAX_LOCAL_OCTETS: Final = 64
# Of the local part what is written without quotes (RFC 5322's dot-atom).
_SIGNS: Final = frozenset("!#$%&'*+/=?^_`{|}~-.")
_DOMAIN: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
# https://support.google.com/mail/answer/7436150
_GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})


def read(text: str) -> str:
    """Read an address; a domain of any script becomes its ASCII form.

    Letters outside ASCII before the @ stay, composed (RFC 6532 section 3.1).
    Raises BadAddress: it doesn't say what with, so that it can be logged.
    """
    try:
        return _read(text)
    except BadAddress:
        raise BadAddress("not a mail address") from None


def mailbox_key(address: str) -> str:
    """Return what all spellings of one mailbox have in common.

    The case of letters, and what follows a `+`, make no other mailbox at the
    usual servers; neither do dots at Google's. For counting, not for sending.
    """
    local, _, domain = address.rpartition("@")
    domain = domain.lower()
    local = unicodedata.normalize("NFKC", local).casefold()
    local = local.partition("+")[0] or local
    if domain in _GMAIL:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"


def needs_smtputf8(address: str) -> bool:
    """Whether only a relay with SMTPUTF8 (RFC 6531) can take this address."""
    return not address.isascii()


def sender(text: str) -> Address:
    """Read who mail is from: `shop@example.org`, or `Name <…>`.

    Raises BadAddress, which says what is wrong with it.
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
    address = _read(rest.removesuffix(">"))
    if needs_smtputf8(address):
        raise BadAddress(
            "has letters outside ASCII before the @, which many servers "
            "refuse a sender for"
        )
    return Address(name, addr_spec=address)


def _read(text: str) -> str:
    """Read an address. Raises BadAddress, which may quote a part of it."""
    text = unicodedata.normalize("NFC", text.strip())
    local, _, domain = text.rpartition("@")
    if len(text) > MAX_CHARS or not _is_local(local):
        raise BadAddress("must be an address like shop@example.org")
    try:
        ascii_domain = hostnames.to_ascii(domain)
    except BadHostname as error:
        raise BadAddress(f"the domain {error}") from None
    if domain.isascii():
        ascii_domain = domain  # as it was typed: case makes no difference
    address = f"{local}@{ascii_domain}"
    if len(address.encode("utf-8")) > MAX_CHARS:
        raise BadAddress(f"is longer than {MAX_CHARS} octets")
    if not _DOMAIN.fullmatch(ascii_domain):
        raise BadAddress("the domain must be one like example.org")
    return address


def _is_local(text: str) -> bool:
    """Whether a text can stand before the @ without quotes."""
    return (
        all(text.split("."))
        and len(text.encode("utf-8", "replace")) <= _MAX_LOCAL_OCTETS
        and all(map(_is_local_character, text))
    )


def _is_local_character(character: str) -> bool:
    """Whether it is a letter, mark, number or picture, or one of RFC 5322's.

    RFC 6532 allows all of Unicode; spaces, brackets, quotes of any script and
    what is invisible are in nobody's address.
    """
    if character.isascii():
        return character.isalnum() or character in _SIGNS
    category = unicodedata.category(character)
    return category[0] in "LMN" or category == "So"
