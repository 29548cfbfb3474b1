# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rules of the studio's routes: roles, scopes, and what each may do."""

import re
import secrets

import pytest
from aiohttp import web

from msrv.ledger.operators import rows, token_rows
from msrv.ledger.operators.model import Role
from msrv.ledger.operators.tokens import Scope
from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from msrv.web.studio.access.rules import OPEN_ROUTES, RULES, Permission
from msrv.web.studio.routes import STUDIO
from tests.conftest import Clock
from tests.ledger.sample_events import order_id, sale
from tests.web.studio.conftest import JSON, Studio

NAMES = {route.kwargs["name"] for route in STUDIO}


def path_of(route: web.RouteDef) -> str:
    """Return an address of a route, of an order that exists."""
    path = re.sub(r"\{\w+:[^/]*\}", "1", route.path)
    path = path.replace("{order}", order_id(1))
    return path.replace("{release}", "album").replace("{ticket}", "x" * 48)


def test_every_route_has_a_rule_or_is_open() -> None:
    assert set(RULES) | OPEN_ROUTES == NAMES
    assert not set(RULES) & OPEN_ROUTES


def test_read_only_roles_and_scopes_change_nothing() -> None:
    """Except for an operator's own passkeys."""
    changes = {
        route.kwargs["name"] for route in STUDIO if route.method == "POST"
    } - OPEN_ROUTES
    assert {
        name for name in changes if RULES[name].permission is Permission.VIEW
    } == {
        "studio-passkey-add",
        "studio-passkey-options",
        "studio-passkey-remove",
    }
    for name in changes:
        assert not (RULES[name].scope or "").endswith(":read"), name
    # What leads to what was bought, and who decides about others.
    assert RULES["studio-evidence"].permission is Permission.SELL
    assert RULES["studio-give"].scope is RULES["studio-codes"].scope is None
    for name in ("operators", "operators-change", "tokens", "tokens-change"):
        rule = RULES[f"studio-{name}"]
        assert (rule.permission, rule.scope) == (Permission.ADMINISTER, None)


async def sessions(
    studio: Studio, keyring: Keyring, clock: Clock
) -> dict[Role, str]:
    """Return a session of an operator of each role."""
    found = {}
    async with studio.ledger.write_transaction() as connection:
        for role in Role:
            operator = await rows.add_operator(
                connection, role.value, role, clock.now, secrets.token_bytes
            )
            found[role] = sign_in.issue(
                keyring,
                sign_in.TicketKind.SESSION,
                clock.now,
                secrets.token_bytes,
                operator.operator_id,
            )
    return found


async def test_each_role_may_use_exactly_its_routes(
    studio: Studio, keyring: Keyring, clock: Clock
) -> None:
    """Every route and method, by each role: 403, or anything else."""
    await studio.store_events(sale(1, ("song", 100)))
    for role, cookie in (await sessions(studio, keyring, clock)).items():
        studio.cookie = cookie
        for route in STUDIO:
            name = route.kwargs["name"]
            if name in OPEN_ROUTES:
                continue
            path = path_of(route)
            if route.method == "POST":
                answer = await studio.post(path, JSON)
            else:
                answer = await studio.get(path, **JSON)
            refused = (
                answer.status == 403
                and (await answer.json())["error"] == "not_allowed"
            )
            allowed = role in RULES[name].permission.value
            assert refused != allowed, (role, name, answer.status)


async def test_page_that_is_refused_says_who_may(
    studio: Studio, keyring: Keyring, clock: Clock
) -> None:
    by_role = await sessions(studio, keyring, clock)
    studio.cookie = by_role[Role.READ_ONLY]
    answer = await studio.get(f"/studio/orders/{order_id(1)}/refund")
    assert answer.status == 403
    assert "role sales or owner" in await answer.text()
    studio.cookie = by_role[Role.SALES]
    answer = await studio.get("/studio/tokens")
    assert "Only an owner of the store" in await answer.text()
    # Their own sign-out is theirs; everybody's is the owner's.
    answer = await studio.post("/studio/leave", JSON, everywhere="1")
    assert answer.status == 403
    assert (await studio.get("/studio")).status == 200
    assert (await studio.post("/studio/leave")).status == 200


async def test_read_only_pages_have_no_buttons_and_no_receipts(
    studio: Studio, keyring: Keyring, clock: Clock
) -> None:
    await studio.store_events(sale(1, ("song", 100), ("other", 100)))
    order = f"/studio/orders/{order_id(1)}"
    owner = await studio.text(order)
    for role, cookie in (await sessions(studio, keyring, clock)).items():
        studio.cookie = cookie
        page = await studio.text(order)
        data = await studio.data(order)
        sells = role in Permission.SELL.value
        for part in ("/revoke", "/evidence", "/receipts/"):
            assert (part in page) == (sells and part in owner), (role, part)
        assert (data["receipt"] is not None) == sells
        owns = role is Role.OWNER
        assert ("/studio/tokens" in page) == owns
        assert ("everywhere" in page) == owns


async def token(studio: Studio, clock: Clock, *scopes: Scope) -> str:
    """Return a new token of some scopes, valid for a day."""
    async with studio.ledger.write_transaction() as connection:
        return await token_rows.create_token(
            connection,
            f"t-{secrets.token_hex(4)}",
            scopes,
            1,
            created_by="",
            now=clock.now,
            random=secrets.token_bytes,
        )


@pytest.mark.parametrize("scope", Scope)
async def test_each_scope_opens_exactly_its_routes(
    studio: Studio, clock: Clock, scope: Scope
) -> None:
    await studio.store_events(sale(1, ("song", 100)))
    text = await token(studio, clock, scope)
    headers = {"Authorization": f"Bearer {text}"}
    for route in STUDIO:
        name = route.kwargs["name"]
        if name in OPEN_ROUTES:
            continue
        answer = await studio.store.request(
            route.method,
            path_of(route),
            headers=headers,
            allow_redirects=False,
        )
        assert answer.content_type != "text/html", name
        refused = (
            answer.status == 403
            and (await answer.json())["error"] == "scope_missing"
        )
        assert refused == (RULES[name].scope is not scope), name
        if refused:
            challenge = answer.headers["WWW-Authenticate"]
            assert "insufficient_scope" in challenge
