# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of single fields, shown beside the fields on the page again.

Apart from `forms`, which parses them and renders nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self

from msrv.orders.errors import PriceNotPayable, PriceOutOfBounds
from msrv.translations import gettext
from msrv.web import formatting
from msrv.web.errors import InvalidField
from msrv.web.forms import PRICE_PREFIX

MAIL: Final = "mail"
CONSENT: Final = "consent"
NAME: Final = "name"
ORDER: Final = "order"
GIFT: Final = "gift"
GIFT_TO: Final = "gift_to"
GIFT_NOTE: Final = "gift_note"
GIFT_FROM: Final = "gift_from"
NEWSLETTER: Final = "newsletter"
ADDRESS: Final = "address"
VAT_ID: Final = "vat_id"
_NAMES: Final = frozenset(
    {
        MAIL,
        NEWSLETTER,
        CONSENT,
        NAME,
        ORDER,
        GIFT,
        GIFT_TO,
        GIFT_NOTE,
        GIFT_FROM,
        ADDRESS,
        VAT_ID,
    }
)


@dataclass(frozen=True, slots=True)
class FieldErrors:
    """Messages and typed values by field name, for a page's form."""

    messages: Mapping[str, str] = field(default_factory=dict)
    typed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, error: InvalidField | PriceOutOfBounds, form: Mapping[str, str]
    ) -> Self | None:
        """Return the error of a form's field; None for one not on a page."""
        if isinstance(error, PriceOutOfBounds):
            name = PRICE_PREFIX + error.item_id
            message = bounds_sentence(error)
        else:
            name, message = error.field, requirement_sentence(error)
        if name not in _NAMES and not name.startswith(PRICE_PREFIX):
            return None
        return cls({name: message}, cls.with_typed(form).typed)

    @classmethod
    def with_typed(cls, form: Mapping[str, str]) -> Self:
        """Return no errors, and what was typed into a form's fields."""
        typed = {
            key: text
            for key, text in form.items()
            if key in _NAMES or key.startswith(PRICE_PREFIX)
        }
        return cls(typed=typed)


def bounds_sentence(error: PriceOutOfBounds) -> str:
    """Return which prices a buyer can choose, as a sentence."""
    least, most = formatting.price(error.least), formatting.price(error.most)
    if isinstance(error, PriceNotPayable):
        return gettext(
            "Please choose a price from %(least)s to %(most)s in steps of "
            "%(step)s.",
            least=least,
            most=most,
            step=formatting.price(error.step),
        )
    return gettext(
        "Please choose a price from %(least)s to %(most)s.",
        least=least,
        most=most,
    )


def requirement_sentence(error: InvalidField) -> str:
    """Return what a field requires as a sentence, to stand beside it."""
    stated = error.requirement
    # Translators: the requirement is like “Must be a number”.
    return gettext(
        "%(requirement)s.", requirement=f"{stated[:1].upper()}{stated[1:]}"
    )


NO_ERRORS: Final = FieldErrors()
