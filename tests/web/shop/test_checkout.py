# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The checkout: which orders are refused, and how the others are paid."""

import re
from pathlib import Path

import pytest

from msrv.orders import rate_limits
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from tests.conftest import Client, Clock, StartStore
from tests.store_parts import with_mail

JSON = {"Accept": "application/json"}


async def order(
    store: Client, *items: str, **fields: str
) -> tuple[int, dict[str, object]]:
    """Place an order, and return the status and the JSON."""
    form = [("item", item) for item in items] + list(fields.items())
    answer = await store.post("/purchases", data=form, headers=JSON)
    return answer.status, await answer.json()


async def test_program_gets_its_downloads_at_once(
    store: Client, keyring: Keyring
) -> None:
    status, answer = await order(store, "departure", "zine")
    assert status == 201
    assert set(answer) == {"receipt", "order_id", "downloads"}
    token = str(answer["receipt"]).rpartition("/")[2]
    receipt = receipts.read(keyring, token)
    assert receipt.order_id == answer["order_id"]
    assert [(line.item_id, line.price_minor) for line in receipt.lines] == [
        ("departure", 100),
        ("zine", 0),
    ]
    downloads = answer["downloads"]
    assert isinstance(downloads, dict)
    assert list(downloads) == ["departure", "zine"]
    base = str(store.make_url("/")).rstrip("/")
    assert all(
        url.startswith(f"{base}/download/") for url in downloads.values()
    )


async def test_unknown_payment_provider_is_an_error_of_the_field(
    store: Client,
) -> None:
    for item in ("departure", "zine"):
        status, answer = await order(store, item, provider="nobody")
        assert (status, answer["field"]) == (400, "provider")


async def test_browser_pays_and_is_redirected_to_its_receipt(
    store: Client,
) -> None:
    answer = await store.post(
        "/purchases",
        data=[("item", "departure"), ("total_minor", "100")],
        allow_redirects=False,
    )
    assert answer.status == 303
    pay = answer.headers["Location"]
    assert pay.startswith("/payments/demo/")
    page = await (await store.get(pay)).text()
    assert "Simulated payment" in page
    assert "€1.00" in page
    seen = set()
    for _ in range(3):
        answer = await store.post(
            pay, data={"answer": "pay"}, allow_redirects=False
        )
        assert answer.status == 303
        seen.add(answer.headers["Location"])
    assert len(seen) == 1, "a double click gave a second receipt"
    assert seen.pop().startswith("/purchases/")


async def test_free_items_need_no_payment(store: Client) -> None:
    answer = await store.post(
        "/purchases", data={"item": "zine"}, allow_redirects=False
    )
    assert answer.status == 303
    assert answer.headers["Location"].startswith("/purchases/")


async def test_cancelled_payment_keeps_the_cart(store: Client) -> None:
    await store.post("/cart", data={"add": "departure"})
    answer = await store.post("/purchases", data={"item": "departure"})
    page = await answer.text()
    pay = re.search(r'action="(/payments/demo/[^"]+)"', page)
    assert pay
    answer = await store.post(pay[1], data={"answer": "refuse"})
    assert answer.status == 402
    assert "You haven&#39;t been charged" in await answer.text()
    cart = await (await store.get("/cart", headers=JSON)).json()
    assert [item["item_id"] for item in cart["items"]] == ["departure"]
    # Neither does a button that isn't there.
    assert (await store.post(pay[1])).status == 402


async def test_purchase_removes_its_items_from_the_cart(store: Client) -> None:
    await store.post("/cart", data=[("add", "departure"), ("add", "zine")])
    await store.post("/purchases", data={"item": "zine"})
    cart = await (await store.get("/cart", headers=JSON)).json()
    assert [item["item_id"] for item in cart["items"]] == ["departure"]


async def test_expired_quote_is_refused(store: Client, clock: Clock) -> None:
    answer = await store.post(
        "/purchases", data={"item": "departure"}, allow_redirects=False
    )
    clock.now += 3600
    answer = await store.post(
        answer.headers["Location"], data={"answer": "pay"}
    )
    assert answer.status == 410
    assert "price has expired" in await answer.text()


@pytest.mark.parametrize(
    ("items", "fields", "status", "code"),
    [
        ([], {}, 422, "empty_order"),
        (["nothing"], {}, 422, "not_for_sale"),
        (["<script>"], {}, 422, "not_for_sale"),
        (["departure", "departure"], {}, 422, "item_twice"),
        ([f"item-{n}" for n in range(300)], {}, 422, "too_many_items"),
        ([f"item-{n}" for n in range(10_000)], {}, 413, "too_large"),
        (["departure"], {"total_minor": "99"}, 409, "total_changed"),
        (["departure"], {"total_minor": "0"}, 409, "total_changed"),
        (["departure"], {"total_minor": "-100"}, 400, "bad_field"),
        (["departure"], {"total_minor": "1.00"}, 400, "bad_field"),
        (["departure"], {"total_minor": "٣"}, 400, "bad_field"),
        (["departure"], {"provider": "free"}, 400, "bad_field"),
        (["departure"], {"provider": "nobody"}, 400, "bad_field"),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_invalid_orders_are_refused(
    store: Client,
    items: list[str],
    fields: dict[str, str],
    status: int,
    code: str,
) -> None:
    found, answer = await order(store, *items, **fields)
    assert (found, answer["error"]) == (status, code)
    assert str(answer["message"]).endswith(".")


async def test_changed_total_is_in_the_response(store: Client) -> None:
    _, answer = await order(store, "departure", total_minor="99")
    assert answer["total_minor"] == 100
    assert answer["currency"] == "EUR"


@pytest.mark.parametrize("field", ["price_minor", "price", "total", "amount"])
async def test_browser_cannot_set_a_price(
    store: Client, keyring: Keyring, field: str
) -> None:
    _, answer = await order(store, "departure", **{field: "0"})
    token = str(answer["receipt"]).rpartition("/")[2]
    assert receipts.read(keyring, token).total_minor == 100


async def test_body_over_the_limit_is_refused(store: Client) -> None:
    answer = await store.post(
        "/purchases", data={"item": "x" * 600_000}, headers=JSON
    )
    assert answer.status == 413
    assert (await answer.json())["error"]


async def test_other_media_types_are_refused(store: Client) -> None:
    answer = await store.post("/purchases", json={"item": "departure"})
    assert answer.status == 415
    assert "form" in await answer.text()


async def test_post_from_another_site_is_refused(store: Client) -> None:
    for path in ("/purchases", "/cart"):
        answer = await store.post(
            path,
            data={"item": "zine", "add": "zine"},
            headers={"Origin": "https://evil.example"},
            allow_redirects=False,
        )
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers


def sell_in_yen(library: Path) -> None:
    """Change the currency of a release, so that the store has two."""
    toml = library / "Umbrella" / "release.toml"
    toml.write_text(
        'currency = "JPY"\n'
        + toml.read_text("utf-8").replace('"1.50"', '"150"'),
        encoding="utf-8",
    )


async def test_two_currencies_are_two_payments(
    start_store: StartStore, settings: Settings, library: Path
) -> None:
    sell_in_yen(library)
    store = await start_store(settings)
    status, answer = await order(store, "departure", "umbrella")
    assert (status, answer["error"]) == (422, "mixed_currencies")
    await store.post("/cart", data=[("add", "departure"), ("add", "umbrella")])
    shown = await (await store.get("/checkout", headers=JSON)).json()
    assert [each["currency"] for each in shown["orders"]] == ["EUR", "JPY"]
    page = await (await store.get("/checkout")).text()
    assert page.count('action="/purchases"') == 2


@pytest.mark.parametrize(
    ("path", "status"), [("/purchases", 422), ("/checkout", 200)]
)
async def test_what_a_buyer_ticked_stays_with_its_own_currency(
    start_store: StartStore,
    settings: Settings,
    library: Path,
    path: str,
    status: int,
) -> None:
    sell_in_yen(library)
    with (library / "store.toml").open("a", encoding="utf-8") as config:
        config.write('\n[legal]\nconsent = "required"\n')
    store = await start_store(with_mail(settings))
    await store.post("/cart", data=[("add", "departure"), ("add", "umbrella")])
    page = await (await store.get("/checkout")).text()
    wording = re.search(r'name="consent" value="(\w+)"', page)
    assert wording
    form = {
        "item": "umbrella",
        "consent": wording[1],
        "gift": "1",
        "gift_to": "nobody",
        "gift_note": "For Kim",
        "mail": "robin@example.org",
    }
    answer = await store.post(path, data=form)
    page = await answer.text()
    assert answer.status == status
    euro, yen = re.findall(r'(?s)action="/purchases".*?</form>', page)
    assert 'value="departure"' in euro
    for typed in (" checked", "For Kim", "robin@example.org", "nobody"):
        assert typed not in euro
        assert typed in yen
    assert "autofocus" not in euro
    assert yen.count(" checked") == 2
    assert yen.count("autofocus") == (status == 422)


async def test_payments_on_the_stores_own_page_are_not_limited(
    store: Client,
) -> None:
    for _ in range(rate_limits.PAYMENTS.burst + 5):
        answer = await store.post(
            "/purchases", data={"item": "night-bus"}, headers=JSON
        )
        assert answer.status == 201
