# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field types of MSRV_DOMAIN and the settings of its certificates.

Apart from `field_types`, which would become too long.
"""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, SecretStr

from msrv.hostnames import BadHostname, address_of, host_to_ascii, to_ascii

LETS_ENCRYPT: Final = "https://acme-v02.api.letsencrypt.org/directory"
LETS_ENCRYPT_STAGING: Final = (
    "https://acme-staging-v02.api.letsencrypt.org/directory"
)
_DIRECTORIES: Final = {
    "letsencrypt": LETS_ENCRYPT,
    "staging": LETS_ENCRYPT_STAGING,
}
_DIRECTORY: Final = re.compile(
    r"https://(?P<host>\[[^]]+\]|[^/?#@\\\s:]+)(?P<port>:[0-9]{1,5})?"
    r"(?P<path>/[!-~]*)?"
)
_MAX_NAMES: Final = 100
"""Limit of Let's Encrypt: https://letsencrypt.org/docs/rate-limits/"""
_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
_EMAIL: Final = re.compile(r"[^<>@,;:?&%\s]+@[^<>@,;:?&%\s]+")


def _domains(value: object) -> object:
    """Parse names separated by commas and spaces; the first is the public."""
    if not isinstance(value, str):
        return value
    names = dict.fromkeys(
        _domain(part) for part in value.replace(",", " ").split()
    )
    if value.strip() and not names:
        raise ValueError("must be a name like shop.example")
    if len(names) > _MAX_NAMES:
        raise ValueError(f"must have {_MAX_NAMES} names at most")
    return tuple(names)


def _domain(text: str) -> str:
    """Return a name for which an authority can issue a certificate."""
    if "*" in text:
        raise ValueError(
            f"must be names of one host each: a wildcard like {text!r} can "
            "only be certified by DNS-01, which this store doesn't support"
        )
    if _is_address(text):
        raise ValueError(f"must be a name like shop.example, not {text!r}")
    if "/" in text or ":" in text:
        raise ValueError(
            f"must be a bare name like shop.example, not {text!r}"
        )
    try:
        name = to_ascii(text)
    except BadHostname as error:
        raise ValueError(
            f"must be a name like shop.example; {text!r} {error}"
        ) from None
    if "." not in name or name.endswith(".localhost"):
        raise ValueError(
            f"must be a public name like shop.example: no authority can "
            f"certify {text!r}"
        )
    return name


def _is_address(text: str) -> bool:
    """Return whether a browser would parse a host as an IP address."""
    if address_of(text) is not None:
        return True
    try:
        return address_of(host_to_ascii(text)) is not None
    except BadHostname:
        return text.rpartition(".")[2].isdecimal()


def _directory(value: str) -> str:
    """Return an ACME directory's URL; `staging` is Let's Encrypt's."""
    text = value.strip()
    known = _DIRECTORIES.get(text.lower())
    if known is not None:
        return known
    match = _DIRECTORY.fullmatch(text)
    if match is None:
        raise ValueError(
            "must be letsencrypt, staging, or the address of an ACME "
            "directory like https://acme.example/directory"
        )
    try:
        host_to_ascii(match["host"])
    except BadHostname as error:
        raise ValueError(
            f"must have a host like acme.example; {match['host']!r} {error}"
        ) from None
    return text


def _email(value: str) -> str:
    """Return an address to which an authority may write."""
    text = value.strip()
    if not _EMAIL.fullmatch(text) or not (
        text.isascii() and text.isprintable()
    ):
        raise ValueError("must be an address like admin@shop.example")
    return text


def _mac_key(value: SecretStr) -> SecretStr:
    """Validate base64url, in which authorities state MAC keys (RFC 8555)."""
    text = value.get_secret_value().strip().rstrip("=")
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError(
            "must be the MAC key as the authority shows it, in base64url"
        )
    return SecretStr(text)


Domains = Annotated[tuple[str, ...], BeforeValidator(_domains)]
AcmeDirectory = Annotated[str, AfterValidator(_directory)]
AcmeEmail = Annotated[str, AfterValidator(_email)]
AcmeKey = Annotated[SecretStr, AfterValidator(_mac_key)]
