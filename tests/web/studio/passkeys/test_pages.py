# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Page of the passkeys: adding and removing them."""

import secrets
from dataclasses import replace

from sqlalchemy import select

from msrv.ledger.db.schema import acts
from msrv.ledger.operators.model import Operator, Role
from msrv.ledger.operators.rows import add_operator, remove_operator
from msrv.ledger.passkeys.rows import MAX_PASSKEYS
from msrv.passkeys import challenges
from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from tests.conftest import Clock
from tests.passkeys.authenticator import Authenticator
from tests.web.studio.conftest import Studio
from tests.web.studio.passkeys.conftest import (
    ENTER,
    PAGE,
    Visitor,
    error_of,
)


async def named(
    studio: Studio, keyring: Keyring, clock: Clock, name: str, role: Role
) -> tuple[Operator, Visitor]:
    """Add an operator, and sign them in."""
    async with studio.ledger.write_transaction() as connection:
        operator = await add_operator(
            connection, name, role, clock.now, secrets.token_bytes
        )
    session = sign_in.issue(
        keyring,
        sign_in.TicketKind.SESSION,
        clock.now,
        secrets.token_bytes,
        operator.operator_id,
    )
    device = Authenticator(credential_id=f"of {name}".encode())
    return operator, Visitor(studio.store, session, device)


async def test_passkey_is_listed_with_its_last_use(
    visitor: Visitor, clock: Clock
) -> None:
    added = await (await visitor.add("  My\tphone ")).json()
    (listed,) = (await (await visitor.page(PAGE)).json())["passkeys"]
    assert listed == {
        "passkey_id": added["passkey_id"],
        "name": "My phone",
        "operator": "",
        "created_at": clock.now,
        "last_used_day": None,
    }
    assert (await visitor.sign_in()).status == 200
    (listed,) = (await (await visitor.page(PAGE)).json())["passkeys"]
    assert listed["last_used_day"] == clock.now // 86_400


async def test_page_has_what_was_added(
    visitor: Visitor, studio: Studio
) -> None:
    assert "There are no passkeys yet" in await studio.text(PAGE)
    assert (await visitor.add("<b>Phone</b>")).status == 201
    text = await studio.text(PAGE)
    assert "&lt;b&gt;Phone&lt;/b&gt;" in text
    assert "https://shop.example" in text
    assert "Not used yet" in text


async def test_removal_is_confirmed_first(
    visitor: Visitor, studio: Studio
) -> None:
    added = await (await visitor.add("Phone")).json()
    number = added["passkey_id"]
    listed = await studio.text(PAGE)
    assert f'action="{PAGE}/remove"' not in listed
    assert f'href="{PAGE}?remove={number}"' in listed
    confirming = await studio.text(f"{PAGE}?remove={number}")
    assert "Remove <bdi>Phone</bdi>?" in confirming
    assert f'name="id" value="{number}"' in confirming
    assert await studio.text(PAGE) == listed


async def test_adding_and_removing_are_acts(
    visitor: Visitor, studio: Studio
) -> None:
    added = await (await visitor.add()).json()
    assert (await visitor.sign_in()).status == 200
    answer = await studio.post(f"{PAGE}/remove", id=added["passkey_id"])
    assert (answer.status, answer.headers["Location"]) == (303, PAGE)
    await studio.wait_until_synced()
    async with studio.ledger.read_transaction(5) as connection:
        rows = await connection.execute(select(acts.c.act, acts.c.subject))
        found = {tuple(row) for row in rows}
    number = added["passkey_id"]
    assert found == {
        ("add-passkey", number),
        ("sign-in-passkey", ""),
        ("remove-passkey", number),
    }
    answer = await studio.post(f"{PAGE}/remove", id=number)
    assert answer.status == 403


async def test_challenge_of_a_sign_in_adds_nothing(visitor: Visitor) -> None:
    adding = await visitor.options(PAGE)
    entering = await visitor.options(ENTER)
    fields = visitor.device.create(
        {**adding, "challenge": entering["challenge"]}
    )
    answer = await visitor.post(PAGE, name="Phone", **fields)
    assert await error_of(answer) == (400, "passkey_not_started")


async def test_challenge_is_of_one_sign_in(
    visitor: Visitor, keyring: Keyring, clock: Clock
) -> None:
    fields = visitor.device.create(await visitor.options(PAGE))
    other = sign_in.issue(
        keyring, sign_in.TicketKind.SESSION, clock.now, secrets.token_bytes
    )
    stolen = replace(visitor, session=other)
    answer = await stolen.post(PAGE, name="Phone", **fields)
    assert await error_of(answer) == (400, "passkey_not_started")
    clock.now += challenges.SECONDS
    answer = await visitor.post(PAGE, name="Phone", **fields)
    assert await error_of(answer) == (410, "passkey_expired")


async def test_registration_is_accepted_once(visitor: Visitor) -> None:
    fields = visitor.device.create(await visitor.options(PAGE))
    assert (await visitor.post(PAGE, name="One", **fields)).status == 201
    answer = await visitor.post(PAGE, name="Two", **fields)
    assert await error_of(answer) == (410, "passkey_used")
    answer = await visitor.add("Three")
    assert await error_of(answer) == (409, "passkey_exists")
    options = await visitor.options(PAGE)
    assert [each["id"] for each in options["excludeCredentials"]] == [
        fields["id"]
    ]


async def test_registration_of_a_foreign_page_is_refused(
    visitor: Visitor,
) -> None:
    visitor.device.origin = "https://evil.example"
    answer = await visitor.add()
    assert await error_of(answer) == (403, "passkey_refused")
    assert (await (await visitor.page(PAGE)).json())["passkeys"] == []


async def test_passkey_has_a_short_name(visitor: Visitor) -> None:
    for name in ("", "  \u202e ", "n" * 41):
        answer = await visitor.add(name)
        assert answer.status == 400
        assert (await answer.json())["field"] == "name"


async def test_operator_has_twenty_passkeys(visitor: Visitor) -> None:
    for number in range(MAX_PASSKEYS):
        visitor.device = Authenticator(credential_id=b"no. %d" % number)
        assert (await visitor.add()).status == 201
    visitor.device = Authenticator(credential_id=b"one more")
    answer = await visitor.add()
    assert await error_of(answer) == (409, "too_many_passkeys")


async def test_changes_need_a_recent_sign_in(
    visitor: Visitor, clock: Clock
) -> None:
    added = await (await visitor.add()).json()
    for _ in range(2):
        clock.now += 1800
        visitor.session = (
            (await visitor.page()).cookies["__Secure-studio"].value
        )
    assert (await visitor.page(PAGE)).status == 200
    for path in (f"{PAGE}/options", PAGE, f"{PAGE}/remove"):
        answer = await visitor.post(path, id=added["passkey_id"])
        assert await error_of(answer) == (403, "sign_in_again")


async def test_operators_have_passkeys_of_their_own(
    visitor: Visitor, studio: Studio, keyring: Keyring, clock: Clock
) -> None:
    """Whoever isn't an owner sees and removes their own only."""
    owners = await (await visitor.add()).json()
    _, sales = await named(studio, keyring, clock, "sam", Role.SALES)
    sams = await (await sales.add("Sam's key")).json()
    (listed,) = (await (await sales.page(PAGE)).json())["passkeys"]
    assert (listed["name"], listed["operator"]) == ("Sam's key", "sam")
    answer = await sales.post(f"{PAGE}/remove", id=owners["passkey_id"])
    assert await error_of(answer) == (403, "passkey_unknown")
    assert len((await (await visitor.page(PAGE)).json())["passkeys"]) == 2
    sales.session = ""
    assert (await sales.sign_in()).status == 200
    (listed,) = (await (await sales.page(PAGE)).json())["passkeys"]
    assert listed["operator"] == "sam"
    answer = await visitor.post(f"{PAGE}/remove", id=sams["passkey_id"])
    assert answer.status == 200
    assert await error_of(await sales.sign_in()) == (403, "passkey_unknown")


async def test_passkey_ends_with_its_operator(
    visitor: Visitor, studio: Studio, keyring: Keyring, clock: Clock
) -> None:
    _, sales = await named(studio, keyring, clock, "sam", Role.SALES)
    assert (await sales.add()).status == 201
    async with studio.ledger.write_transaction() as connection:
        await remove_operator(connection, "sam", clock.now)
    sales.session = ""
    assert await error_of(await sales.sign_in()) == (403, "passkey_unknown")
    assert (await (await visitor.page(PAGE)).json())["passkeys"] == []
    # Whoever gets the name later is somebody else.
    await named(studio, keyring, clock, "sam", Role.OWNER)
    assert await error_of(await sales.sign_in()) == (403, "passkey_unknown")
