# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sign-ins of named operators, from the link to their removal."""

import secrets

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.ledger.operators import directory, rows
from msrv.ledger.operators.model import Operator, Role
from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from msrv.web.store import STORE
from msrv.web.studio.auth import COOKIE
from tests.conftest import Clock
from tests.ledger.sample_events import order_id, sale
from tests.web.studio.conftest import JSON, Studio, page, submit


async def add(
    studio: Studio, name: str = "anna", role: Role = Role.SALES
) -> Operator:
    """Add an operator to the store's database."""
    async with studio.ledger.write_transaction() as connection:
        return await rows.add_operator(
            connection, name, role, 1_800_000_000, secrets.token_bytes
        )


def link_for(keyring: Keyring, clock: Clock, operator: Operator) -> str:
    """Return the path of a link for an operator."""
    ticket = sign_in.issue(
        keyring,
        sign_in.TicketKind.LINK,
        clock.now,
        secrets.token_bytes,
        operator.operator_id,
    )
    return f"/studio/enter/{ticket}"


async def change(studio: Studio, role: Role | None) -> None:
    """Change anna's role on another replica, or remove her."""
    async with studio.ledger.write_transaction() as connection:
        await _change(connection, role)


async def _change(connection: AsyncConnection, role: Role | None) -> None:
    if role is None:
        await rows.remove_operator(connection, "anna", 1_800_000_000)
    else:
        await rows.change_role(connection, "anna", role)


async def test_named_operator_signs_in_and_is_recorded(
    any_studio: Studio, keyring: Keyring, clock: Clock
) -> None:
    await any_studio.store_events(sale(1, ("song", 100)))
    anna = await add(any_studio)
    store = any_studio.store
    link = link_for(keyring, clock, anna)
    assert "You sign in as" in await (await store.get(link)).text()
    any_studio.cookie = (await submit(store, link)).cookies[COOKIE].value
    await any_studio.text(f"/studio/orders/{order_id(1)}")
    # A renewed session is still hers.
    clock.now += 60
    answer = await any_studio.get("/studio")
    any_studio.cookie = answer.cookies[COOKIE].value
    await any_studio.wait_until_synced()
    told = await any_studio.data("/studio/activity")
    assert {(each["act"], each["actor"]) for each in told["acts"]} == {
        ("sign-in", "operator.anna"),
        ("view-order", "operator.anna"),
    }
    assert (await any_studio.post("/studio/leave")).status == 200
    assert await page(store, any_studio.cookie) == 401


async def test_removed_operator_is_signed_out(
    any_studio: Studio,
    keyring: Keyring,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    anna = await add(any_studio)
    store = any_studio.store
    unused = link_for(keyring, clock, anna)
    answer = await submit(store, link_for(keyring, clock, anna))
    session = answer.cookies[COOKIE].value
    assert await page(store, session) == 200
    await change(any_studio, None)
    cookie = {"Cookie": f"{COOKIE}={session}"}
    # Nothing is changed by her from now on, and no page shown in a moment.
    order = f"/studio/orders/{order_id(1)}"
    assert (await store.post(f"{order}/revoke", headers=cookie)).status == 401
    monkeypatch.setattr(directory, "MAX_AGE_SECONDS", 0.0)
    assert await page(store, session) == 401
    assert (await submit(store, unused)).status == 410
    assert (await store.get(unused)).status == 410


async def test_without_the_database_a_named_link_stays_valid(
    offline_studio: Studio, keyring: Keyring, clock: Clock
) -> None:
    """It isn't used up, and the link without a name works."""
    nobody = Operator("0" * 12, "anna", Role.OWNER)
    link = link_for(keyring, clock, nobody)
    store = offline_studio.store
    for answer in (
        await store.get(link, headers=JSON),
        await submit(store, link),
    ):
        assert answer.status == 503
        assert "Retry-After" in answer.headers
        assert not answer.cookies
    assert store.app is not None
    number = sign_in.read(
        keyring,
        sign_in.TicketKind.LINK,
        link.rpartition("/")[2],
        clock.now,
    ).number
    assert not await store.app[STORE].sign_ins.is_link_used(number)
    session = sign_in.issue(
        keyring,
        sign_in.TicketKind.SESSION,
        clock.now,
        secrets.token_bytes,
        nobody.operator_id,
    )
    assert await page(store, session) == 503
    assert await page(store, offline_studio.cookie) == 503
    cookie = {"Cookie": f"{COOKIE}={session}"}
    assert (await store.post("/studio/leave", headers=cookie)).status == 200
    assert await page(store, session) == 401
