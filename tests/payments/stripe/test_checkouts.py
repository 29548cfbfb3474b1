# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checkouts at Stripe: repeated, expired, and after changes of the catalog."""

import asyncio
import json
from pathlib import Path

from msrv.ledger.db import schema
from msrv.proofs.keyring import Keyring
from msrv.web.store import STORE
from tests.conftest import Client, StartStore
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import (
    come_back,
    followed,
    order,
    receipt_at,
    rows,
    tell,
)
from tests.polling import wait_until

DONE = "checkout.session.completed"


async def test_double_click_creates_one_session(
    store: Client, bank: FakeStripe
) -> None:
    await store.post("/cart", data={"add": "departure"})
    page = await (await store.get("/checkout")).text()
    attempt = page.partition('name="attempt" value="')[2].partition('"')[0]
    both = await asyncio.gather(
        *(order(store, bank, attempt=attempt) for _ in range(5))
    )
    assert {each["id"] for each in both} == {bank.last["id"]}
    assert len(bank.sessions) == 1
    # Another order from the same page is another.
    await order(store, bank, "umbrella", attempt=attempt)
    assert len(bank.sessions) == 2


async def test_repeated_checkout_after_payment_leads_to_the_receipt(
    store: Client, bank: FakeStripe
) -> None:
    fields = {"attempt": "A" * 24, "item": "departure"}
    bank.pay(await order(store, bank, attempt=fields["attempt"]))
    store.session.cookie_jar.clear()
    answer = await store.post("/purchases", data=fields, allow_redirects=False)
    assert answer.status == 303
    where = answer.headers["Location"]
    assert where.startswith("/payments/stripe/return?")
    answer = await store.get(where, allow_redirects=False)
    assert answer.headers["Location"].startswith("/purchases/")


async def test_quoted_price_holds_after_a_price_change(
    store: Client, bank: FakeStripe, keyring: Keyring, library: Path
) -> None:
    session = await order(store, bank)
    _rewrite(library, 'price = "9.00"\nitem_price = "3.00"\n')
    catalog = store.app[STORE].catalog
    before = catalog.current.version
    await wait_until(lambda: catalog.current.version != before)
    _, where = await come_back(store, bank.pay(session))
    assert receipt_at(where, keyring).total_minor == 100
    # And who has not been sent to pay yet is told.
    answer = await store.post(
        "/purchases", data={"item": "departure", "total_minor": "100"}
    )
    assert answer.status == 409


async def test_withdrawn_item_is_delivered_once_paid(
    store: Client, bank: FakeStripe, keyring: Keyring, library: Path
) -> None:
    session = await order(store, bank)
    _rewrite(library, 'price = "7.00"\nitem_price = "1.00"\nhidden = true\n')
    catalog = store.app[STORE].catalog
    before = catalog.current.version
    await wait_until(lambda: catalog.current.version != before)
    assert await tell(store, bank, bank.event(DONE, bank.pay(session))) == 200
    _, where = await come_back(store, session)
    assert receipt_at(where, keyring).lines[0].item_id == "departure"
    page = await (await store.get(where)).text()
    assert "/download/" in page
    answer = await store.post("/purchases", data={"item": "departure"})
    assert answer.status == 422


async def test_expired_and_abandoned_sessions_make_no_order(
    store: Client, bank: FakeStripe
) -> None:
    session = await order(store, bank)
    assert (await come_back(store, session))[0] == 402
    bank.expire(session)
    assert (await come_back(store, session))[0] == 402
    event = bank.event("checkout.session.expired", session)
    assert await tell(store, bank, event) == 200
    await followed(store)
    assert await rows(store, schema.orders) == []


async def test_order_of_a_hundred_lines_fits_stripes_metadata(
    bank: FakeStripe, start_store: StartStore, settings: object, library: Path
) -> None:
    folder = library / "Box"
    folder.mkdir()
    names = [f"{n:03d}-{'long-name-' * 2}{n}" for n in range(100)]
    toml = ['id = "box"', 'item_price = "1.00"']
    for name in names:
        (folder / f"{name}.pdf").write_bytes(name.encode())
        toml += [f'[items."{name}.pdf"]', f'id = "{name}"']
    (folder / "release.toml").write_text("\n".join(toml), encoding="utf-8")
    store = await start_store(settings)
    session = bank.pay(await order(store, bank, *names))
    assert len(json.dumps(session["metadata"])) > 3000
    assert (await come_back(store, session))[0] == 303


def _rewrite(library: Path, lines: str) -> None:
    toml = library / "Night Bus" / "release.toml"
    text = toml.read_text("utf-8")
    text = text.replace('price = "7.00"\nitem_price = "1.00"\n', lines)
    toml.write_text(text, encoding="utf-8")
