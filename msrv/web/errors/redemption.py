# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Error pages for redeem codes."""

from typing import Final

from msrv.ledger.errors import AlreadyRedeemed, DatabaseError
from msrv.orders.errors import CampaignEnded
from msrv.orders.rate_limits import TooManyGuesses
from msrv.proofs import codes
from msrv.proofs.errors import Forged
from msrv.translations import gettext, gettext_noop, ngettext
from msrv.web import formatting
from msrv.web.errors import ErrorPage, Table


def _code_length(error: codes.WrongLength) -> ErrorPage:
    return ErrorPage(
        422,
        "code_mistyped",
        gettext("Please check your code"),
        ngettext(
            "A code has %(length)s letters and digits; you entered %(num)s "
            "character.",
            "A code has %(length)s letters and digits; you entered %(num)s "
            "characters.",
            error.count,
            length=codes.CODE_CHARS,
        ),
    )


def _code_character(error: codes.WrongCharacter) -> ErrorPage:
    character = error.character if error.character.isprintable() else "?"
    return ErrorPage(
        422,
        "code_mistyped",
        gettext("Please check your code"),
        gettext(
            "“%(character)s” can't be part of a code: codes contain only "
            "letters and digits.",
            character=character,
        ),
    )


def _too_many_codes(error: TooManyGuesses) -> ErrorPage:
    return ErrorPage(
        429,
        "too_many_guesses",
        gettext("Too many attempts"),
        ngettext(
            "Too many wrong codes were entered. Yours hasn't been used up; "
            "please try again in a minute.",
            "Too many wrong codes were entered. Yours hasn't been used up; "
            "please try again in %(num)s minutes.",
            formatting.whole_minutes(error.retry_after_seconds),
        ),
        retry_after_seconds=error.retry_after_seconds,
    )


REDEMPTION: Final[Table] = {
    codes.WrongLength: _code_length,
    codes.WrongCharacter: _code_character,
    codes.WrongCheckCharacter: ErrorPage(
        422,
        "code_mistyped",
        gettext_noop("Please check your code"),
        gettext_noop(
            "One character is wrong, or two are swapped. Compare your code "
            "with the printed one, four characters at a time."
        ),
    ),
    Forged: ErrorPage(
        422,
        "no_such_code",
        gettext_noop("Code not recognised"),
        gettext_noop(
            "This store has no such code, or the item that it was for is no "
            "longer available. If the printed code is exactly this, please "
            "send the store a photo of it."
        ),
    ),
    CampaignEnded: ErrorPage(
        410,
        "code_ended",
        gettext_noop("This code has expired"),
        gettext_noop(
            "The store has ended this campaign. Purchases already made with "
            "its codes still work."
        ),
    ),
    AlreadyRedeemed: ErrorPage(
        409,
        "code_used",
        gettext_noop("This code has already been used"),
        gettext_noop(
            "Each code works once. If you used it yourself, open the receipt "
            "that you got, or this page in the same browser."
        ),
    ),
    DatabaseError: ErrorPage(
        503,
        "ledger_resting",
        gettext_noop("Codes can't be redeemed right now"),
        gettext_noop(
            "We can't check right now whether this code was used. It hasn't "
            "been used up; please try again in a few minutes."
        ),
        retry_after_seconds=60,
    ),
    TooManyGuesses: _too_many_codes,
}
"""The pages of /redeem, where some errors mean something else."""
