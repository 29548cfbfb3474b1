# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Country and tax of a session, as Stripe states them.

What is missing, or not in the expected form, isn't known: nothing about the
tax stops a sale. Addresses are read for their country alone.

https://docs.stripe.com/api/checkout/sessions/object
"""

import logging
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from msrv.payments.stripe.amounts import from_stripe
from msrv.payments.stripe.client import Json
from msrv.taxes.sale_tax import (
    BILLING_ADDRESS,
    JURISDICTION_CHARS,
    CountryEvidence,
    SaleTax,
)

log = logging.getLogger(__name__)

BEHAVIOUR: Final = "msrv_tax"
"""Metadata key of what the tax is to the prices."""
EXCLUSIVE: Final = "exclusive"
INCLUSIVE: Final = "inclusive"
_UNDETERMINED: Final = frozenset({"not_collecting", "not_supported"})
"""Reasons for no tax that say nothing of which tax is due."""
_REVERSE_CHARGE: Final = "reverse_charge"
_ODD: Final = (
    ArithmeticError,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
)
"""Errors of an answer that isn't in the expected form."""


def sale_tax(session: Json) -> SaleTax | None:
    """Return the country and the tax of a paid session.

    With its payment, charge and tax expanded; what isn't can't be known. None
    where Stripe states nothing of it.
    """
    evidence = tuple(_evidence(session))
    country = evidence[0].country if evidence else ""
    known = SaleTax(country, evidence)
    try:
        found = _with_tax(session, known)
    except _ODD as error:
        log.warning(
            "stripe: the tax of a payment can't be read (%s)",
            type(error).__name__,
        )
        found = known
    return None if found.says_nothing else found


def _evidence(session: Json) -> Iterator[CountryEvidence]:
    """Yield the pieces of evidence, that of the address first."""
    address = _member(session, "customer_details", "address")
    charge = _member(session, "payment_intent", "latest_charge")
    method = _member(charge, "payment_method_details")
    name = _member(method, "type")
    stated = {
        BILLING_ADDRESS: _member(address, "country"),
        str(name).replace("_", "-"): _member(method, str(name), "country"),
    }
    for kind, country in stated.items():
        try:
            yield CountryEvidence(kind, country)
        except ValueError:
            continue


def _member(value: Any, *names: str) -> Any:  # noqa: ANN401 - JSON
    """Return a nested member, None where there is none."""
    for name in names:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def _with_tax(session: Json, known: SaleTax) -> SaleTax:
    """Return it with the tax that Stripe calculated, if it did."""
    has_number = bool(_member(session, "customer_details", "tax_ids"))
    status = _member(session, "automatic_tax", "status")
    if status != "complete":
        return SaleTax(known.country, known.evidence, is_business=has_number)
    units = session["total_details"]["amount_tax"]
    applied = _member(session, "total_details", "breakdown", "taxes") or []
    reasons = {each["taxability_reason"] for each in applied}
    only = applied[0]["rate"] if len(applied) == 1 else {}
    behaviour = (session.get("metadata") or {}).get(BEHAVIOUR)
    return SaleTax(
        known.country or only.get("country") or "",
        known.evidence,
        from_stripe(units, session["currency"]).minor,
        is_included=behaviour != EXCLUSIVE,
        rate_bp=None if reasons & _UNDETERMINED else _basis_points(only),
        jurisdiction=_label(only.get("jurisdiction")),
        is_business=has_number or _REVERSE_CHARGE in reasons,
    )


def _label(text: Any) -> str:  # noqa: ANN401 - JSON
    """Return a label that can be stored; empty for none."""
    kept = filter(str.isprintable, text if isinstance(text, str) else "")
    return "".join(kept)[:JURISDICTION_CHARS].strip()


def _basis_points(rate: Json) -> int | None:
    """Return a rate in basis points, None if it isn't a whole number of them.

    The effective rate is the one that the tax was calculated with.
    """
    percent = rate.get("effective_percentage")
    if percent is None:
        percent = rate.get("percentage")
    if percent is None:
        return None
    # JSON's number, which Python reads as a float: by its decimal digits.
    points = Decimal(str(percent)) * 100
    return int(points) if points == int(points) else None
