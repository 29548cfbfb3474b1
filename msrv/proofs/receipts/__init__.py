# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts: signed statements of orders.

A receipt has two forms, both signed with Ed25519 (RFC 8032): the short form,
which is part of its page's address, and the JWS, which any program can verify
with the keys that `jwks` returns. Receipts from before the short form existed
have their JWS in the address, and stay valid.
"""

from msrv.proofs.encoding import MAX_TOKEN_CHARS
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring
from msrv.proofs.receipts.jws import (
    HEADER_START,
    has_known_header,
    issuer_of,
    jwk,
    jwks,
    read_jws,
    sign_jws,
)
from msrv.proofs.receipts.model import (
    TEST_SUFFIX,
    Receipt,
    is_simulated,
    provider_name,
)
from msrv.proofs.receipts.short_form import (
    known_starts,
    length_at,
    read_short,
    sign,
)

__all__ = [
    "HEADER_START",
    "TEST_SUFFIX",
    "Receipt",
    "has_known_header",
    "is_simulated",
    "issuer_of",
    "jwk",
    "jwks",
    "known_starts",
    "length_at",
    "provider_name",
    "read",
    "read_jws",
    "sign",
    "sign_jws",
]


def read(keyring: Keyring, token: str) -> Receipt:
    """Verify a receipt in either form, and return it. Raises Forged.

    A receipt paid by a simulated or test payment is rejected by a store that
    accepts no such money.
    """
    if len(token) > MAX_TOKEN_CHARS or not token.isascii():
        raise Forged
    receipt = (read_jws if "." in token else read_short)(keyring, token)
    if receipt.is_simulated and not keyring.accepts_simulated:
        raise Forged  # signed by the real key, before there were two
    return receipt
