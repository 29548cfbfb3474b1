"""The error tree of proofs.

- `ProofError`
    - `Forged`: not made by this store
    - `Expired`: made by this store, and valid until `since`
        - `LinkExpired`, in `links`
        - `QuoteExpired`, in `quotes`
        - `TicketExpired`, in `sign_in`

None of them holds a token, so that none can be logged with an error. Apart
from its leaves, which are defined beside the values that they carry and
import this module.
"""


class ProofError(Exception):
    """Base class of errors about proofs."""


class Forged(ProofError):
    """Not this store's: made up, altered, spelt otherwise, or another NONCE.

    It carries no reason. An attacker who tries out tokens learns nothing from
    one rejection that any other wouldn't tell.
    """


class Expired(ProofError):
    """Authentic, but no longer valid from `since` on.

    `since` is in Unix seconds: the first second at which it is not valid.
    """

    def __init__(self, since: int) -> None:
        super().__init__(since)
        self.since = since
