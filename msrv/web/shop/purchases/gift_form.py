# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The gift's fields of the checkout: for whom, a note, and from whom."""

import re
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from msrv.display_text import clean_line
from msrv.proofs.gifts.gift import (
    MAX_NOTE_CHARS,
    MAX_NOTE_LINES,
    MAX_SENDER_CHARS,
    Gift,
)
from msrv.translations import gettext
from msrv.web.errors import InvalidField
from msrv.web.errors.fields import GIFT, GIFT_FROM, GIFT_NOTE, GIFT_TO
from msrv.web.shop.receipt_mails import read_address

# Mail programs turn these into links, whatever the mail says. `z.B.` and 3.50
# are none: after the dot there are two letters or more.
LINK: Final = re.compile(
    r"[a-z][a-z0-9+.-]*:/|www\.|\S@\S|\w\.[^\W\d_]{2}", re.IGNORECASE
)


def read_gift(request: web.Request, form: Mapping[str, str]) -> Gift | None:
    """Return the gift that an order is to be, None if it isn't one.

    The other fields count only where `gift` is set. Raises InvalidField.
    """
    if not form.get(GIFT):
        return None
    note = clean_note(form.get(GIFT_NOTE, ""))
    if len(note) > MAX_NOTE_CHARS:
        raise InvalidField(
            GIFT_NOTE,
            gettext(
                "can have up to %(most)s characters; it has %(count)s",
                most=MAX_NOTE_CHARS,
                count=len(note),
            ),
        )
    if note.count("\n") >= MAX_NOTE_LINES:
        raise InvalidField(
            GIFT_NOTE,
            gettext("can have up to %(most)s lines", most=MAX_NOTE_LINES),
        )
    sender = clean_line(form.get(GIFT_FROM, ""), MAX_SENDER_CHARS + 1)
    if len(sender) > MAX_SENDER_CHARS:
        raise InvalidField(
            GIFT_FROM,
            gettext(
                "can have up to %(most)s characters", most=MAX_SENDER_CHARS
            ),
        )
    for name, text in ((GIFT_NOTE, note), (GIFT_FROM, sender)):
        if LINK.search(text):
            raise InvalidField(
                name,
                gettext(
                    "can't contain web or email addresses; put a space after "
                    "each full stop"
                ),
            )
    return Gift(read_address(request, form, GIFT_TO), note, sender)


def clean_note(text: str) -> str:
    """Return a note's lines, each cleaned, without empty ones at the ends."""
    lines = [
        clean_line(line, MAX_NOTE_CHARS + 1) for line in text.splitlines()
    ]
    return "\n".join(lines).strip("\n")


def free_gift_error() -> InvalidField:
    """Return the error of a gift that costs nothing."""
    return InvalidField(
        GIFT,
        gettext(
            "isn't possible for a free order; share the release's page instead"
        ),
    )


def long_gift_error() -> InvalidField:
    """Return the error of a note that is too long for its order."""
    return InvalidField(
        GIFT_NOTE,
        gettext("must be shorter: the order has very many items"),
    )
