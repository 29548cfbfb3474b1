# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Addresses that buyers return to from Stripe, and who may use them."""

from collections.abc import Callable
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
from tests.payments.stripe.fake_stripe import FakeStripe
from tests.payments.stripe.purchases import (
    JSON,
    come_back,
    followed,
    order,
    rows,
    tell,
    way_back,
)

DONE = "checkout.session.completed"


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
async def test_malformed_session_id_is_not_sent_to_stripe(
    store: Client, bank: FakeStripe, session_id: str
) -> None:
    mark = return_addresses.format_tag(_keyring(store), "A" * 24)
    answer = await store.get(
        "/payments/stripe/return", params={"session_id": session_id, "q": mark}
    )
    assert answer.status == 404
    assert bank.asked == []


async def test_unknown_session_is_requested_once(
    store: Client, bank: FakeStripe
) -> None:
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
async def test_forged_return_address_causes_no_request(
    store: Client, bank: FakeStripe, change: Callable[[str], str]
) -> None:
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


async def test_return_address_works_only_for_its_own_payment(
    store: Client, bank: FakeStripe
) -> None:
    one = bank.pay(await order(store, bank))
    other = bank.pay(await order(store, bank, "umbrella"))
    mark = way_back(one).query["q"]
    answer = await store.get(
        "/payments/stripe/return",
        params={"session_id": other["id"], "q": mark},
        allow_redirects=False,
    )
    assert answer.status == 404


async def test_untagged_addresses_are_accepted_for_two_days_after_an_update(
    start_store: StartStore,
    settings: Settings,
    bank: FakeStripe,
    clock: Clock,
) -> None:
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


async def test_look_ups_are_limited_per_network(
    store: Client, bank: FakeStripe
) -> None:
    session = bank.pay(await order(store, bank))
    statuses = [(await come_back(store, session))[0] for _ in range(40)]
    burst = rate_limits.LOOK_UPS.burst
    assert statuses == [303] * burst + [429] * (40 - burst)
    answer = await store.get(str(way_back(session)))
    assert int(answer.headers["Retry-After"]) >= 1
    assert "Please don&#39;t pay again" in await answer.text()


async def test_payment_starts_are_limited_per_network(
    store: Client, bank: FakeStripe
) -> None:
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
async def test_session_of_another_application_is_rejected(
    store: Client,
    bank: FakeStripe,
    metadata: str,
) -> None:
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


def _keyring(store: Client) -> Keyring:
    return store.app[STORE].keyring


def _token(metadata: dict[str, str]) -> str:
    token = unpack(metadata)
    assert token
    return token
