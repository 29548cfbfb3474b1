"""Of the studio's door."""

from typing import Final

from msrv.ledger.errors import CannotRemember, LinkUsed
from msrv.proofs.errors import TicketExpired
from msrv.web.errors.exceptions import SignInAgain
from msrv.web.errors.notice import FRONT, Notice, Table

TABLE: Final[Table] = {
    TicketExpired: Notice(
        410,
        "sign_in_expired",
        "This sign-in link has expired",
        "It was good for ten minutes, or until everyone was signed out. "
        "python -m msrv studio prints another.",
        FRONT,
    ),
    LinkUsed: Notice(
        410,
        "sign_in_used",
        "This sign-in link was used",
        "It is good once. python -m msrv studio prints another. If it wasn't "
        "you who used it, python -m msrv studio --sign-out ends that.",
        FRONT,
    ),
    SignInAgain: Notice(
        403,
        "sign_in_again",
        "Sign in again for this",
        "Refunds and exports need a sign-in of the last hour. "
        "python -m msrv studio prints a link; open it, and try again.",
        ("/studio", "To the studio"),
    ),
    CannotRemember: Notice(
        503,
        "sign_in_closed",
        "The door is stuck",
        "This store can't write down that the link is used, so it lets nobody "
        "in. The link is good still: make room on the disk, and try again.",
        FRONT,
        headers={"Retry-After": "60"},
    ),
}
