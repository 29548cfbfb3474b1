# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors say nothing that isn't translated: each error that is shown."""

import pytest

from msrv.catalog.encodings.item_formats import FormatNotReady, UnknownFormat
from msrv.money import Money
from msrv.orders import errors as orders
from msrv.orders import rate_limits
from msrv.orders.refunds.errors import NothingPaid
from msrv.payments import provider as payments
from msrv.payments.refunds import RefundRefused, RefundUnconfirmed
from msrv.proofs import codes
from msrv.proofs.links import Access, LinkExpired
from msrv.translations import gettext
from msrv.web.errors import (
    ErrorPage,
    InvalidField,
    NotAllowed,
    ScopeMissing,
    access,
)
from msrv.web.errors.redemption import REDEMPTION
from msrv.web.errors.refunds import RefundFailed
from msrv.web.errors.table import TABLE, error_page, redemption_page
from tests.translations.pseudo import (
    unmarked,
)

pytestmark = pytest.mark.usefixtures("pseudo_language")

EUROS = Money(500, "EUR")
WAIT = 1
ERRORS: list[Exception] = [
    InvalidField("ποσό", "⟦ok⟧"),
    UnknownFormat("2"),
    FormatNotReady("2"),
    LinkExpired(Access("2", "3", 1_700_000_000)),
    orders.TooManyItems(300),
    orders.DuplicateItem("2"),
    orders.NotForSale("2"),
    orders.MixedCurrencies(["€", "$"]),
    orders.TotalChanged(EUROS),
    orders.PriceOutOfBounds("2", EUROS, EUROS),
    orders.PriceNotPayable("2", EUROS, EUROS, EUROS),
    orders.NoSuchDiscount("2"),
    orders.DiscountNotStarted("2", 1_900_000_000),
    orders.DiscountEnded("2"),
    orders.DiscountUsedUp("2"),
    orders.DiscountUsesUnknown("2"),
    orders.DiscountNotApplicable("2"),
    orders.TooManyDiscountsTried("2"),
    rate_limits.TooManyGuesses(WAIT),
    rate_limits.TooManyMails(600),
    rate_limits.TooManyPayments(WAIT),
    rate_limits.TooManyLookUps(WAIT),
    rate_limits.TooManyGifts(WAIT),
    rate_limits.TooManyInvoices(WAIT),
    rate_limits.TooManyTokens(WAIT),
    rate_limits.TooManySignIns(WAIT),
    NotAllowed(needs_owner=True),
    NotAllowed(needs_owner=False),
    ScopeMissing("2"),
    ScopeMissing(None),
    payments.AmountNotSupported(EUROS),
    RefundFailed("2", RefundRefused("balance_insufficient")),
    RefundFailed("2", RefundUnconfirmed("2")),
    RefundFailed("2", NothingPaid("2")),
]
CODE_ERRORS: list[Exception] = [
    codes.WrongLength(3),
    codes.WrongCharacter("ß"),
    rate_limits.TooManyGuesses(600),
]


@pytest.mark.parametrize(
    "error", ERRORS, ids=lambda error: type(error).__name__
)
def test_error_with_values_is_translated(error: Exception) -> None:
    assert untranslated_parts(error_page(error)) == []


@pytest.mark.parametrize(
    "error", CODE_ERRORS, ids=lambda error: type(error).__name__
)
def test_error_of_a_code_is_translated(error: Exception) -> None:
    page = redemption_page(error)
    assert page is not None
    assert untranslated_parts(page) == []


def test_every_error_is_translated() -> None:
    """Those with values are above."""
    tables = (TABLE, REDEMPTION)
    entries = [entry for table in tables for entry in table.values()]
    pages = [each for each in entries if isinstance(each, ErrorPage)]
    pages += access.STATUSES.values()
    assert len(pages) > 30
    for page in pages:
        assert untranslated_parts(page.translated()) == []
    with_values = {
        kind
        for table in tables
        for kind, entry in table.items()
        if not isinstance(entry, ErrorPage)
    }
    assert with_values <= {
        kind
        for error in (*ERRORS, *CODE_ERRORS)
        for kind in type(error).__mro__
    }


def untranslated_parts(page: ErrorPage) -> list[str]:
    """Return the texts of an error that aren't translated."""
    text = "\n".join((page.title, page.message, gettext(page.link[1])))
    return unmarked(text)
