# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Verification of signed addresses, as each CDN's documentation has it.

A CDN sees the path and the query as they are sent. Each verifier returns when
the address ends, in Unix seconds, or None for a wrong signature: it is written
from the other end than `msrv.downloads.objects.cdn_signatures`.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

Verify = Callable[[str], int | None]
Keys = Callable[[str], str]
"""Returns the key of a month like `2026-11`."""

CLOUDFLARE_SECONDS = 86_400
"""Third argument of is_timed_hmac_valid_v0."""


def month(seconds: int) -> str:
    """Return the month of a Unix time."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:7]


def mac(key: str, text: str) -> bytes:
    """Return HMAC-SHA256."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()


def cloudfront(
    origin: str,
    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    key_id: str,
) -> Verify:
    """Return a verifier of canned policies, at an origin like https://a."""

    def verify(target: str) -> int | None:
        url, *_ = target.partition("&Expires=")
        own = dict(parse_qsl(target[len(url) :]))
        if own.pop("Key-Pair-Id", "") != key_id:
            return None
        assert own.pop("Hash-Algorithm") == "SHA256"
        ends = int(own.pop("Expires"))
        text = own.pop("Signature")
        assert not own
        for sent, meant in (("-", "+"), ("_", "="), ("~", "/")):
            text = text.replace(sent, meant)
        policy = {
            "Statement": [
                {
                    "Resource": origin + url,
                    "Condition": {"DateLessThan": {"AWS:EpochTime": ends}},
                }
            ]
        }
        signed = json.dumps(policy, separators=(",", ":")).encode()
        signature = base64.b64decode(text, validate=True)
        try:
            if isinstance(public_key, rsa.RSAPublicKey):
                public_key.verify(
                    signature, signed, padding.PKCS1v15(), SHA256()
                )
            else:
                public_key.verify(signature, signed, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return None
        return ends

    return verify


def fastly(keys: Keys) -> Verify:
    """Return a verifier as in `deploy/cdn/fastly.vcl`."""

    def verify(target: str) -> int | None:
        found = re.fullmatch(
            r"([^?]+\?[^?]+)&token=([0-9]{10})_([0-9a-f]{64})", target
        )
        if found is None:
            return None
        signed, ends, sent = found.groups()
        expected = mac(keys(month(int(ends))), signed + ends).hex()
        return int(ends) if hmac.compare_digest(expected, sent) else None

    return verify


def bunny(key: str) -> Verify:
    """Return a verifier of advanced token authentication."""

    def verify(target: str) -> int | None:
        path, _, query = target.partition("?")
        given = dict(parse_qsl(query))
        token, ends = given.pop("token", ""), given.pop("expires", "")
        data = "&".join(f"{name}={given[name]}" for name in sorted(given))
        made = base64.urlsafe_b64encode(mac(key, path + ends + data))
        expected = "HS256-" + made.decode().replace("=", "")
        return int(ends) if hmac.compare_digest(expected, token) else None

    return verify


def cloudflare(keys: Keys) -> Verify:
    """Return a verifier like is_timed_hmac_valid_v0 of http.request.uri.

    With a separator of eight characters, and the flag `s`.
    """

    def verify(target: str) -> int | None:
        found = re.fullmatch(
            r"(.+).{8}([0-9]{10})-([A-Za-z0-9_-]{43})", target
        )
        if found is None:
            return None
        message, issued, text = found.groups()
        ends = int(issued) + CLOUDFLARE_SECONDS
        sent = base64.urlsafe_b64decode(text + "=")
        expected = mac(keys(month(ends)), message + issued)
        return ends if hmac.compare_digest(expected, sent) else None

    return verify
