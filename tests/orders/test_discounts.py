# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Discount codes, from the cart to the receipt."""

import asyncio
import re
from pathlib import Path

import pytest

from msrv.ledger.db import schema
from msrv.ledger.errors import DatabaseUnavailable
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from tests.conftest import Client, Clock, StartStore
from tests.orders.discount_orders import DISCOUNTS, JSON, order
from tests.store_parts import ledger_of, rows


@pytest.mark.parametrize(
    "typed",
    [
        "spring",
        " Spring\t",
        "\u201cSPRING\u201d",
        "\u2018spring\u2019!",
        "SPR\u200bING\ufeff",
        "SPR\u00adING",
        "SPR\u2013ING",
        "S P R I N G",
        "\xa0SPRING\xa0",
        "\uff33PRING",
        "my code is SPRING, please",
        "> SPRING",
        "https://shop.example/?code=SPRING&utm_source=x",
    ],
)
async def test_code_is_found_in_typed_and_pasted_text(
    discount_store: Client, typed: str
) -> None:
    answer = await discount_store.post(
        "/cart", data={"add": "night-bus", "discount": typed}, headers=JSON
    )
    found = (await answer.json())["discount"]
    assert found["code"] == "SPRING"
    assert found["totals"][0]["off_minor"] == 140


async def test_discount_is_the_same_from_the_cart_to_the_receipt(
    discount_store: Client, keyring: Keyring
) -> None:
    await discount_store.post(
        "/cart", data=[("add", "night-bus"), ("add", "umbrella")]
    )
    answer = await discount_store.post("/cart", data={"discount": " spring "})
    page = await answer.text()
    assert "\u2212€1.70" in page
    assert "€6.80" in page
    page = await (await discount_store.get("/checkout")).text()
    assert "\u2212€1.70" in page
    form = re.findall(r'<input type="hidden" name="(\w+)" value="(.+?)"', page)
    assert ("discount", "SPRING") in form
    assert ("total_minor", "680") in form
    answer = await discount_store.post(
        "/purchases", data=form, allow_redirects=False
    )
    pay = answer.headers["Location"]
    assert "€6.80" in await (await discount_store.get(pay)).text()
    answer = await discount_store.post(
        pay, data={"answer": "pay"}, allow_redirects=False
    )
    receipt = receipts.read(
        keyring, answer.headers["Location"].rpartition("/")[2]
    )
    assert [line.price_minor for line in receipt.lines] == [560, 120]
    (sold,) = await rows(discount_store, schema.orders)
    assert sold["total_minor"] == 680
    (used,) = await rows(discount_store, schema.redemptions)
    assert used["code_id"].startswith("discount.spring.")
    # It was for that order: the next cart begins without it.
    await discount_store.post("/cart", data={"add": "departure"})
    assert "\u2212€" not in await (await discount_store.get("/cart")).text()


async def test_discount_is_written_in_the_visitors_language(
    discount_store: Client,
) -> None:
    await discount_store.post(
        "/cart", data={"add": "night-bus", "discount": "SPRING"}
    )
    for path in ("/cart", "/checkout"):
        answer = await discount_store.get(
            path, headers={"Accept-Language": "de"}
        )
        page = await answer.text()
        assert "\u22121,40\N{NO-BREAK SPACE}€" in page
        assert "€1.40" not in page


async def test_browser_cannot_change_what_a_code_is_worth(
    discount_store: Client, clock: Clock
) -> None:
    assert await order(discount_store, "", "night-bus") == (201, "", 700)
    assert await order(discount_store, "spring", "night-bus") == (201, "", 560)
    assert await order(discount_store, "SPRING2", "night-bus") == (
        422,
        "no_discount",
        0,
    )
    assert await order(discount_store, "FEW", "umbrella") == (
        422,
        "no_discount",
        0,
    )
    answer = await discount_store.post(
        "/purchases",
        data={"item": "night-bus", "discount": "SPRING", "total_minor": "1"},
        headers=JSON,
    )
    assert (answer.status, (await answer.json())["total_minor"]) == (409, 560)
    # From the second after its last day on, it is the full price again.
    clock.now = 1_800_057_600
    assert (await order(discount_store, "SPRING", "night-bus"))[:2] == (
        422,
        "no_discount",
    )


async def test_fully_discounted_order_is_free(
    discount_store: Client,
) -> None:
    await discount_store.post(
        "/cart", data={"add": "night-bus", "discount": "GIFT"}
    )
    page = await (await discount_store.get("/checkout")).text()
    assert 'value="free"' in page
    assert 'value="demo"' not in page
    assert await order(discount_store, "GIFT", "night-bus") == (201, "", 0)
    (sold,) = await rows(discount_store, schema.orders)
    assert sold["provider"] == "free"


async def test_fifty_simultaneous_orders_share_two_uses(
    discount_store: Client,
) -> None:
    answers = await asyncio.gather(
        *(order(discount_store, "GIFT", "night-bus") for _ in range(50))
    )
    assert sorted(each[0] for each in answers) == [201] * 2 + [422] * 48
    assert len(await rows(discount_store, schema.orders)) == 2
    # A free item stays free without one, and nobody's use is taken for it.
    assert (await order(discount_store, "", "zine"))[0] == 201


async def click(store: Client, form: dict[str, str]) -> str:
    """Submit the checkout, and return the receipt it redirects to."""
    answer = await store.post("/purchases", data=form, allow_redirects=False)
    assert answer.status == 303, await answer.text()
    return answer.headers["Location"]


async def last_use(store: Client) -> dict[str, str]:
    """Return the form of a free order, with one use left for it."""
    assert (await order(store, "GIFT", "night-bus"))[0] == 201
    await store.post("/cart", data={"add": "night-bus", "discount": "GIFT"})
    page = await (await store.get("/checkout")).text()
    form = dict(
        re.findall(r'<input type="hidden" name="(\w+)" value="(.+?)"', page)
    )
    assert form.keys() >= {"attempt", "discount", "item"}
    return form


async def test_double_click_uses_the_last_use_once(
    discount_store: Client,
) -> None:
    """The second click leads to the receipt of the first."""
    form = await last_use(discount_store)
    first = await click(discount_store, form)
    assert await click(discount_store, form) == first
    # Nobody else gets anything by it.
    assert (await order(discount_store, "GIFT", "night-bus"))[0] == 422
    other = form | {"attempt": "A" * len(form["attempt"])}
    answer = await discount_store.post("/purchases", data=other, headers=JSON)
    assert (await answer.json())["error"] == "no_discount"


async def test_simultaneous_clicks_use_the_last_use_once(
    discount_store: Client,
) -> None:
    """All of them lead to one receipt."""
    form = await last_use(discount_store)
    found = await asyncio.gather(
        *(click(discount_store, form) for _ in range(5))
    )
    assert len(set(found)) == 1
    await ledger_of(discount_store).wait_until_synced()
    assert len(await rows(discount_store, schema.orders)) == 2
    assert len(await rows(discount_store, schema.redemptions)) == 2


async def test_discount_does_not_reduce_the_buyers_own_price(
    start_store: StartStore, settings: Settings, library: Path
) -> None:
    with (library / "store.toml").open("a", encoding="utf-8") as file:
        file.write(DISCOUNTS)
    toml = library / "Umbrella" / "release.toml"
    text = toml.read_text("utf-8")
    text = text.replace('price = "1.50"', 'minimum = "1.00"')
    toml.write_text(text, encoding="utf-8")
    store = await start_store(settings)
    form = [
        ("item", "night-bus"),
        ("item", "umbrella"),
        ("price.umbrella", "3.00"),
        ("discount", "SPRING"),
        # Of the fixed prices, and less the discount: as the page shows it.
        ("total_minor", "560"),
    ]
    answer = await store.post("/purchases", data=form, headers=JSON)
    assert answer.status == 201
    address = (
        "/purchases/" + (await answer.json())["receipt"].rpartition("/")[2]
    )
    receipt = await (await store.get(address, headers=JSON)).json()
    assert [each["price_minor"] for each in receipt["items"]] == [560, 300]
    # The page says the same before, and lets no change of it by unseen.
    await store.post("/cart", data=form[3:4])
    await store.post(
        "/cart",
        data=[("add", "night-bus"), ("add", "umbrella"), form[2]],
    )
    page = await (await store.get("/checkout")).text()
    assert 'name="total_minor" value="560"' in page
    assert 'name="price.umbrella" value="3.00"' in page
    assert "\u2212€1.40" in page
    assert "€8.60" in page


async def test_uses_are_counted_with_the_sale(discount_store: Client) -> None:
    """A checkout that isn't paid uses nothing up."""
    await discount_store.post(
        "/cart", data={"add": "night-bus", "discount": "FEW"}
    )
    for _ in range(5):
        await discount_store.get("/checkout")
        await discount_store.post(
            "/purchases", data={"item": "night-bus", "discount": "FEW"}
        )
    for _ in range(2):
        assert await order(discount_store, "FEW", "night-bus") == (
            201,
            "",
            500,
        )
        await ledger_of(discount_store).wait_until_synced()
    assert await order(discount_store, "FEW", "night-bus") == (
        422,
        "no_discount",
        0,
    )
    await discount_store.post(
        "/cart", data={"add": "night-bus", "discount": "FEW"}
    )
    page = await (await discount_store.get("/cart")).text()
    assert "“FEW” has been used up." in page
    assert "€7.00" in page


async def test_limited_discount_is_refused_without_the_database(
    discount_store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discounts without a limit of uses still apply."""

    async def rest(*_: object) -> None:
        raise DatabaseUnavailable("the database can't be reached")

    monkeypatch.setattr(ledger_of(discount_store), "count_uses", rest)
    monkeypatch.setattr(ledger_of(discount_store), "claim_use", rest)
    assert await order(discount_store, "FEW", "night-bus") == (
        503,
        "ledger_resting",
        0,
    )
    # Codes without a limit of uses need no database.
    assert await order(discount_store, "SPRING", "night-bus") == (201, "", 560)
    await discount_store.post(
        "/cart", data={"add": "night-bus", "discount": "FEW"}
    )
    answer = await discount_store.get("/checkout")
    page = await answer.text()
    assert answer.status == 200
    assert "We can&#39;t check right now" in page
    assert 'name="total_minor" value="700"' in page


@pytest.mark.parametrize(
    "cookie",
    ["SPRING", "SPRING.", "SPRING.AAAA", "spring.x", ".x", "%00.x"],
)
async def test_cookie_without_a_valid_tag_is_looked_up(
    discount_store: Client, cookie: str
) -> None:
    """Cookies of older versions have none; one that is no code is ignored."""
    answer = await discount_store.get(
        "/cart",
        headers=JSON,
        cookies={"cart": "night-bus", "discount": cookie},
    )
    assert answer.status == 200
    found = (await answer.json()).get("discount", {}).get("totals")
    assert bool(found) is cookie.startswith("SPRING")


async def test_json_of_the_cart_has_the_discount(
    discount_store: Client,
) -> None:
    answer = await discount_store.post(
        "/cart", data={"add": "night-bus", "discount": "SPRING"}, headers=JSON
    )
    assert (await answer.json())["discount"] == {
        "code": "SPRING",
        "totals": [{"off_minor": 140, "total_minor": 560, "currency": "EUR"}],
    }
    answer = await discount_store.post(
        "/cart", data={"discount": ""}, headers=JSON
    )
    assert "discount" not in await answer.json()


async def test_store_without_discounts_has_no_code_field(
    store: Client,
) -> None:
    await store.post("/cart", data={"add": "night-bus"})
    assert "Discount" not in await (await store.get("/cart")).text()
