"""The ways a proof fails.

- `ProofError`
    - `Forged`: it is not one of ours
    - `Expired`: it was one of ours, until `since`
        - `LinkExpired`: what the link gave access to
        - `QuoteExpired`: what was to be paid
        - `TicketExpired`: who it let into the studio

None of them holds a token, so that none can be logged by way of an error.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from msrv.proofs.links import Access
    from msrv.proofs.quotes import Quote
    from msrv.proofs.sign_in import Ticket


class ProofError(Exception):
    """A proof that doesn't hold."""


class Forged(ProofError):
    """Not ours: made up, changed, spelt otherwise, or of another NONCE.

    It carries nothing about why. Whoever tries out tokens learns nothing
    from one refusal that they would not learn from every other.
    """


class Expired(ProofError):
    """Ours and unchanged, but no longer good from `since` on.

    `since` is in Unix seconds: the first second at which it is not good.
    """

    def __init__(self, since: int) -> None:
        super().__init__(since)
        self.since = since


class LinkExpired(Expired):
    """A download link that has expired; `access` is what it gave."""

    def __init__(self, access: "Access") -> None:
        super().__init__(access.expires_at)
        self.access = access


class QuoteExpired(Expired):
    """A quote that has expired; `quote` is what it said.

    A payment may be reported after its quote has lapsed. Who took money has
    to know for what.
    """

    def __init__(self, quote: "Quote") -> None:
        super().__init__(quote.expires_at)
        self.quote = quote


class TicketExpired(Expired):
    """A sign-in link or a session that has expired; `ticket` is which."""

    def __init__(self, ticket: "Ticket") -> None:
        super().__init__(ticket.expires_at)
        self.ticket = ticket
