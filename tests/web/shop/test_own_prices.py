# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Prices that buyers set, within the seller's bounds."""

import re
from pathlib import Path

import pytest

from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from tests.conftest import Client, StartStore

JSON = {"Accept": "application/json"}


@pytest.fixture
async def store(
    start_store: StartStore, settings: Settings, library: Path
) -> Client:
    """Return a store with an album from five euros and a song from zero."""
    toml = library / "Night Bus" / "release.toml"
    text = toml.read_text("utf-8")
    text = text.replace(
        'price = "7.00"\n', 'minimum = "5.00"\nsuggested = "8.00"\n', 1
    ).replace(
        'id = "departure"\n',
        'id = "departure"\nminimum = "0"\nsuggested = "2.00"\n',
    )
    toml.write_text(text, encoding="utf-8")
    return await start_store(settings)


async def total(store: Client, keyring: Keyring, **form: str) -> int:
    """Buy items, and return the total of the receipt."""
    answer = await store.post("/purchases", data=form, headers=JSON)
    assert answer.status == 201, await answer.text()
    token = str((await answer.json())["receipt"]).rpartition("/")[2]
    return receipts.read(keyring, token).total_minor


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        (None, 800),
        ("5", 500),
        ("5.00", 500),
        ("12,50", 1250),
        (" €9.1 ", 910),
        ("EUR 9", 900),
        ("\u0667\u066b\u0665", 750),
        ("999999.99", 99_999_999),
    ],
)
async def test_price_within_the_bounds_is_charged(
    store: Client, keyring: Keyring, typed: str | None, minor: int
) -> None:
    form = {"item": "night-bus"}
    if typed is not None:
        form["price.night-bus"] = typed
    assert await total(store, keyring, **form) == minor


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("4.99", "out_of_bounds"),
        ("0", "out_of_bounds"),
        ("1000000", "out_of_bounds"),
        ("-5", "bad_field"),
        ("", "bad_field"),
        ("1,000", "bad_field"),
        ("1.000,00", "bad_field"),
        ("1e3", "bad_field"),
        ("nan", "bad_field"),
        ("9.999", "bad_field"),
        ("USD 9", "bad_field"),
        ("9" * 60, "bad_field"),
    ],
)
async def test_price_outside_the_bounds_is_refused(
    store: Client, typed: str, code: str
) -> None:
    form = {"item": "night-bus", "price.night-bus": typed}
    answer = await store.post("/purchases", data=form, headers=JSON)
    assert answer.status in {400, 422}
    found = await answer.json()
    assert found["error"] == code
    if code == "out_of_bounds":
        assert found["minimum_minor"] == 500


async def test_fixed_price_cannot_be_set(
    store: Client, keyring: Keyring
) -> None:
    form = {"item": "umbrella", "price.umbrella": "0.01"}
    assert await total(store, keyring, **form) == 150


async def test_price_of_zero_is_free_where_the_minimum_is_zero(
    store: Client, keyring: Keyring
) -> None:
    form = {"item": "departure", "price.departure": "0"}
    answer = await store.post(
        "/purchases", data=form | {"provider": "demo"}, allow_redirects=False
    )
    assert answer.headers["Location"].startswith("/purchases/")
    assert await total(store, keyring, **form) == 0


async def test_own_price_is_kept_from_the_cart_to_the_receipt(
    store: Client, keyring: Keyring
) -> None:
    await store.post("/cart", data=[("add", "night-bus"), ("add", "umbrella")])
    page = await (await store.get("/cart")).text()
    assert 'name="price.night-bus" value="8.00"' in page
    assert 'name="price.umbrella"' not in page
    answer = await store.post(
        "/cart", data={"price.night-bus": "6,50"}, headers=JSON
    )
    cart = await answer.json()
    assert cart["totals"] == [{"total_minor": 800, "currency": "EUR"}]
    page = await (await store.get("/checkout")).text()
    assert 'name="price.night-bus" value="6.50"' in page
    assert "€8.00" in page
    answer = await store.post(
        "/purchases", data=fields(page), allow_redirects=False
    )
    pay = answer.headers["Location"]
    answer = await store.post(
        pay, data={"answer": "pay"}, allow_redirects=False
    )
    token = answer.headers["Location"].rpartition("/")[2]
    lines = receipts.read(keyring, token).lines
    assert [line.price_minor for line in lines] == [650, 150]
    # Changed at the till, without going back to the cart.
    answer = await store.post(
        "/purchases",
        data=changed(page, "price.night-bus", "10"),
        allow_redirects=False,
    )
    assert (
        "€11.50" in await (await store.get(answer.headers["Location"])).text()
    )


async def test_update_of_prices_returns_to_the_checkout(
    store: Client,
) -> None:
    """So that, without scripts, the new total is seen before it is paid."""
    await store.post("/cart", data={"add": "night-bus"})
    page = await (await store.get("/checkout")).text()
    # The Enter key presses the first button: it must not be one that pays.
    form = page[page.index('class="form-actions"') :]
    first = re.search(r"<button[^>]*>", form)
    assert first
    assert 'formaction="/checkout"' in first[0]
    fields = changed(page, "price.night-bus", "9")
    typed = [("gift", "1"), ("gift_note", "For Kim")]
    answer = await store.post("/checkout", data=[*fields, *typed])
    assert answer.status == 200
    page = await answer.text()
    assert "€9.00" in page
    assert 'value="1" checked' in page
    assert "For Kim" in page
    assert "€9.00" in await (await store.get("/checkout")).text()
    answer = await store.post("/checkout", data={"price.night-bus": "1"})
    assert answer.status == 422
    assert "€9.00" in await (await store.get("/checkout")).text()


async def test_cookie_with_a_price_outside_the_bounds_is_ignored(
    store: Client,
) -> None:
    for stated, minor in (
        ("night-bus~1", 800),
        ("night-bus~499", 800),
        ("night-bus~500", 500),
        ("night-bus~9999999999", None),
        ("umbrella~1", 150),
        ("night-bus~", None),
    ):
        answer = await store.get(
            "/cart", headers={**JSON, "Cookie": f"cart={stated}"}
        )
        totals = (await answer.json())["totals"]
        assert [each["total_minor"] for each in totals] == (
            [] if minor is None else [minor]
        )


async def test_item_can_be_removed_beside_a_mistyped_price(
    store: Client,
) -> None:
    await store.post("/cart", data={"add": "night-bus"})
    answer = await store.post(
        "/cart",
        data={"remove": "night-bus", "price.night-bus": "?"},
        headers=JSON,
    )
    assert (await answer.json())["items"] == []


async def test_every_button_of_the_cart_keeps_the_typed_prices(
    start_store: StartStore, settings: Settings, library: Path, store: Client
) -> None:
    with (library / "store.toml").open("a", encoding="utf-8") as config:
        config.write("\n[discounts.TOUR]\npercent = 10\n")
    store = await start_store(settings)
    await store.post("/cart", data=[("add", "night-bus"), ("add", "umbrella")])
    page = await (await store.get("/cart")).text()
    form = re.search(r'(?s)<form id="change".*?</form>', page)
    assert form
    assert page.count('action="/cart"') == 1
    assert 'name="discount"' in form[0]
    assert 'name="price.night-bus" value="8.00"' in form[0]
    assert 'form="change" name="back" value="/checkout"' in page
    assert '<a class="button big" href="/checkout">' not in page
    for minor, button in (
        (1000, {"back": "/checkout"}),
        (1100, {"discount": "TOUR"}),
        (1200, {"remove": "umbrella"}),
        (1300, {"add": "zine"}),
    ):
        typed = {"price.night-bus": str(minor // 100)}
        answer = await store.post("/cart", data=typed | button)
        assert answer.status == 200
        assert answer.url.path == button.get("back", "/cart")
        assert f"€{minor // 100}.00" in await answer.text()


async def test_mistyped_price_loses_nothing_else_of_its_form(
    store: Client,
) -> None:
    await store.post(
        "/cart", data=[("add", "night-bus"), ("add", "departure")]
    )
    await store.post("/cart", data={"remove": "night-bus"})
    form = {"price.night-bus": "12", "price.departure": "?"}
    answer = await store.post("/cart", data=form | {"add": "night-bus"})
    assert answer.status == 422
    assert 'name="price.night-bus" value="12"' in await answer.text()
    await store.post("/cart", data={"add": "umbrella"} | form)
    await store.post("/cart", data={"remove": "umbrella"} | form)
    cart = await (await store.get("/cart", headers=JSON)).json()
    assert cart["totals"] == [{"total_minor": 1200, "currency": "EUR"}]


async def test_price_typed_on_a_release_goes_with_it_to_the_cart(
    store: Client,
) -> None:
    page = await (await store.get("/catalog/night-bus")).text()
    for name in ("add", "give"):
        button = f'form="own-price" formaction="/cart" name="{name}"'
        assert f'{button} value="night-bus"' in page
    form = dict(fields(page, 'id="own-price"')) | {
        "price.night-bus": "12,50",
        "consent": "",
    }
    answer = await store.post("/cart", data=form | {"add": "night-bus"})
    assert answer.url.path == "/catalog/night-bus"
    page = await (await store.get("/cart")).text()
    assert 'name="price.night-bus" value="12.50"' in page
    answer = await store.post(
        "/cart",
        data=form | {"give": "night-bus", "price.night-bus": "13"},
    )
    assert answer.url.path_qs == "/checkout?gift=EUR"
    assert 'name="price.night-bus" value="13.00"' in await answer.text()
    # The item is in the cart, whose page says what is wrong with its price.
    await store.post("/cart", data={"remove": "night-bus"})
    answer = await store.post(
        "/cart", data=form | {"add": "night-bus", "price.night-bus": "4"}
    )
    page = await answer.text()
    assert answer.status == 422
    assert 'name="price.night-bus" value="4"' in page
    assert "Please choose a price from €5.00" in page
    assert "data-cart-count>1<" in page


async def test_catalog_has_the_minimum_price(store: Client) -> None:
    page = await (await store.get("/catalog/night-bus")).text()
    assert "At least €5.00; suggested: €8.00." in page
    assert 'name="price.night-bus" value="8.00"' in page
    answer = await store.get("/catalog/night-bus", headers=JSON)
    found = await answer.json()
    assert (found["minimum_minor"], found["price_minor"]) == (500, 800)
    assert [each["minimum_minor"] for each in found["items"]] == [
        0,
        None,
        None,
    ]


def fields(
    page: str, mark: str = 'class="form-actions"'
) -> list[tuple[str, str]]:
    """Return the fields of a form, by default the checkout's."""
    form = page[page.index(mark) :].partition("</form>")[0]
    found = []
    for tag in re.findall(r"<input[^>]*>", form):
        if 'type="checkbox"' in tag and " checked" not in tag:
            continue
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        assert name
        assert value
        found.append((name[1], value[1]))
    return found


def changed(page: str, name: str, value: str) -> list[tuple[str, str]]:
    """Return the fields of the form, with another value in one."""
    rest = [each for each in fields(page) if each[0] != name]
    return [*rest, (name, value)]


async def test_mistyped_price_is_shown_beside_its_field(store: Client) -> None:
    await store.post("/cart", data={"add": "night-bus"})
    for path, message in (
        ("/cart", "Please choose a price from €5.00"),
        ("/purchases", "Please choose a price from €5.00"),
    ):
        form = {"item": "night-bus", "price.night-bus": "4"}
        answer = await store.post(path, data=form)
        page = await answer.text()
        assert answer.status == 422
        assert message in page
        assert 'name="price.night-bus" value="4"' in page
    answer = await store.post(
        "/purchases",
        data={
            "item": "night-bus",
            "price.night-bus": "ten",
            "page": "release",
        },
    )
    page = await answer.text()
    assert answer.status == 422
    assert "Must be an amount of EUR, like 8.00." in page
    assert 'value="ten"' in page
    assert "<h1" in page
    assert "Night Bus" in page
    answer = await store.post(
        "/cart",
        data={"add": "night-bus", "price.night-bus": "zehn"},
        headers={"Accept-Language": "de"},
    )
    assert "etwa 8,00." in await answer.text()


async def test_suggested_prices_are_on_the_release_page(
    store: Client,
) -> None:
    page = await (await store.get("/catalog/night-bus")).text()
    found = re.findall(r'name="suggested_minor" value="(\d+)"', page)
    assert found == ["500", "800", "1200"]
    assert 'aria-label="€12.00: buy Night Bus"' in page
    page = await (await store.get("/catalog/umbrella-single")).text()
    assert "suggested_minor" not in page


async def test_suggested_price_replaces_the_typed_one(
    store: Client, keyring: Keyring
) -> None:
    form = {"item": "night-bus", "price.night-bus": "what I like"}
    assert await total(store, keyring, **form, suggested_minor="1200") == 1200


@pytest.mark.parametrize("minor", ["499", "100000000000000", "x", "-1"])
async def test_suggested_price_is_checked_like_a_typed_one(
    store: Client, minor: str
) -> None:
    form = {
        "item": "night-bus",
        "suggested_minor": minor,
        "page": "release",
    }
    answer = await store.post("/purchases", data=form, headers=JSON)
    assert answer.status in {400, 422}
    answer = await store.post("/purchases", data=form)
    assert answer.status in {400, 422}


async def test_fixed_price_ignores_a_suggested_one(
    store: Client, keyring: Keyring
) -> None:
    form = {"item": "umbrella", "suggested_minor": "1"}
    fixed = await total(store, keyring, item="umbrella")
    assert await total(store, keyring, **form) == fixed
