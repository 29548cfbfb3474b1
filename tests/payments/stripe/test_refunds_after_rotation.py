# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Refunds of orders whose NONCE is no longer set."""

from collections.abc import Awaitable, Callable

import pytest

from msrv.app import create_app
from msrv.payments.provider import WHOLE
from msrv.proofs.keyring import Keyring, RetiredKey
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import JSON, come_back, order, tell
from tests.payments.stripe.stripe_objects import Json
from tests.polling import wait_until

Open = Callable[..., Awaitable[Client]]


@pytest.fixture
def rotated(keyring: Keyring) -> Keyring:
    """Keys of a new NONCE, and the retired keys of the former one."""
    former = keyring.current
    assert former.simulated
    new = Keyring.from_nonces("the new one of the tests")
    return Keyring(
        new.generations,
        accepts_simulated=True,
        retired=(
            RetiredKey(former.receipt_public_key, 1),
            RetiredKey(former.simulated.receipt_public_key, 1, simulated=True),
        ),
    )


@pytest.fixture
async def sold(
    start_store: StartStore, settings: Settings, bank: FakeStripe
) -> Json:
    """Paid session of two songs, one euro each, and its receipt."""
    store = await start_store(settings)
    session = bank.pay(await order(store, bank, "departure", "wrong-stop"))
    _, session["_receipt"] = await come_back(store, session)
    await store.app[STORE].ledger.wait_until_synced()
    await store.close()
    return session


@pytest.fixture
async def later(
    sold: Json,
    settings: Settings,
    rotated: Keyring,
    clock: Clock,
    aiohttp_client: Open,
) -> Client:
    """The same store after a change of NONCE."""
    assert sold
    app = create_app(settings, rotated, clock=clock)
    client = await aiohttp_client(app)
    await app[STORE].catalog.ready()
    ledger = app[STORE].ledger
    await wait_until(lambda: ledger.is_database_ready)
    return client


async def links(store: Client, sold: Json) -> set[str]:
    answer = await store.get(sold["_receipt"], headers=JSON)
    assert answer.status == 200
    return set((await answer.json())["downloads"])


@pytest.mark.parametrize(
    ("amount", "items", "left"),
    [(200, "", set()), (100, "departure", {"wrong-stop"})],
)
async def test_refund_ends_the_links_of_an_order_of_a_former_nonce(
    later: Client,
    bank: FakeStripe,
    sold: Json,
    amount: int,
    items: str,
    left: set[str],
) -> None:
    assert await links(later, sold) == {"departure", "wrong-stop"}
    made = bank.refund(sold, amount, items)
    assert await tell(later, bank, bank.event("refund.created", made)) == 200
    ledger = later.app[STORE].ledger
    for _ in range(600):
        await ledger.wait_until_synced()
        if await links(later, sold) == left:
            return
        assert ledger._sync
        await ledger._sync.poll_revocations()
    pytest.fail("the links have not ended")


async def test_refund_of_an_item_of_no_order_ends_nothing(
    later: Client, bank: FakeStripe, sold: Json
) -> None:
    made = bank.refund(sold, 100, "zine")
    assert await tell(later, bank, bank.event("refund.created", made)) == 200
    folder = later.app[STORE].settings.data / "messages"
    await wait_until(lambda: not any(folder.glob("*.json")))
    assert await links(later, sold) == {"departure", "wrong-stop"}


async def test_payment_of_no_order_is_not_found(
    later: Client, sold: Json
) -> None:
    ledger = later.app[STORE].ledger
    payment = sold["payment_intent"]
    found = await ledger.find_paid_order("stripe", payment)
    assert found is not None
    assert found[1] == {"departure", "wrong-stop"}
    assert WHOLE not in found[1]
    for provider, reference in (
        ("stripe", "pi_other"),
        ("stripe", ""),
        ("other", payment),
    ):
        assert await ledger.find_paid_order(provider, reference) is None
