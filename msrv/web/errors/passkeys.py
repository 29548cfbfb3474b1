# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Error pages for passkeys of the studio; its script shows their messages."""

from typing import Final

from msrv import passkeys
from msrv.orders.rate_limits import TooManySignIns
from msrv.translations import gettext, gettext_noop
from msrv.web.errors import (
    ErrorPage,
    PasskeysOffline,
    PasskeysUnavailable,
    Table,
)

_STUDIO: Final = ("/studio", gettext_noop("Go to the studio"))
_PASSKEYS: Final = ("/studio/passkeys", gettext_noop("Go to the passkeys"))


def _too_many_sign_ins(error: TooManySignIns) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_sign_ins",
        gettext("Too many sign-ins"),
        gettext(
            "There were too many attempts to sign in from your network. "
            "Please try again in a minute, or use a sign-in link."
        ),
        _STUDIO,
        retry_after_seconds=error.retry_after_seconds,
    )


TABLE: Final[Table] = {
    PasskeysUnavailable: ErrorPage(
        501,
        "passkeys_unavailable",
        gettext_noop("Passkeys can't be used here"),
        gettext_noop(
            "Passkeys need HTTPS, an address with a name instead of numbers, "
            "and a package that whoever runs the store can add with "
            "pip install 'msrv[passkeys]'. A sign-in link works without them."
        ),
        _STUDIO,
    ),
    PasskeysOffline: ErrorPage(
        503,
        "ledger_resting",
        gettext_noop("Passkeys are temporarily unavailable"),
        gettext_noop(
            "The database is unavailable, so passkeys can't be checked right "
            "now. To sign in meanwhile, run msrv studio where the store "
            "runs, and open the link that it prints."
        ),
        _STUDIO,
        retry_after_seconds=60,
    ),
    passkeys.ChallengeExpired: ErrorPage(
        410,
        "passkey_expired",
        gettext_noop("Passkey request timed out"),
        gettext_noop(
            "The passkey has to be used within five minutes. Nothing was "
            "changed; please try again."
        ),
        _STUDIO,
    ),
    passkeys.ChallengeUsed: ErrorPage(
        410,
        "passkey_used",
        gettext_noop("Passkey response already used"),
        gettext_noop(
            "The same response of a passkey is accepted once. Please try "
            "again."
        ),
        _STUDIO,
    ),
    passkeys.ChallengeInvalid: ErrorPage(
        400,
        "passkey_not_started",
        gettext_noop("Passkey request not found"),
        gettext_noop(
            "The store didn't ask this browser for a passkey, or its cookie "
            "is missing. Nothing was changed; please reload the page and try "
            "again."
        ),
        _STUDIO,
    ),
    passkeys.ResponseInvalid: ErrorPage(
        403,
        "passkey_refused",
        gettext_noop("The passkey can't be verified"),
        gettext_noop(
            "The response of this passkey can't be verified. Nothing was "
            "changed; please try again, or use another passkey or a sign-in "
            "link."
        ),
        _STUDIO,
    ),
    passkeys.PasskeyUnknown: ErrorPage(
        403,
        "passkey_unknown",
        gettext_noop("This passkey isn't known"),
        gettext_noop(
            "This store doesn't know this passkey: it was removed, or added "
            "before NONCE was changed. Use another one, or a sign-in link."
        ),
        _STUDIO,
    ),
    passkeys.PasskeyCopied: ErrorPage(
        403,
        "passkey_copied",
        gettext_noop("This passkey may have been copied"),
        gettext_noop(
            "The counter of this passkey went back, so there may be a copy "
            "of it, and it was refused. Sign in with a link, remove the "
            "passkey, and add a new one."
        ),
        _STUDIO,
    ),
    passkeys.PasskeyExists: ErrorPage(
        409,
        "passkey_exists",
        gettext_noop("This passkey was added before"),
        gettext_noop("This passkey was added before. Nothing was changed."),
        _PASSKEYS,
    ),
    passkeys.TooManyPasskeys: ErrorPage(
        409,
        "too_many_passkeys",
        gettext_noop("Too many passkeys"),
        gettext_noop(
            "An operator can have twenty passkeys. Remove one that isn't "
            "used any more, and try again."
        ),
        _PASSKEYS,
    ),
    TooManySignIns: _too_many_sign_ins,
}
