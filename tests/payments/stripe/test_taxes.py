# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Country and tax of an order: from Stripe to the ledger."""

import copy
from pathlib import Path
from typing import Any

import pytest

from msrv.ledger.db.schema import orders, sale_taxes
from msrv.payments.provider import Paid
from msrv.payments.stripe import sessions, taxes
from msrv.settings import Settings
from msrv.taxes.sale_tax import CountryEvidence, SaleTax
from tests.conftest import Client, StartStore
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import (
    come_back,
    followed,
    order,
    rows,
    tell,
)
from tests.payments.stripe.stripe_objects import Json, tax

GERMAN = (
    CountryEvidence("billing-address", "DE"),
    CountryEvidence("card", "DE"),
)
SESSION: Json = {
    "id": "cs_test_1",
    "mode": "payment",
    "status": "complete",
    "payment_status": "paid",
    "amount_total": 700,
    "currency": "eur",
    "automatic_tax": {"enabled": True, "status": "complete"},
    "customer_details": {"address": {"country": "DE"}, "tax_ids": []},
    "metadata": {"msrv_tax": "inclusive", **sessions.pack("token")},
    "payment_intent": {
        "id": "pi_1",
        "latest_charge": {
            "created": 1,
            "payment_method_details": {
                "type": "card",
                "card": {"country": "DE"},
            },
        },
    },
    "total_details": {
        "amount_tax": 112,
        "breakdown": {
            "taxes": [tax(112, 19.0, "DE", taxable=588, inclusive=True)]
        },
    },
}


def _changed(path: str, value: Any) -> Json:  # noqa: ANN401 - JSON
    """Return the session with a member that is another."""
    session = copy.deepcopy(SESSION)
    *parents, last = path.split(".")
    at: Any = session
    for name in parents:
        at = at[int(name) if name.isdigit() else name]
    at[last] = value
    return session


def test_tax_is_read_from_a_session() -> None:
    assert taxes.sale_tax(SESSION) == SaleTax(
        "DE", GERMAN, 112, rate_bp=1900, jurisdiction="DE"
    )


_RATE = "total_details.breakdown.taxes.0.rate"


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (f"{_RATE}.effective_percentage", 8.1, {"rate_bp": 810}),
        (f"{_RATE}.effective_percentage", 0, {"rate_bp": 0}),
        (f"{_RATE}.effective_percentage", 8.875, {"rate_bp": None}),
        (f"{_RATE}.effective_percentage", None, {"rate_bp": 1900}),
        (f"{_RATE}.jurisdiction", "\x00", {"jurisdiction": ""}),
        (f"{_RATE}.jurisdiction", None, {"jurisdiction": ""}),
        (f"{_RATE}.jurisdiction", "x" * 99, {"jurisdiction": "x" * 64}),
        (
            "total_details.breakdown.taxes",
            SESSION["total_details"]["breakdown"]["taxes"] * 2,
            {"rate_bp": None, "jurisdiction": ""},
        ),
        (
            "total_details.breakdown",
            None,
            {"rate_bp": None, "jurisdiction": ""},
        ),
        (
            "total_details.breakdown.taxes.0.taxability_reason",
            "not_collecting",
            {"rate_bp": None},
        ),
        (
            "total_details.breakdown.taxes.0.taxability_reason",
            "reverse_charge",
            {"is_business": True},
        ),
        (
            "customer_details.tax_ids",
            [{"type": "eu_vat", "value": "DE123456789"}],
            {"is_business": True},
        ),
        ("metadata.msrv_tax", "exclusive", {"is_included": False}),
        (
            "payment_intent.latest_charge.payment_method_details.card",
            {"country": "AT"},
            {"evidence": (GERMAN[0], CountryEvidence("card", "AT"))},
        ),
        (
            "payment_intent.latest_charge.payment_method_details",
            {"type": "sepa_debit", "sepa_debit": {"country": "FR"}},
            {"evidence": (GERMAN[0], CountryEvidence("sepa-debit", "FR"))},
        ),
        (
            "payment_intent.latest_charge.payment_method_details",
            {"type": "ideal", "ideal": {"bank": "ing"}},
            {"evidence": GERMAN[:1]},
        ),
        ("payment_intent", "pi_1", {"evidence": GERMAN[:1]}),
        ("customer_details", None, {"evidence": GERMAN[1:]}),
        (
            "automatic_tax.status",
            "failed",
            {"tax_minor": None, "rate_bp": None, "jurisdiction": ""},
        ),
    ],
    ids=str,
)
def test_what_stripe_states_otherwise_is_read_as_that(
    path: str,
    value: Any,  # noqa: ANN401 - JSON
    expected: dict[str, Any],
) -> None:
    found = taxes.sale_tax(_changed(path, value))
    assert found is not None
    usual = {
        "country": "DE",
        "evidence": GERMAN,
        "tax_minor": 112,
        "is_included": True,
        "rate_bp": 1900,
        "jurisdiction": "DE",
        "is_business": False,
    }
    assert {name: getattr(found, name) for name in usual} == usual | expected


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("customer_details", []),
        ("customer_details.address.country", "Germany"),
        ("customer_details.address.country", 49),
        ("payment_intent.latest_charge.payment_method_details", "card"),
        ("payment_intent.latest_charge.payment_method_details.type", "\n"),
        ("total_details.amount_tax", None),
        ("total_details.amount_tax", -5),
        ("total_details.breakdown.taxes", [5]),
        ("total_details.breakdown.taxes", {"a": 1}),
        (_RATE, "txr_1"),
        (f"{_RATE}.effective_percentage", "much"),
        (f"{_RATE}.effective_percentage", float("nan")),
        (f"{_RATE}.effective_percentage", 1e9),
        ("automatic_tax", None),
    ],
    ids=str,
)
def test_odd_answer_never_stops_a_sale(path: str, value: Any) -> None:  # noqa: ANN401 - JSON
    paid = sessions.parse_session(_changed(path, value)).outcome
    assert isinstance(paid, Paid)
    assert paid.total.minor == 700
    assert paid.tax is not None
    assert paid.tax.country == "DE"


def test_session_that_states_nothing_has_no_tax() -> None:
    bare = {
        name: value
        for name, value in SESSION.items()
        if name not in {"customer_details", "automatic_tax", "total_details"}
    }
    assert taxes.sale_tax(bare | {"payment_intent": "pi_1"}) is None


async def _store(
    start: StartStore,
    settings: Settings,
    library: Path,
    toml: str,
    *,
    stripe_tax: bool = False,
) -> Client:
    path = library / "store.toml"
    path.write_text(f"{toml}\n{path.read_text('utf-8')}", encoding="utf-8")
    return await start(settings.model_copy(update={"stripe_tax": stripe_tax}))


@pytest.mark.parametrize(("included", "minor"), [(True, 16), (False, 19)])
async def test_tax_of_stripe_is_recorded_once_on_every_road(
    start_store: StartStore,
    settings: Settings,
    library: Path,
    bank: FakeStripe,
    *,
    included: bool,
    minor: int,
) -> None:
    bank.countries, bank.tax_percent = ("DE", "AT"), 19.0
    store = await _store(
        start_store,
        settings,
        library,
        f"tax_included = {str(included).lower()}",
        stripe_tax=True,
    )
    session = bank.pay(await order(store, bank))
    event = bank.event("checkout.session.completed", session)
    assert await tell(store, bank, event) == 200
    await followed(store)
    (recorded,) = await rows(store, sale_taxes)
    assert recorded == {
        "order_id": recorded["order_id"],
        "country": "DE",
        "evidence": "billing-address:DE card:AT",
        "tax_minor": minor,
        "is_included": included,
        "rate_bp": 1900,
        "jurisdiction": "DE",
        "is_business": False,
    }
    first = await come_back(store, session)
    assert first[0] == 303
    # What Stripe states later, or doesn't, changes neither.
    bank.countries = None
    session["customer_details"] = None
    assert await come_back(store, session) == first
    assert await rows(store, sale_taxes) == [recorded]
    (sold,) = await rows(store, orders)
    assert sold["order_id"] == recorded["order_id"]


OWN = """
tax_included = true
tax = { country = "DE", rates = { DE = "19", FI = "25.5" }, require_address = true }
"""  # noqa: E501 - a line of TOML


@pytest.mark.parametrize(
    ("countries", "tax_minor", "rate_bp"),
    [
        (("FI", "FI"), 20, 2550),
        (("DE", "AT"), 16, 1900),
        (("FR", "FR"), None, None),
        (("US", "US"), None, None),
    ],
)
async def test_tax_by_own_rates_is_that_of_the_buyer_s_country(
    start_store: StartStore,
    settings: Settings,
    library: Path,
    bank: FakeStripe,
    countries: tuple[str, str],
    tax_minor: int | None,
    rate_bp: int | None,
) -> None:
    bank.countries = countries
    store = await _store(start_store, settings, library, OWN)
    session = bank.pay(await order(store, bank))
    assert (await come_back(store, session))[0] == 303
    (recorded,) = await rows(store, sale_taxes)
    assert recorded["country"] == countries[0]
    assert recorded["tax_minor"] == tax_minor
    assert recorded["rate_bp"] == rate_bp
    assert recorded["is_included"] is True
