# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The cart's page: what it includes, what it offers, and mistyped fields."""

import re
from dataclasses import replace

from msrv.catalog.documents.changed_releases import with_hidden
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from msrv.web.store import STORE
from tests.conftest import Client

JSON = {"Accept": "application/json"}
BOTH = [("add", "departure"), ("add", "night-bus")]


async def test_item_of_a_release_in_the_cart_is_included(
    store: Client,
) -> None:
    await store.post("/cart", data=BOTH)
    page = await (await store.get("/cart")).text()
    assert "complete release, with the 1 item that you added" in page
    cart = await (await store.get("/cart", headers=JSON)).json()
    assert [each["item_id"] for each in cart["items"]] == ["night-bus"]
    assert cart["summary"] == "1 item, €7.00"


async def test_included_item_comes_back_when_the_release_is_removed(
    store: Client,
) -> None:
    await store.post("/cart", data=BOTH)
    answer = await store.post(
        "/cart", data={"remove": "night-bus"}, headers=JSON
    )
    cart = await answer.json()
    assert [each["item_id"] for each in cart["items"]] == ["departure"]


async def test_release_page_offers_no_item_of_a_release_in_the_cart(
    store: Client,
) -> None:
    page = await (await store.get("/catalog/night-bus")).text()
    assert "whole-in-cart" not in page
    await store.post("/cart", data={"add": "night-bus"})
    page = await (await store.get("/catalog/night-bus")).text()
    assert "whole-in-cart" in page


async def test_cart_offers_the_release_where_its_items_cost_as_much(
    store: Client,
) -> None:
    release = await (
        await store.get("/catalog/night-bus", headers=JSON)
    ).json()
    items = [each["item_id"] for each in release["items"]]
    await store.post("/cart", data={"add": items[0]})
    offered = "Get the complete release"
    assert offered not in await (await store.get("/cart")).text()
    await store.post("/cart", data=[("add", each) for each in items])
    cart = await (await store.get("/cart", headers=JSON)).json()
    total = cart["totals"][0]["total_minor"]
    page = await (await store.get("/cart")).text()
    assert (offered in page) is (total >= release["price_minor"])


async def test_cart_is_paid_from_its_page(
    store: Client, keyring: Keyring
) -> None:
    await store.post("/cart", data=[("add", "night-bus"), ("add", "umbrella")])
    page = await (await store.get("/cart")).text()
    form = page[page.index('action="/purchases"') :].partition("</form>")[0]
    fields = re.findall(
        r'<input type="hidden" name="(\w+)" value="([^"]*)"', form
    )
    assert ("total_minor", "850") in fields
    answer = await store.post(
        "/purchases",
        data=[*fields, ("provider", "demo")],
        allow_redirects=False,
    )
    assert answer.status == 303
    answer = await store.post(
        answer.headers["Location"],
        data={"answer": "pay"},
        allow_redirects=False,
    )
    token = answer.headers["Location"].rpartition("/")[2]
    assert receipts.read(keyring, token).total_minor == 850
    assert 'href="/checkout?gift=1"' in page
    page = await (await store.get("/cart")).text()
    assert 'action="/purchases"' not in page


async def test_what_is_withheld_at_a_start_stays_in_the_cart(
    store: Client,
) -> None:
    catalog = store.app[STORE].catalog
    loaded = catalog.reading
    ids = ["night-bus", "umbrella"]

    async def change(**form: str) -> list[str]:
        answer = await store.post("/cart", data=form, headers=JSON)
        assert answer.status == 200
        return [each["item_id"] for each in (await answer.json())["items"]]

    assert await change(add=ids[0]) == ids[:1]
    hidden = with_hidden(loaded.catalog, {"night-bus"})
    catalog._reading = replace(loaded, catalog=hidden, withholds=True)
    assert await change(add=ids[1]) == ids[1:]
    catalog._reading = loaded
    assert sorted(await change()) == ids

    # It can be removed meanwhile.
    catalog._reading = replace(loaded, catalog=hidden, withholds=True)
    assert await change(remove=ids[0]) == ids[1:]
    catalog._reading = loaded
    assert await change(add=ids[0]) == ids[::-1]

    # What isn't sold any more leaves it.
    catalog._reading = replace(loaded, catalog=hidden)
    assert await change(remove="nothing") == ids[1:]
    catalog._reading = loaded
    assert await change() == ids[1:]
