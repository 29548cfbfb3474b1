# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Field types of a CDN in front of the bucket: MSRV_CDN and its key."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from pydantic import BeforeValidator, SecretStr

from msrv.hostnames import BadHostname, host_to_ascii

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
    )
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    SigningKey = RSAPrivateKey | EllipticCurvePrivateKey

_FORM: Final = "must be like `bunny https://shop.b-cdn.net/store`"
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]+)*/?")
_KEY_ID: Final = re.compile(r"[A-Z0-9]{8,32}")
_TEXT_KEY: Final = re.compile(r"[!-~]{16,256}")
_RSA_BITS: Final = 2048


class CdnKind(StrEnum):
    """CDN, by whose form addresses are signed."""

    CLOUDFRONT = "cloudfront"
    FASTLY = "fastly"
    BUNNY = "bunny"
    CLOUDFLARE = "cloudflare"


@dataclass(frozen=True, slots=True)
class Cdn:
    """CDN whose origin is the bucket.

    `url` is where it has what the bucket has below the library's prefix,
    without a slash at the end. `key_id` is CloudFront's id of the key.
    """

    kind: CdnKind
    url: str
    key_id: str = ""

    @property
    def derives_keys(self) -> bool:
        """True if the store's own keys are used where none is set."""
        return self.kind in {CdnKind.FASTLY, CdnKind.CLOUDFLARE}


def _cdn(value: object) -> object:
    """Parse `KIND URL`, for CloudFront `KIND URL KEY-ID`."""
    if not isinstance(value, str):
        return value
    kind, *rest = value.split()
    if kind not in set(CdnKind):
        raise ValueError(f"must begin with one of {', '.join(CdnKind)}")
    if kind != CdnKind.CLOUDFRONT:
        if len(rest) != 1:
            raise ValueError(_FORM)
        return Cdn(CdnKind(kind), _url(rest[0]))
    if len(rest) != 2 or not _KEY_ID.fullmatch(rest[1]):
        raise ValueError(
            "must be like `cloudfront https://d111111abcdef8.cloudfront.net "
            "K2JCJMDEHXQW5F`: with the id of the public key"
        )
    return Cdn(CdnKind.CLOUDFRONT, _url(rest[0]), rest[1])


def _url(text: str) -> str:
    """Return an address without the slash at its end.

    Raises ValueError. Its path is as it is signed: nothing in it is escaped.
    """
    try:
        parts = urlsplit(text)
        host = host_to_ascii(parts.hostname or "")
        port = "" if parts.port is None else f":{parts.port}"
    except (BadHostname, ValueError):
        raise ValueError(_FORM) from None
    if parts.scheme != "https":
        raise ValueError("must have an address with https://")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError(_FORM)
    if not _PATH.fullmatch(parts.path):
        raise ValueError(
            "must have a path of letters, digits and . _ ~ - only"
        )
    return f"https://{host}{port}{parts.path.rstrip('/')}"


CdnAddress = Annotated[Cdn, BeforeValidator(_cdn)]


def check_cdn(delivery: str, cdn: Cdn | None, key: SecretStr | None) -> None:
    """Raise ValueError for a CDN and a key that don't fit.

    The text has nothing of the key.
    """
    if cdn is None:
        if key is not None:
            raise ValueError("MSRV_CDN_KEY needs MSRV_CDN: set both")
        if delivery == "cdn":
            raise ValueError(
                "MSRV_DELIVERY=cdn needs MSRV_CDN: the CDN and its address"
            )
        return
    if key is None:
        if not cdn.derives_keys:
            raise ValueError(
                f"MSRV_CDN={cdn.kind} needs MSRV_CDN_KEY: "
                + (
                    "the private key of the public key at CloudFront"
                    if cdn.kind is CdnKind.CLOUDFRONT
                    else "the token authentication key of the pull zone"
                )
            )
        return
    text = key.get_secret_value()
    if cdn.kind is CdnKind.CLOUDFRONT:
        signing_key(text)
    elif not _TEXT_KEY.fullmatch(text):
        raise ValueError(
            "MSRV_CDN_KEY must have 16 to 256 characters of ASCII without "
            "spaces"
        )


def signing_key(pem: str) -> "SigningKey":
    """Return CloudFront's private key: RSA with 2048 bits, or P-256.

    Raises ValueError, without a cause, as that may quote the key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - for CloudFront only
    from cryptography.hazmat.primitives.asymmetric.ec import (  # noqa: PLC0415 - as above
        SECP256R1,
        EllipticCurvePrivateKey,
    )
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - as above
        load_pem_private_key,
    )

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm):
        key = None
    match key:
        case RSAPrivateKey(key_size=bits) if bits == _RSA_BITS:
            return key
        case EllipticCurvePrivateKey(curve=SECP256R1()):
            return key
    raise ValueError(
        "MSRV_CDN_KEY must be a private key in PEM without a password: RSA "
        "with 2048 bits, or ECDSA with P-256 (prime256v1)"
    )
