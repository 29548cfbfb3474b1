# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of proofs.

- `ProofError`
    - `Forged`: not made by this store
    - `Expired`: made by this store, and valid until `since`
        - `LinkExpired`, in `links`
        - `QuoteExpired`, in `quotes`
        - `TicketExpired`, in `sign_in`

No error contains a token, so that none is logged with it. A module of its own
because the modules of the expired proofs import it and define the leaves.
"""


class ProofError(Exception):
    """Base class of errors about proofs."""


class Forged(ProofError):
    """Not this store's: made up, altered, spelt otherwise, or another NONCE.

    It carries no reason. An attacker who tries out tokens learns the same
    from every rejection.
    """


class Expired(ProofError):
    """Authentic, but no longer valid from `since` on.

    `since` is in Unix seconds: the first second at which it is not valid.
    """

    def __init__(self, since: int) -> None:
        super().__init__(since)
        self.since = since
