# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Limits on guesses of redeem codes."""

from ipaddress import ip_network

import pytest

from msrv.orders import rate_limits
from msrv.proofs.encoding import decode, encode
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.orders.redeem_codes import JSON, code_of, redeem, unknown_code
from tests.store_parts import wait_for_database


async def test_guesses_of_one_network_are_limited(
    ready_store: Client, keyring: Keyring, clock: Clock
) -> None:
    wrong = unknown_code(code_of(keyring))
    for _ in range(rate_limits.GUESSES.burst):
        status, answer = await redeem(ready_store, wrong)
        assert (status, answer["error"]) == (422, "no_such_code")
    answer = await ready_store.post("/redeem", data={"code": wrong})
    assert (answer.status, answer.headers["Retry-After"]) == (429, "60")
    assert "Yours hasn&#39;t been used up" in await answer.text()
    # Not even the right one is told from there.
    assert (await redeem(ready_store, code_of(keyring)))[0] == 429
    clock.now += 60
    assert (await redeem(ready_store, code_of(keyring)))[0] == 201


@pytest.mark.slow
async def test_thousand_guesses_from_many_networks_keep_nobody_from_a_code(
    start_store: StartStore, settings: Settings, keyring: Keyring
) -> None:
    store = await start_store(
        settings.model_copy(
            update={"trusted_proxies": (ip_network("127.0.0.0/8"),)}
        )
    )
    await wait_for_database(store)
    wrong = unknown_code(code_of(keyring))
    for number in range(1150):
        answer = await store.post(
            "/redeem",
            data={"code": wrong},
            headers=JSON | {"X-Forwarded-For": f"198.51.100.{number // 10}"},
        )
        assert answer.status == 422
    assert (await redeem(store, code_of(keyring)))[0] == 201


async def test_guesses_of_all_networks_are_limited(
    ready_store: Client, keyring: Keyring, clock: Clock
) -> None:
    use_up_guesses(ready_store, clock, "new")
    assert (await redeem(ready_store, unknown_code(code_of(keyring))))[
        0
    ] == 429


def use_up_guesses(store: Client, clock: Clock, group: str) -> None:
    """Use up the guesses of all clients in a group."""
    totals = store.app[STORE].limits.codes.totals
    totals.spend(group, now=clock.now, cost=rate_limits.ALL_GUESSES.burst)


async def test_settled_claim_redeems_after_the_total_is_used_up(
    ready_store: Client, keyring: Keyring, clock: Clock
) -> None:
    answer = await ready_store.get("/redeem")
    claim = answer.cookies["claim"].value
    use_up_guesses(ready_store, clock, "new")
    # Not yet: strangers open the page as well.
    assert (await redeem(ready_store, code_of(keyring), claim))[0] == 429
    clock.now += 60
    use_up_guesses(ready_store, clock, "new")
    assert (await redeem(ready_store, code_of(keyring)))[0] == 429
    assert (await redeem(ready_store, code_of(keyring), claim))[0] == 201
    # And they have the same receipt by asking again.
    assert (await redeem(ready_store, code_of(keyring), claim))[0] == 201


async def test_forged_claim_is_limited_with_new_clients(
    ready_store: Client, keyring: Keyring, clock: Clock
) -> None:
    answer = await ready_store.get("/redeem")
    claim = answer.cookies["claim"].value
    use_up_guesses(ready_store, clock, "new")
    clock.now += 60
    use_up_guesses(ready_store, clock, "new")
    made_up = decode(claim)[:16] + bytes(6) + decode(claim)[22:]
    for each in (encode(made_up), encode(made_up[:16]), encode(bytes(16))):
        assert (await redeem(ready_store, code_of(keyring), each))[0] == 429


async def test_claim_has_as_many_guesses_as_a_network(
    start_store: StartStore,
    settings: Settings,
    keyring: Keyring,
    clock: Clock,
) -> None:
    store = await start_store(
        settings.model_copy(
            update={"trusted_proxies": (ip_network("127.0.0.0/8"),)}
        )
    )
    await wait_for_database(store)
    claim = (await store.get("/redeem")).cookies["claim"].value
    clock.now += 60
    statuses = []
    for number in range(rate_limits.GUESSES.burst + 3):
        store.session.cookie_jar.clear()
        answer = await store.post(
            "/redeem",
            data={"code": unknown_code(code_of(keyring))},
            headers=JSON | {"X-Forwarded-For": f"198.51.100.{number}"},
            cookies={"claim": claim},
        )
        statuses.append(answer.status)
    assert statuses == [422] * rate_limits.GUESSES.burst + [429] * 3
