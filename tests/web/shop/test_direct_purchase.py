# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Purchases from a release's own page, without the cart."""

import re

import pytest

from tests.conftest import Client

JSON = {"Accept": "application/json"}
BOTH = [("add", "departure"), ("add", "night-bus")]
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


async def buy_form(store: Client, release: str) -> dict[str, str]:
    """Return the hidden fields of a release's purchase form."""
    page = await (await store.get(f"/catalog/{release}")).text()
    form = page.partition('<form class="buy-form"')[2].partition("</form>")[0]
    return dict(HIDDEN.findall(form))


@pytest.mark.parametrize(
    ("release", "item", "minor"),
    [("night-bus", "night-bus", 700), ("umbrella-single", "umbrella", 150)],
)
async def test_form_buys_the_release_or_its_only_item(
    store: Client, release: str, item: str, minor: int
) -> None:
    form = await buy_form(store, release)
    assert form["item"] == item
    assert form["total_minor"] == str(minor)
    answer = await store.post("/purchases", data=form, allow_redirects=False)
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/payments/demo/")


async def test_same_form_sent_twice_is_one_order(store: Client) -> None:
    form = await buy_form(store, "night-bus")
    first = await store.post("/purchases", data=form, allow_redirects=False)
    again = await store.post("/purchases", data=form, allow_redirects=False)
    assert first.headers["Location"] == again.headers["Location"]


async def test_changed_price_is_noticed(store: Client) -> None:
    form = await buy_form(store, "night-bus")
    answer = await store.post("/purchases", data=form | {"total_minor": "1"})
    assert answer.status == 409


async def test_cart_keeps_what_was_not_bought(store: Client) -> None:
    await store.post("/cart", data=[("add", "umbrella"), ("add", "departure")])
    form = await buy_form(store, "night-bus")
    bought = await store.post("/purchases", data=form, headers=JSON)
    assert bought.status == 201
    cart = await (await store.get("/cart", headers=JSON)).json()
    assert [each["item_id"] for each in cart["items"]] == [
        "umbrella",
        "departure",
    ]


async def test_start_opens_the_download_of_a_single_item_only(
    store: Client,
) -> None:
    for items, starts in (
        (["umbrella"], True),
        (["umbrella", "lyrics"], False),
    ):
        bought = await store.post(
            "/purchases", data=[("item", each) for each in items], headers=JSON
        )
        receipt = (await bought.json())["receipt"]
        path = receipt[receipt.index("/purchases/") :]
        page = await (await store.get(f"{path}?start=1")).text()
        assert ('http-equiv="refresh"' in page) is starts
        assert "refresh" not in await (await store.get(path)).text()


async def test_buying_a_release_from_its_page_empties_its_items_in_the_cart(
    store: Client,
) -> None:
    await store.post("/cart", data=BOTH)
    form = await buy_form(store, "night-bus")
    await store.post("/purchases", data=form, headers=JSON)
    cart = await (await store.get("/cart", headers=JSON)).json()
    assert cart["items"] == []
