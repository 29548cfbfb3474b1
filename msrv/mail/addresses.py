"""Mail addresses as people type them: leniently, but one, and on one line.

Whether it exists only its own server knows. What is seen to here is that it
can stand in a header and in a command to a relay, and be nothing else there.
"""

import re
from email.headerregistry import Address
from typing import Final

from msrv.mail.errors import BadAddress

MAX_CHARS: Final = 254
"""RFC 5321 section 4.5.3.1.3: a path has 256 octets, two of them brackets."""
_MAX_LOCAL_CHARS: Final = 64
# Of the local part what is written without quotes (RFC 5322's dot-atom).
_LOCAL: Final = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
)
_DOMAIN: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])"
)


def read(text: str) -> str:
    """Read an address; a domain of any script becomes its ASCII form.

    Raises BadAddress: it doesn't say what with, so that it can be logged.
    """
    text = text.strip()
    local, _, domain = text.rpartition("@")
    if len(text) > MAX_CHARS or not _LOCAL.fullmatch(local):
        raise BadAddress("not a mail address")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            raise BadAddress("not a mail address") from None
    address = f"{local}@{domain}"
    if (
        len(local) > _MAX_LOCAL_CHARS
        or len(address) > MAX_CHARS
        or not _DOMAIN.fullmatch(domain)
    ):
        raise BadAddress("not a mail address")
    return address


def sender(text: str) -> Address:
    """Read who mail is from: `shop@example.org`, or `Name <…>`.

    Raises BadAddress.
    """
    name, bracket, rest = text.strip().rpartition("<")
    if not bracket:
        name, rest = "", text
    elif not rest.endswith(">"):
        raise BadAddress("not an address like 'Name <shop@example.org>'")
    name = name.strip().strip('"')
    if not name.isprintable():
        raise BadAddress("not a name")
    return Address(name, addr_spec=read(rest.removesuffix(">")))
