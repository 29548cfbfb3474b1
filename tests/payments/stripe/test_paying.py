"""Every way that paying at Stripe is known to go wrong, each by its name."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from msrv.ledger.db import schema
from msrv.orders import rate_limits
from msrv.payments import return_addresses
from msrv.payments.stripe.sessions import unpack
from msrv.proofs import quotes
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.payments.stripe.fake import FakeStripe
from tests.payments.stripe.shop import (
    JSON,
    come_back,
    followed,
    order,
    receipt_at,
    rows,
    tell,
    way_back,
)
from tests.polling import wait_until

DONE = "checkout.session.completed"
ARRIVED = "checkout.session.async_payment_succeeded"
BOUNCED = "checkout.session.async_payment_failed"


async def test_return_before_webhook(
    store: Client, bank: FakeStripe, keyring: Keyring
) -> None:
    """The message that comes after the buyer makes a second order."""
    session = bank.pay(await order(store, bank, "departure", "zine"))
    status, where = await come_back(store, session)
    assert status == 303
    receipt = receipt_at(where, keyring)
    assert (receipt.provider, receipt.total_minor) == ("stripe-test", 100)
    assert await tell(store, bank, bank.event(DONE, session)) == 200
    await followed(store)
    (sale,) = await rows(store, schema.orders)
    assert sale["order_id"] == receipt.order_id
    assert sale["reference"] == session["payment_intent"]
    (told,) = await rows(store, schema.payment_events)
    assert (told["kind"], told["order_id"]) == (DONE, receipt.order_id)


async def test_webhook_before_return(
    store: Client, bank: FakeStripe, keyring: Keyring
) -> None:
    """Who closes the page after paying is not in the books, or twice."""
    session = bank.pay(await order(store, bank))
    assert await tell(store, bank, bank.event(DONE, session)) == 200
    await followed(store)
    (sale,) = await rows(store, schema.orders)
    _, where = await come_back(store, session)
    assert receipt_at(where, keyring).order_id == sale["order_id"]
    assert len(await rows(store, schema.orders)) == 1


async def test_both_at_once_ten_times_over(
    store: Client, bank: FakeStripe
) -> None:
    """A race gives two receipts, or two orders in the books."""
    session = bank.pay(await order(store, bank))
    event = bank.event(DONE, session)
    found = await asyncio.gather(
        *(come_back(store, session) for _ in range(10)),
        *(tell(store, bank, event) for _ in range(10)),
    )
    assert set(found[10:]) == {200}
    assert len(set(found[:10])) == 1
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1
    assert len(await rows(store, schema.payment_events)) == 1


async def test_duplicate_events(store: Client, bank: FakeStripe) -> None:
    """Stripe tells again, under another id as well, and it counts twice."""
    session = bank.pay(await order(store, bank))
    for _ in range(2):
        event = bank.event(DONE, session)
        for _ in range(3):
            assert await tell(store, bank, event) == 200
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1
    assert len(await rows(store, schema.payment_events)) == 2


async def test_events_out_of_order(store: Client, bank: FakeStripe) -> None:
    """`succeeded` before `completed` leaves a paid order unpaid."""
    session = bank.pay_later(await order(store, bank))
    first = bank.event(DONE, session)
    second = bank.event(ARRIVED, bank.arrive(session))
    for event in (second, first):
        assert await tell(store, bank, event) == 200
        await followed(store)
    assert len(await rows(store, schema.orders)) == 1


async def test_unpaid_completed_is_pending(
    store: Client, bank: FakeStripe, clock: Clock
) -> None:
    """A bank debit that takes days is handed over at once, or thrown away."""
    await store.post("/cart", data=[("add", "departure"), ("add", "umbrella")])
    session = bank.pay_later(await order(store, bank))
    assert await tell(store, bank, bank.event(DONE, session)) == 200
    answer = await store.get(str(way_back(session)))
    assert answer.status == 202
    assert answer.headers["Refresh"]
    page = await answer.text()
    assert "under way" in page
    assert "€1.00" in page
    answer = await store.get(
        str(way_back(session)),
        headers=JSON,
    )
    assert (await answer.json())["status"] == "pending"
    # It waits to be paid in no cart.
    cart = await (await store.get("/cart", headers=JSON)).json()
    assert [each["item_id"] for each in cart["items"]] == ["umbrella"]
    await followed(store)
    assert await rows(store, schema.orders) == []
    # Days later, when the price that was quoted has long lapsed:
    clock.now += 3 * 24 * 3600
    event = bank.event(ARRIVED, bank.arrive(session))
    assert await tell(store, bank, event) == 200
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1
    assert (await come_back(store, session))[0] == 303


async def test_a_debit_that_bounces_is_refused(
    store: Client, bank: FakeStripe
) -> None:
    """A buyer waits for ever for money that does not come."""
    session = bank.bounce(bank.pay_later(await order(store, bank)))
    assert await tell(store, bank, bank.event(BOUNCED, session)) == 200
    assert (await come_back(store, session))[0] == 402
    await followed(store)
    assert await rows(store, schema.orders) == []


async def test_late_failure_after_a_newer_success(
    store: Client, bank: FakeStripe, keyring: Keyring
) -> None:
    """An old message takes back what has been paid since."""
    session = bank.pay_later(await order(store, bank))
    late = bank.event(BOUNCED, session)
    event = bank.event(ARRIVED, bank.arrive(session))
    assert await tell(store, bank, event) == 200
    assert await tell(store, bank, late) == 200
    await followed(store)
    assert len(await rows(store, schema.orders)) == 1
    assert await rows(store, schema.refunds) == []
    _, where = await come_back(store, session)
    assert receipt_at(where, keyring)


async def test_nothing_to_pay_is_paid(store: Client, bank: FakeStripe) -> None:
    """`no_payment_required` of what was to be paid is no payment of it."""
    session = bank.pay(
        await order(store, bank),
        payment_status="no_payment_required",
        amount_total=0,
    )
    assert (await come_back(store, session))[0] == 409
    session.update(amount_total=100)
    assert (await come_back(store, session))[0] == 303


@pytest.mark.parametrize(
    "changed",
    [{"amount_total": 99}, {"amount_total": 1}, {"currency": "jpy"}],
    ids=["paid-less", "paid-a-cent", "paid-in-another-currency"],
)
async def test_paid_otherwise_than_quoted(
    store: Client,
    bank: FakeStripe,
    caplog: pytest.LogCaptureFixture,
    changed: dict[str, object],
) -> None:
    """Whoever pays a cent, or a yen for a euro, has the record."""
    session = bank.pay(await order(store, bank), **changed)
    status, where = await come_back(store, session)
    assert (status, where) == (409, "")
    assert "order not fulfilled, refund payment" in caplog.text
    assert session["id"] in caplog.text
    assert await tell(store, bank, bank.event(DONE, session)) == 200
    await followed(store)
    assert await rows(store, schema.orders) == []
    assert len(await rows(store, schema.payment_events)) == 1


@pytest.mark.parametrize(
    "session_id",
    [
        "{CHECKOUT_SESSION_ID}",
        "%7BCHECKOUT_SESSION_ID%7D",
        "",
        "cs_live_" + "a" * 58,
        "cs_test_../../v1/charges",
        "cs_test_" + "a" * 900,
    ],
)
async def test_literal_checkout_session_id(
    store: Client, bank: FakeStripe, session_id: str
) -> None:
    """A link without an id is an incident, or is put into a call to Stripe."""
    mark = return_addresses.format_tag(_keyring(store), "A" * 24)
    answer = await store.get(
        "/payments/stripe/return", params={"session_id": session_id, "q": mark}
    )
    assert answer.status == 404
    assert bank.asked == []


async def test_no_such_session(store: Client, bank: FakeStripe) -> None:
    """A made-up session is an error of the store's, or asked for each time."""
    mark = return_addresses.format_tag(_keyring(store), "A" * 24)
    for _ in range(5):
        answer = await store.get(
            "/payments/stripe/return",
            params={"session_id": "cs_test_" + "a" * 58, "q": mark},
        )
        assert answer.status == 404
    assert len(bank.asked) == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "",
        lambda mark: mark.partition(".")[0],
        lambda mark: ("A" if mark[0] != "A" else "B") + mark[1:],
        lambda mark: mark[:-1] + ("A" if mark[-1] != "A" else "B"),
        lambda mark: mark + "A",
        lambda mark: f"{mark}.{mark}",
        lambda _: "A" * 24 + "." + "A" * 24,
        lambda _: "\udcff",
    ],
)
async def test_an_address_that_the_store_never_gave_asks_nothing(
    store: Client, bank: FakeStripe, change: Callable[[str], str]
) -> None:
    """Strangers spend the store's calls to Stripe, and buyers wait."""
    session = bank.pay(await order(store, bank))
    asked = len(bank.asked)
    mark = change(way_back(session).query["q"])
    answer = await store.get(
        "/payments/stripe/return"
        f"?session_id={session['id']}"
        f"&q={quote(mark, errors='surrogateescape')}"
    )
    assert answer.status == 404
    answer = await store.get(
        "/payments/stripe/return", params={"session_id": session["id"]}
    )
    assert answer.status == 404
    assert len(bank.asked) == asked
    assert (await come_back(store, session))[0] == 303


async def test_an_address_opens_the_payment_that_it_was_made_for(
    store: Client, bank: FakeStripe
) -> None:
    """With one address, a stranger has any payment's receipt."""
    one = bank.pay(await order(store, bank))
    other = bank.pay(await order(store, bank, "umbrella"))
    mark = way_back(one).query["q"]
    answer = await store.get(
        "/payments/stripe/return",
        params={"session_id": other["id"], "q": mark},
        allow_redirects=False,
    )
    assert answer.status == 404


async def test_addresses_of_before_an_update_work_for_two_days(
    start_store: StartStore,
    settings: Settings,
    bank: FakeStripe,
    clock: Clock,
) -> None:
    """An update takes the receipt from everybody who is paying."""
    (settings.data / "spool").mkdir(parents=True)
    store = await start_store(settings)
    session = bank.pay(await order(store, bank))
    params = {"session_id": session["id"]}

    async def status() -> int:
        answer = await store.get(
            "/payments/stripe/return", params=params, allow_redirects=False
        )
        return answer.status

    assert await status() == 303
    # With a tag that is wrong, it is not one of those.
    params["q"] = "A" * 24 + "." + "A" * 24
    assert await status() == 404
    del params["q"]
    # It is not asked for often, either.
    found = [await status() for _ in range(10)]
    assert found == [303] * 4 + [429] * 6
    clock.now += return_addresses.UNTAGGED_SECONDS - 1
    assert await status() == 303
    clock.now += 1
    assert await status() == 404
    # A restart doesn't begin it anew.
    again = await start_store(settings)
    store = again
    assert await status() == 404


async def test_look_ups_are_limited_by_network(
    store: Client, bank: FakeStripe
) -> None:
    """With one good address, a stranger has Stripe asked for ever."""
    session = bank.pay(await order(store, bank))
    statuses = [(await come_back(store, session))[0] for _ in range(40)]
    burst = rate_limits.LOOK_UPS.burst
    assert statuses == [303] * burst + [429] * (40 - burst)
    answer = await store.get(str(way_back(session)))
    assert int(answer.headers["Retry-After"]) >= 1
    assert "Please don&#39;t pay again" in await answer.text()


async def test_payments_are_begun_so_often_by_a_network(
    store: Client, bank: FakeStripe
) -> None:
    """Strangers begin payments as fast as the store can ask."""
    for _ in range(rate_limits.PAYMENTS.burst):
        await order(store, bank)
    asked = len(bank.asked)
    answer = await store.post(
        "/purchases", data={"item": "departure"}, headers=JSON
    )
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await answer.json())["error"] == "too_many_payments"
    assert len(bank.asked) == asked
    # What costs nothing asks nobody.
    answer = await store.post(
        "/purchases", data={"item": "zine"}, headers=JSON
    )
    assert answer.status == 201


@pytest.mark.parametrize("metadata", ["none", "another NONCE's", "changed"])
async def test_session_of_another_shop(
    store: Client,
    bank: FakeStripe,
    metadata: str,
) -> None:
    """What was paid to another shop of the account is had here."""
    session = bank.pay(await order(store, bank))
    kept = dict(session["metadata"])
    if metadata == "none":
        session["metadata"] = {"order": "1"}
    elif metadata == "changed":
        first = kept["msrv_quote_00"]
        session["metadata"]["msrv_quote_00"] = "A" + first[1:]
    else:
        other = Keyring.from_nonces("another shop's, and as long as any")
        theirs = quotes.sign(
            other,
            quotes.read_ignoring_expiry(_keyring(store), _token(kept)),
        )
        session["metadata"] = {"msrv_quote_00": theirs}
    assert (await come_back(store, session))[0] == 404
    assert await tell(store, bank, bank.event(DONE, session)) == 200
    assert await rows(store, schema.orders) == []
    if metadata != "none":
        # It may be ours once a NONCE is mended: it is kept, and tried again.
        session["metadata"] = kept
    await followed(store)
    expected = 0 if metadata == "none" else 1
    assert len(await rows(store, schema.orders)) == expected


async def test_double_click(store: Client, bank: FakeStripe) -> None:
    """An impatient buyer pays twice, or one order is two at Stripe."""
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


async def test_a_click_after_paying_leads_to_the_receipt(
    store: Client, bank: FakeStripe
) -> None:
    """Who goes back and presses again is stuck at a session that is over."""
    fields = {"attempt": "A" * 24, "item": "departure"}
    bank.pay(await order(store, bank, attempt=fields["attempt"]))
    answer = await store.post("/purchases", data=fields, allow_redirects=False)
    assert answer.status == 303
    where = answer.headers["Location"]
    assert where.startswith("/payments/stripe/return?")
    answer = await store.get(where, allow_redirects=False)
    assert answer.headers["Location"].startswith("/purchases/")


async def test_price_changed_between_quote_and_payment(
    store: Client, bank: FakeStripe, keyring: Keyring, library: Path
) -> None:
    """Who pays the price that they were quoted gets nothing for it."""
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


async def test_item_withdrawn_between_quote_and_payment(
    store: Client, bank: FakeStripe, keyring: Keyring, library: Path
) -> None:
    """Who has paid for a song that was withdrawn meanwhile has nothing."""
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


async def test_expired_and_abandoned_sessions(
    store: Client, bank: FakeStripe
) -> None:
    """Who comes back without having paid gets a receipt, or an error."""
    session = await order(store, bank)
    assert (await come_back(store, session))[0] == 402
    bank.expire(session)
    assert (await come_back(store, session))[0] == 402
    event = bank.event("checkout.session.expired", session)
    assert await tell(store, bank, event) == 200
    await followed(store)
    assert await rows(store, schema.orders) == []


async def test_a_hundred_lines_go_through_stripe(
    bank: FakeStripe, start_store: StartStore, settings: object, library: Path
) -> None:
    """A large order is over the limits of Stripe's metadata."""
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


def _keyring(store: Client) -> Keyring:
    return store.app[STORE].keyring


def _token(metadata: dict[str, str]) -> str:
    token = unpack(metadata)
    assert token
    return token


def _rewrite(library: Path, lines: str) -> None:
    toml = library / "Night Bus" / "release.toml"
    text = toml.read_text("utf-8")
    text = text.replace('price = "7.00"\nitem_price = "1.00"\n', lines)
    toml.write_text(text, encoding="utf-8")
