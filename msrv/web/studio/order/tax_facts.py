# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Country and tax of an order, as its page shows them.

Apart from the page: few orders of a store without taxes have any.
"""

from collections.abc import Iterator

from msrv.ledger.db.order_queries import Order
from msrv.taxes.country_decisions import CountryDecision
from msrv.taxes.sale_tax import BILLING_ADDRESS
from msrv.translations import gettext
from msrv.translations.countries import country_name
from msrv.translations.prices import format_amount, format_rate


def tax_facts(
    order: Order, decision: CountryDecision | None
) -> Iterator[tuple[str, str]]:
    """Yield labels and texts, in the current language."""
    if decision is not None:
        yield gettext("Country, decided by hand"), decision_text(decision)
    tax = order.tax
    if tax is None:
        return
    if tax.country:
        yield gettext("Country"), country_name(tax.country)
    for each in tax.evidence:
        label = (
            gettext("Billing address")
            if each.kind == BILLING_ADDRESS
            else gettext("Means of payment")
        )
        yield label, country_name(each.country)
    if tax.tax_minor is None:
        return
    amount = format_amount(tax.tax_minor, order.currency)
    if tax.rate_bp is not None:
        rate = format_rate(tax.rate_bp)
        amount = (
            gettext(
                "%(rate)s, %(amount)s, in the price", rate=rate, amount=amount
            )
            if tax.is_included
            else gettext(
                "%(rate)s, %(amount)s, added to the price",
                rate=rate,
                amount=amount,
            )
        )
    yield gettext("Tax"), amount
    if tax.is_business:
        yield gettext("Tax number"), gettext("stated by the buyer")


def decision_text(decision: CountryDecision) -> str:
    """Return a decided country with its rate, in the current language."""
    name = country_name(decision.country)
    if decision.rate_bp is None:
        return name
    return gettext(
        "%(country)s, %(rate)s",
        country=name,
        rate=format_rate(decision.rate_bp),
    )
