# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Signed addresses of CDNs, each in the form that its vendor documents.

All are pure. An address has a query already, of characters that are never
escaped, so that nobody who parses and writes it again changes it. `expires`
is in Unix seconds: from then on the address has ended.
"""

import hmac
from base64 import b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from msrv.proofs.encoding import encode

if TYPE_CHECKING:
    from msrv.settings.cdn_types import SigningKey

LONGEST_SECONDS: Final = 24 * 3600
"""Longest life of an address; at Cloudflare, the time of a token there."""
_NOT_IN_QUERY: Final = str.maketrans("+=/", "-_~")


def cloudfront(url: str, expires: int, key: "SigningKey", key_id: str) -> str:
    """Sign an address by a canned policy, with SHA-256.

    Source: "Create a signed URL using a canned policy" in the developer's
    guide of CloudFront. What is signed is the policy as JSON without spaces.
    """
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA  # noqa: PLC0415 - for CloudFront only
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415 - as above

    policy = (
        f'{{"Statement":[{{"Resource":"{url}","Condition":'
        f'{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'
    ).encode("ascii")
    if isinstance(key, RSAPrivateKey):
        signature = key.sign(policy, PKCS1v15(), SHA256())
    else:
        signature = key.sign(policy, ECDSA(SHA256()))
    text = b64encode(signature).decode("ascii").translate(_NOT_IN_QUERY)
    return (
        f"{url}&Expires={expires}&Signature={text}&Key-Pair-Id={key_id}"
        "&Hash-Algorithm=SHA256"
    )


def fastly(url: str, expires: int, key: str) -> str:
    """Sign an address as `deploy/cdn/fastly.vcl` verifies it.

    A token like that of Fastly's example of URL token validation, except that
    the MAC is HMAC-SHA256, and of the query, too.
    """
    mac = _mac(key, f"{_target(url)}{expires}").hex()
    return f"{url}&token={expires}_{mac}"


def bunny(url: str, expires: int, key: str) -> str:
    """Sign an address by bunny.net's advanced token authentication.

    HMAC-SHA256 of the path, the time and the sorted parameters.
    """
    parts = urlsplit(url)
    signed = "&".join(
        f"{name}={value}" for name, value in sorted(parse_qsl(parts.query))
    )
    mac = _mac(key, f"{parts.path}{expires}{signed}")
    return f"{url}&token=HS256-{encode(mac)}&expires={expires}"


def cloudflare(url: str, expires: int, key: str) -> str:
    """Sign an address for `is_timed_hmac_valid_v0` of Cloudflare's rules.

    With the flag `s`: its MAC is in base64url without padding.
    Its token has the time of its issue, and lives for LONGEST_SECONDS: one
    that is to end earlier was issued earlier.
    """
    issued = expires - LONGEST_SECONDS
    mac = _mac(key, f"{_target(url)}{issued}")
    return f"{url}&verify={issued}-{encode(mac)}"


def _target(url: str) -> str:
    """Return the path and the query of an address, as they are sent."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


def _mac(key: str, message: str) -> bytes:
    return hmac.digest(key.encode("ascii"), message.encode("ascii"), "sha256")
