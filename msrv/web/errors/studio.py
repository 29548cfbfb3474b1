# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Error pages for the studio: its sign-in, and what is given away there."""

from typing import Final

from msrv.ledger.errors import LinkNotRecorded, LinkUsed
from msrv.orders.rate_limits import TooManyGifts, TooManyTokens
from msrv.proofs.sign_in import TicketExpired
from msrv.settings.optional_packages import PackageMissing
from msrv.translations import gettext, gettext_noop
from msrv.web.errors import (
    FRONT,
    ErrorPage,
    InvalidToken,
    NotAllowed,
    OperatorUnavailable,
    RecentSignInRequired,
    ScopeMissing,
    SignedOut,
    Table,
)


def _too_many_gifts(error: TooManyGifts) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_gifts",
        gettext("Too many at once"),
        gettext(
            "Too many free copies and codes were made. Nothing was made now; "
            "please try again later, or use the command line."
        ),
        ("/studio", gettext_noop("Go to the studio")),
        retry_after_seconds=error.retry_after_seconds,
    )


def _not_allowed(error: NotAllowed) -> ErrorPage:
    return ErrorPage(
        403,
        "not_allowed",
        gettext("Your role doesn't allow this"),
        gettext("Only an owner of the store can do this.")
        if error.needs_owner
        else gettext(
            "Your role is read-only. An operator with the role sales or owner "
            "can do this."
        ),
        ("/studio", gettext_noop("Go to the studio")),
    )


def _scope_missing(error: ScopeMissing) -> ErrorPage:
    challenge = 'Bearer realm="studio", error="insufficient_scope"'
    if error.scope is None:
        message = gettext("Tokens can't do this; an operator has to sign in.")
    else:
        challenge += f', scope="{error.scope}"'
        message = gettext(
            "This needs a token with the scope %(scope)s.", scope=error.scope
        )
    return ErrorPage(
        403,
        "scope_missing",
        gettext("Token not permitted"),
        message,
        ("/studio", gettext_noop("Go to the studio")),
        data={"scope": error.scope},
        headers={"WWW-Authenticate": challenge},
    )


def _too_many_tokens(error: TooManyTokens) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_tokens",
        gettext("Too many wrong tokens"),
        gettext("Too many wrong tokens were sent. Please try again later."),
        FRONT,
        retry_after_seconds=error.retry_after_seconds,
    )


TABLE: Final[Table] = {
    NotAllowed: _not_allowed,
    ScopeMissing: _scope_missing,
    TooManyTokens: _too_many_tokens,
    InvalidToken: ErrorPage(
        401,
        "invalid_token",
        gettext_noop("This token isn't valid"),
        gettext_noop(
            "The token is unknown, has expired or was revoked. An owner can "
            "make another one in the studio, or with msrv tokens create."
        ),
        FRONT,
        # RFC 6750, section 3.
        headers={
            "WWW-Authenticate": 'Bearer realm="studio", error="invalid_token"'
        },
    ),
    TicketExpired: ErrorPage(
        410,
        "sign_in_expired",
        gettext_noop("This sign-in link has expired"),
        gettext_noop(
            "A sign-in link is valid for ten minutes, or until everyone is "
            "signed out. Run msrv studio to get a new one."
        ),
        FRONT,
    ),
    LinkUsed: ErrorPage(
        410,
        "sign_in_used",
        gettext_noop("This sign-in link has already been used"),
        gettext_noop(
            "Each link works once. Run msrv studio to get a new one. "
            "If you didn't use this link yourself, sign everyone out with "
            "msrv studio --sign-out."
        ),
        FRONT,
    ),
    OperatorUnavailable: ErrorPage(
        503,
        "operator_unavailable",
        gettext_noop("Sign-in is temporarily unavailable"),
        gettext_noop(
            "The database is unavailable, so the store can't check whose link "
            "this is. The link is still valid: try again in a minute, or run "
            "msrv studio without a name."
        ),
        FRONT,
        retry_after_seconds=60,
    ),
    SignedOut: ErrorPage(
        401,
        "signed_out",
        gettext_noop("You are not signed in"),
        gettext_noop(
            "The studio needs a sign-in. Run msrv studio where the store "
            "runs, and open the link that it prints."
        ),
        FRONT,
        # RFC 9110, section 15.5.2, requires a challenge. No browser knows
        # this scheme, so none asks for a password.
        headers={"WWW-Authenticate": "SignInLink"},
    ),
    RecentSignInRequired: ErrorPage(
        403,
        "sign_in_again",
        gettext_noop("Please sign in again"),
        gettext_noop(
            "Refunds, exports, free copies, codes, and changes of who may use "
            "the studio need a sign-in from the last hour. Sign in again, "
            "with a passkey or with a new link from msrv studio, and try "
            "again."
        ),
        ("/studio/passkeys/sign-in", gettext_noop("Sign in again")),
    ),
    TooManyGifts: _too_many_gifts,
    PackageMissing: ErrorPage(
        501,
        "pdf_not_installed",
        gettext_noop("PDFs can't be written here"),
        gettext_noop(
            "The store was installed without the packages for PDFs: whoever "
            "runs it can add them with pip install 'msrv[pdf]'. Until then, "
            "print the page to a PDF in your browser."
        ),
        ("/studio/orders", gettext_noop("Go to the orders")),
    ),
    LinkNotRecorded: ErrorPage(
        503,
        "sign_in_closed",
        gettext_noop("Sign-in is temporarily unavailable"),
        gettext_noop(
            "The store can't record that this link was used. The link is "
            "still valid: free some disk space and try again."
        ),
        FRONT,
        retry_after_seconds=60,
    ),
}
