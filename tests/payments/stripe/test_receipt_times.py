# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Time of the payment in receipts, and that every way makes the same one."""

import json
from pathlib import Path

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from msrv.ledger.db import schema
from msrv.payments.provider import PaymentRequest
from msrv.payments.settlement import PaidOrder, Settlement
from msrv.payments.stripe import sessions
from msrv.proofs import quotes, receipts
from msrv.proofs.keyring import Keyring
from msrv.proofs.orders import Line
from msrv.proofs.quotes import Quote
from msrv.settings import Settings
from tests.conftest import Client, Clock, StartStore
from tests.payments.stripe import stripe_objects
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import (
    come_back,
    followed,
    order,
    receipt_at,
    rows,
    tell,
    way_back,
)

DONE = "checkout.session.completed"
ARRIVED = "checkout.session.async_payment_succeeded"


async def test_receipt_and_ledger_state_when_it_was_paid(
    store: Client,
    bank: FakeStripe,
    keyring: Keyring,
    clock: Clock,
    start_store: StartStore,
    settings: Settings,
    tmp_path: Path,
) -> None:
    session = await order(store, bank, attempt="A" * 24)
    clock.now += 1234
    paid_at = clock.now
    bank.pay(session)
    clock.now += 300
    _, where = await come_back(store, session)
    assert receipt_at(where, keyring).issued_at == paid_at
    # By the webhook, later, and at another replica: the very same receipt.
    clock.now += 86_400
    assert await tell(store, bank, bank.event(DONE, session)) == 200
    await followed(store)
    (sale,) = await rows(store, schema.orders)
    assert sale["sold_at"] == paid_at
    other = await start_store(
        settings.model_copy(update={"data": tmp_path / "other"})
    )
    assert (await come_back(other, session)) == (303, where)
    page = await (await store.get(where)).text()
    receipt = receipt_at(where, keyring)
    assert receipts.sign_jws(keyring, receipt) in page


async def test_payment_that_takes_days_has_the_time_of_its_charge(
    store: Client, bank: FakeStripe, keyring: Keyring, clock: Clock
) -> None:
    session = await order(store, bank)
    clock.now += 77
    agreed_at = clock.now
    bank.pay_later(session)
    assert (await store.get(str(way_back(session)))).status == 202
    clock.now += 3 * 86_400
    event = bank.event(ARRIVED, bank.arrive(session))
    assert await tell(store, bank, event) == 200
    await followed(store)
    _, where = await come_back(store, session)
    assert receipt_at(where, keyring).issued_at == agreed_at
    (sale,) = await rows(store, schema.orders)
    assert sale["sold_at"] == agreed_at


async def test_session_from_before_the_update_keeps_its_receipt(
    store: Client, bank: FakeStripe, keyring: Keyring, clock: Clock
) -> None:
    session = await order(store, bank)
    quoted_at = clock.now
    del session["metadata"]["msrv_time"]
    clock.now += 600
    bank.pay(session)
    _, where = await come_back(store, session)
    assert receipt_at(where, keyring).issued_at == quoted_at


LINES = st.lists(
    st.tuples(
        st.from_regex(r"[a-z0-9][a-z0-9-]{0,31}", fullmatch=True),
        st.integers(50, 10**6),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda line: line[0],
)


@examples(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    lines=LINES,
    quoted_at=st.integers(1, 2**33),
    wait=st.integers(0, 10**7),
)
def test_receipt_made_again_equals_the_first(
    keyring: Keyring,
    lines: list[tuple[str, int]],
    quoted_at: int,
    wait: int,
) -> None:
    """From one session, in either form, by whichever replica it is made."""
    quote = Quote(
        order_id="A" * 24,
        currency="EUR",
        lines=tuple(Line(item_id, minor) for item_id, minor in lines),
        catalog_version="v",
        issued_at=quoted_at,
        expires_at=quoted_at + 3600,
        mail="ada@example.org",
    )
    request = PaymentRequest(
        quote,
        quotes.sign(keyring, quote),
        tuple(item_id for item_id, _ in lines),
        "https://shop.example",
    )
    params = sessions.session_params(request, tax=False)
    session = stripe_objects.session(
        1, params, "https://pay.example", quoted_at, live=True
    )
    session |= {"status": "complete", "payment_status": "paid"}
    intent = stripe_objects.intent(2, session, {}, "succeeded")
    charge = stripe_objects.charge(intent, quoted_at + wait)
    session["payment_intent"] = intent | {"latest_charge": charge}
    made = set()
    for _ in range(2):
        # As Stripe's answer comes over the network, in any order of members.
        session = dict(reversed(json.loads(json.dumps(session)).items()))
        outcome = Settlement(keyring).check(
            "stripe", sessions.parse_session(session)
        )
        assert isinstance(outcome, PaidOrder)
        made.add(receipts.sign(keyring, outcome.receipt))
        made_jws = receipts.sign_jws(keyring, outcome.receipt)
        assert receipts.read(keyring, made_jws) == outcome.receipt
        assert outcome.receipt.issued_at == quoted_at + wait
    assert len(made) == 1
