# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Amounts of currencies of which Stripe charges no smallest parts."""

import re
from pathlib import Path

import pytest

from msrv.settings import Settings
from tests.conftest import Client, StartStore
from tests.payments.stripe.fake_stripe import FakeStripe

JSON = {"Accept": "application/json"}

DISCOUNTS = """
[discounts.SPRING]
percent = 15

[discounts.DINAR]
amount = "1.000"
"""


@pytest.fixture
async def dinars(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """A store with prices in dinars, one of them the buyer's own."""
    return await _store_of(start_store, settings, library, "KWD")


async def _store_of(
    start_store: StartStore, settings: Settings, library: Path, currency: str
) -> Client:
    toml = library / "store.toml"
    text = re.sub(
        r'(?m)^currency = ".*"$',
        f'currency = "{currency}"',
        toml.read_text("utf-8"),
    )
    toml.write_text(text + DISCOUNTS, encoding="utf-8")
    toml = library / "Night Bus" / "release.toml"
    text = toml.read_text("utf-8")
    toml.write_text(text.replace('"7.00"', '"6.95"'), encoding="utf-8")
    toml = library / "Umbrella" / "release.toml"
    text = toml.read_text("utf-8")
    text = text.replace('price = "1.50"', 'minimum = "1"')
    toml.write_text(text, encoding="utf-8")
    return await start_store(settings)


@pytest.mark.parametrize(
    ("code", "total_minor"), [("SPRING", 6760), ("DINAR", 6950)]
)
async def test_discounted_order_can_be_paid(
    dinars: Client, bank: FakeStripe, code: str, total_minor: int
) -> None:
    answer = await dinars.post(
        "/purchases",
        data=[
            ("item", "night-bus"),
            ("item", "departure"),
            ("discount", code),
        ],
        headers=JSON,
    )
    assert answer.status == 202, await answer.text()
    assert bank.last["amount_total"] == total_minor


async def test_own_price_off_the_step_is_refused(dinars: Client) -> None:
    form = {"item": "umbrella", "price.umbrella": "1.955"}
    answer = await dinars.post("/purchases", data=form, headers=JSON)
    told = await answer.json()
    assert (answer.status, told["error"]) == (422, "out_of_bounds")
    assert told["step_minor"] == 10
    assert told["message"].endswith("You haven't been charged.")
    await dinars.post("/cart", data={"add": "umbrella"})
    for path in ("/cart", "/purchases"):
        answer = await dinars.post(path, data=form)
        assert answer.status == 422
        page = await answer.text()
        assert "in steps of KWD\N{NO-BREAK SPACE}0.010" in page


async def test_amount_that_stripe_refuses_is_not_a_missing_provider(
    start_store: StartStore, settings: Settings, library: Path
) -> None:
    store = await _store_of(start_store, settings, library, "LYD")
    answer = await store.post(
        "/purchases", data={"item": "departure"}, headers=JSON
    )
    told = await answer.json()
    assert (answer.status, told["error"]) == (422, "amount_not_taken")
    assert (told["total_minor"], told["currency"]) == (1000, "LYD")
    await store.post("/cart", data={"add": "night-bus"})
    for path in ("/catalog/night-bus", "/checkout"):
        page = await (await store.get(path)).text()
        assert "take payments yet" not in page
        assert "accept LYD\N{NO-BREAK SPACE}6.950 as an amount" in page
