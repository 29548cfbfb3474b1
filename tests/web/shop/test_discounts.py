"""Discount codes, from the cart to the receipt."""

import asyncio
import re
from ipaddress import ip_network
from pathlib import Path

import pytest

from msrv.ledger.db import schema
from msrv.ledger.errors import DatabaseUnavailable
from msrv.orders import rate_limits
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.store_parts import ledger_of, rows, wait_for_database

JSON = {"Accept": "application/json"}
STATED = """
[discounts.SPRING]
percent = 20
last_day = "2027-01-15"

[discounts.GIFT]
percent = 100
uses = 2

[discounts.FEW]
amount = "2.00"
uses = 2
items = ["night-bus"]
"""


@pytest.fixture
async def shop(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """A store with three discounts, once it has reached its database."""
    with (library / "store.toml").open("a", encoding="utf-8") as file:
        file.write(STATED)
    store = await start_store(settings)
    await wait_for_database(store)
    return store


async def order(store: Client, code: str, *items: str) -> tuple[int, str, int]:
    """Order with a discount: the status, the error, what was paid."""
    answer = await store.post(
        "/purchases",
        data=[("discount", code), *(("item", each) for each in items)],
        headers=JSON,
    )
    found = await answer.json()
    if answer.status != 201:
        return answer.status, found["error"], 0
    paid = await (
        await store.get(
            "/purchases/" + found["receipt"].rpartition("/")[2], headers=JSON
        )
    ).json()
    return answer.status, "", paid["total_minor"]


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
    shop: Client, typed: str
) -> None:
    answer = await shop.post(
        "/cart", data={"add": "night-bus", "discount": typed}, headers=JSON
    )
    found = (await answer.json())["discount"]
    assert found["code"] == "SPRING"
    assert found["totals"][0]["off_minor"] == 140


async def test_discount_is_the_same_from_the_cart_to_the_receipt(
    shop: Client, keyring: Keyring
) -> None:
    await shop.post("/cart", data=[("add", "night-bus"), ("add", "umbrella")])
    answer = await shop.post("/cart", data={"discount": " spring "})
    page = await answer.text()
    assert "\u2212€1.70" in page
    assert "€6.80" in page
    page = await (await shop.get("/checkout")).text()
    assert "\u2212€1.70" in page
    form = re.findall(r'<input type="hidden" name="(\w+)" value="(.+?)"', page)
    assert ("discount", "SPRING") in form
    assert ("total_minor", "680") in form
    answer = await shop.post("/purchases", data=form, allow_redirects=False)
    pay = answer.headers["Location"]
    assert "€6.80" in await (await shop.get(pay)).text()
    answer = await shop.post(
        pay, data={"answer": "pay"}, allow_redirects=False
    )
    receipt = receipts.read(
        keyring, answer.headers["Location"].rpartition("/")[2]
    )
    assert [line.price_minor for line in receipt.lines] == [560, 120]
    (sold,) = await rows(shop, schema.orders)
    assert sold["total_minor"] == 680
    (used,) = await rows(shop, schema.redemptions)
    assert used["code_id"].startswith("discount.spring.")
    # It was for that order: the next cart begins without it.
    await shop.post("/cart", data={"add": "departure"})
    assert "\u2212€" not in await (await shop.get("/cart")).text()


async def test_discount_is_written_in_the_visitors_language(
    shop: Client,
) -> None:
    await shop.post("/cart", data={"add": "night-bus", "discount": "SPRING"})
    for path in ("/cart", "/checkout"):
        answer = await shop.get(path, headers={"Accept-Language": "de"})
        page = await answer.text()
        assert "\u22121,40\N{NO-BREAK SPACE}€" in page
        assert "€1.40" not in page


async def test_browser_cannot_change_what_a_code_is_worth(
    shop: Client, clock: Clock
) -> None:
    assert await order(shop, "", "night-bus") == (201, "", 700)
    assert await order(shop, "spring", "night-bus") == (201, "", 560)
    assert await order(shop, "SPRING2", "night-bus") == (422, "no_discount", 0)
    assert await order(shop, "FEW", "umbrella") == (422, "no_discount", 0)
    answer = await shop.post(
        "/purchases",
        data={"item": "night-bus", "discount": "SPRING", "total_minor": "1"},
        headers=JSON,
    )
    assert (answer.status, (await answer.json())["total_minor"]) == (409, 560)
    # From the second after its last day on, it is the full price again.
    clock.now = 1_800_057_600
    assert (await order(shop, "SPRING", "night-bus"))[:2] == (
        422,
        "no_discount",
    )


async def test_fully_discounted_order_is_free(
    shop: Client,
) -> None:
    await shop.post("/cart", data={"add": "night-bus", "discount": "GIFT"})
    page = await (await shop.get("/checkout")).text()
    assert 'value="free"' in page
    assert 'value="demo"' not in page
    assert await order(shop, "GIFT", "night-bus") == (201, "", 0)
    (sold,) = await rows(shop, schema.orders)
    assert sold["provider"] == "free"


async def test_fifty_simultaneous_orders_share_two_uses(shop: Client) -> None:
    answers = await asyncio.gather(
        *(order(shop, "GIFT", "night-bus") for _ in range(50))
    )
    assert sorted(each[0] for each in answers) == [201] * 2 + [422] * 48
    assert len(await rows(shop, schema.orders)) == 2
    # A free item stays free without one, and nobody's use is taken for it.
    assert (await order(shop, "", "zine"))[0] == 201


async def click(store: Client, form: dict[str, str]) -> str:
    """Press the checkout's button: the receipt that it leads to."""
    answer = await store.post("/purchases", data=form, allow_redirects=False)
    assert answer.status == 303, await answer.text()
    return answer.headers["Location"]


async def last_use(store: Client) -> dict[str, str]:
    """Stand before the button of a free order, with one use left for it."""
    assert (await order(store, "GIFT", "night-bus"))[0] == 201
    await store.post("/cart", data={"add": "night-bus", "discount": "GIFT"})
    page = await (await store.get("/checkout")).text()
    form = dict(
        re.findall(r'<input type="hidden" name="(\w+)" value="(.+?)"', page)
    )
    assert form.keys() >= {"attempt", "discount", "item"}
    return form


async def test_double_click_uses_the_last_use_once(shop: Client) -> None:
    """The second click leads to the receipt of the first."""
    form = await last_use(shop)
    first = await click(shop, form)
    assert await click(shop, form) == first
    # Nobody else gets anything by it.
    assert (await order(shop, "GIFT", "night-bus"))[0] == 422
    other = form | {"attempt": "A" * len(form["attempt"])}
    answer = await shop.post("/purchases", data=other, headers=JSON)
    assert (await answer.json())["error"] == "no_discount"


async def test_simultaneous_clicks_use_the_last_use_once(shop: Client) -> None:
    """All of them lead to one receipt."""
    form = await last_use(shop)
    found = await asyncio.gather(*(click(shop, form) for _ in range(5)))
    assert len(set(found)) == 1
    await ledger_of(shop).wait_until_synced()
    assert len(await rows(shop, schema.orders)) == 2
    assert len(await rows(shop, schema.redemptions)) == 2


async def test_discount_does_not_reduce_the_buyers_own_price(
    start_store: StartStore, settings: Settings, library: Path
) -> None:
    with (library / "store.toml").open("a", encoding="utf-8") as file:
        file.write(STATED)
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


async def test_uses_are_counted_with_the_sale(shop: Client) -> None:
    """A checkout that isn't paid uses nothing up."""
    await shop.post("/cart", data={"add": "night-bus", "discount": "FEW"})
    for _ in range(5):
        await shop.get("/checkout")
        await shop.post(
            "/purchases", data={"item": "night-bus", "discount": "FEW"}
        )
    for _ in range(2):
        assert await order(shop, "FEW", "night-bus") == (201, "", 500)
        await ledger_of(shop).wait_until_synced()
    assert await order(shop, "FEW", "night-bus") == (422, "no_discount", 0)
    await shop.post("/cart", data={"add": "night-bus", "discount": "FEW"})
    page = await (await shop.get("/cart")).text()
    assert "“FEW” has been used up." in page
    assert "€7.00" in page


async def test_limited_discount_is_refused_without_the_database(
    shop: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discounts without a limit of uses still apply."""

    async def rest(*_: object) -> None:
        raise DatabaseUnavailable("the database can't be reached")

    monkeypatch.setattr(ledger_of(shop), "count_uses", rest)
    monkeypatch.setattr(ledger_of(shop), "claim_use", rest)
    assert await order(shop, "FEW", "night-bus") == (503, "ledger_resting", 0)
    # What has no limit needs nobody's memory.
    assert await order(shop, "SPRING", "night-bus") == (201, "", 560)
    await shop.post("/cart", data={"add": "night-bus", "discount": "FEW"})
    answer = await shop.get("/checkout")
    page = await answer.text()
    assert answer.status == 200
    assert "We can&#39;t check right now" in page
    assert 'name="total_minor" value="700"' in page


async def test_unknown_codes_are_limited_guesses(shop: Client) -> None:
    await shop.post("/cart", data={"add": "night-bus", "discount": "<b>x"})
    page = await (await shop.get("/cart")).text()
    assert "a valid discount code" not in page  # can't be one, not even kept
    await shop.post("/cart", data={"discount": "WINTER"})
    page = await (await shop.get("/cart")).text()
    # It is said once, and then forgotten.
    assert "a valid discount code" not in page
    for number in range(rate_limits.GUESSES.burst):
        await order(shop, f"GUESS{number}", "night-bus")
    answer = await shop.post(
        "/purchases", data={"item": "night-bus", "discount": "SPRING"}
    )
    assert answer.status == 429
    assert (await shop.get("/cart")).status == 200


async def test_exhausted_guess_totals_keep_nobody_from_a_kept_code(
    shop: Client, clock: Clock
) -> None:
    totals = shop.app[STORE].limits.discounts.totals
    await shop.post("/cart", data={"add": "night-bus", "discount": "SPRING"})
    for group in ("typed", "cookie"):
        totals.spend(group, now=clock.now, cost=rate_limits.ALL_GUESSES.burst)
    # Who has one already keeps it, up to the payment.
    assert "\u2212€1.40" in await (await shop.get("/cart")).text()
    assert await order(shop, "SPRING", "night-bus") == (201, "", 560)
    # Codes are counted apart.
    assert shop.app[STORE].limits.codes.refused == 0
    shop.app[STORE].limits.codes.check("here", group="new", now=clock.now)


async def test_cookie_guesses_do_not_use_up_typed_guesses(
    start_store: StartStore,
    settings: Settings,
    library: Path,
) -> None:
    """GETs with wrong cookies have a total of their own."""
    with (library / "store.toml").open("a", encoding="utf-8") as file:
        file.write(STATED)
    store = await start_store(
        settings.model_copy(
            update={"trusted_proxies": (ip_network("127.0.0.0/8"),)}
        )
    )
    for number in range(1150):
        store.session.cookie_jar.clear()
        await store.get(
            "/cart",
            headers={"X-Forwarded-For": f"198.51.100.{number // 10}"},
            cookies={"cart": "night-bus", "discount": f"WRONG{number}"},
        )
    totals = store.app[STORE].limits.discounts.totals
    assert totals.wait_seconds("typed", now=0, cost=100_000) == 0
    store.session.cookie_jar.clear()
    answer = await store.post(
        "/cart", data={"add": "night-bus", "discount": "SPRING"}, headers=JSON
    )
    assert (await answer.json())["discount"]["totals"][0]["off_minor"] == 140


async def test_repeated_wrong_cookie_is_one_guess(shop: Client) -> None:
    for _ in range(3 * rate_limits.GUESSES.burst):
        shop.session.cookie_jar.clear()
        answer = await shop.get(
            "/cart",
            headers=JSON,
            cookies={"cart": "night-bus", "discount": "WRONG"},
        )
        said = (await answer.json())["discount"]["message"]
        assert said == "“WRONG” isn't a valid discount code."
    shop.session.cookie_jar.clear()
    assert await order(shop, "SPRING", "night-bus") == (201, "", 560)


async def test_network_that_guesses_by_cookies_is_limited(
    shop: Client,
) -> None:
    said = set()
    for number in range(rate_limits.GUESSES.burst + 5):
        shop.session.cookie_jar.clear()
        answer = await shop.get(
            "/cart",
            headers=JSON,
            cookies={"cart": "night-bus", "discount": f"WRONG{number}"},
        )
        said.add((await answer.json())["discount"]["message"])
    assert (
        "Too many discount codes were tried. Please try again in a minute."
        in said
    )


@pytest.mark.parametrize(
    "cookie",
    ["SPRING", "SPRING.", "SPRING.AAAA", "spring.x", ".x", "%00.x"],
)
async def test_cookie_without_a_valid_tag_is_looked_up(
    shop: Client, cookie: str
) -> None:
    """Cookies of older versions have none; one that is no code is ignored."""
    answer = await shop.get(
        "/cart",
        headers=JSON,
        cookies={"cart": "night-bus", "discount": cookie},
    )
    assert answer.status == 200
    found = (await answer.json()).get("discount", {}).get("totals")
    assert bool(found) is cookie.startswith("SPRING")


async def test_json_of_the_cart_has_the_discount(shop: Client) -> None:
    answer = await shop.post(
        "/cart", data={"add": "night-bus", "discount": "SPRING"}, headers=JSON
    )
    assert (await answer.json())["discount"] == {
        "code": "SPRING",
        "totals": [{"off_minor": 140, "total_minor": 560, "currency": "EUR"}],
    }
    answer = await shop.post("/cart", data={"discount": ""}, headers=JSON)
    assert "discount" not in await answer.json()


async def test_store_without_discounts_has_no_code_field(
    store: Client,
) -> None:
    await store.post("/cart", data={"add": "night-bus"})
    assert "Discount" not in await (await store.get("/cart")).text()
