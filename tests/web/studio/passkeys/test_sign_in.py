# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sign-in to the studio with a passkey."""

import asyncio
import logging
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from msrv.ledger.db.schema import passkeys
from msrv.ledger.errors import DatabaseUnavailable
from msrv.passkeys import challenges
from msrv.proofs.encoding import encode
from msrv.settings import Settings
from msrv.web.studio.auth import COOKIE as SESSION_COOKIE
from msrv.web.studio.passkeys.challenge_cookie import COOKIE
from tests.conftest import Client, Clock, StartStore
from tests.passkeys.authenticator import PRESENT, Authenticator
from tests.web.studio.conftest import Studio
from tests.web.studio.passkeys.conftest import (
    ENTER,
    PAGE,
    Visitor,
    error_of,
)


async def test_passkey_signs_in_and_the_session_is_like_any_other(
    visitor: Visitor, clock: Clock
) -> None:
    assert (await visitor.add()).status == 201
    visitor.session = ""
    assert (await visitor.page()).status == 401
    answer = await visitor.sign_in()
    assert answer.status == 200, await answer.text()
    assert (await answer.json())["expires_at"] == clock.now + 12 * 3600
    assert answer.headers["Cache-Control"] == "private, no-store"
    cookie = answer.cookies[SESSION_COOKIE]
    assert (cookie["httponly"], cookie["secure"]) == (True, True)
    assert (cookie["samesite"], cookie["path"]) == ("Strict", "/studio")
    assert answer.cookies[COOKIE].value == ""
    assert (await visitor.page()).status == 200
    clock.now += 3600
    assert (await visitor.page()).status == 401
    assert (await visitor.sign_in()).status == 200
    clock.now += 1
    assert (await visitor.post("/studio/leave", everywhere="1")).status == 200
    clock.now += 1
    assert (await visitor.page()).status == 401
    assert (await visitor.sign_in()).status == 200
    assert (await visitor.page()).status == 200


async def test_challenge_is_in_a_strict_cookie_of_this_host(
    visitor: Visitor,
) -> None:
    for path in (PAGE, ENTER):
        answer = await visitor.post(f"{path}/options")
        assert answer.headers["Cache-Control"] == "private, no-store"
        cookie = answer.cookies[COOKIE]
        assert COOKIE.startswith("__Host-")
        assert (cookie["httponly"], cookie["secure"]) == (True, True)
        assert (cookie["samesite"], cookie["path"]) == ("Strict", "/")
        assert (cookie["max-age"], cookie["domain"]) == ("300", "")


async def test_page_without_a_session_offers_passkeys(store: Client) -> None:
    page = await store.get("/studio")
    assert page.status == 401
    text = await page.text()
    assert "Sign in with a passkey" in text
    assert "msrv studio" in text
    assert not page.cookies


async def test_sign_in_again_during_a_session(
    visitor: Visitor, clock: Clock
) -> None:
    assert (await visitor.add()).status == 201
    for _ in range(2):
        clock.now += 1800
        answer = await visitor.page()
        visitor.session = answer.cookies[SESSION_COOKIE].value
    refused = await visitor.store.post(
        f"{PAGE}/options",
        headers={"Cookie": f"{SESSION_COOKIE}={visitor.session}"},
    )
    assert refused.status == 403
    assert f'href="{ENTER}"' in await refused.text()
    shown = await visitor.store.get(ENTER)
    assert shown.status == 200
    assert "Sign in with a passkey" in await shown.text()
    assert (await visitor.sign_in()).status == 200
    assert (await visitor.post(f"{PAGE}/options")).status == 200


async def test_used_response_is_refused(visitor: Visitor) -> None:
    assert (await visitor.add()).status == 201
    options = await visitor.options(ENTER)
    fields = visitor.device.get(options)
    answers = await asyncio.gather(
        *(visitor.post(ENTER, **fields) for _ in range(4))
    )
    assert sorted(each.status for each in answers) == [200, 410, 410, 410]
    again = await visitor.post(ENTER, **fields)
    assert await error_of(again) == (410, "passkey_used")
    assert SESSION_COOKIE not in again.cookies
    # Neither is another response to the same challenge.
    other = visitor.device.get(options)
    assert await error_of(await visitor.post(ENTER, **other)) == (
        410,
        "passkey_used",
    )


async def test_expired_challenge_is_refused(
    visitor: Visitor, clock: Clock
) -> None:
    assert (await visitor.add()).status == 201
    fields = visitor.device.get(await visitor.options(ENTER))
    clock.now += challenges.SECONDS
    answer = await visitor.post(ENTER, **fields)
    assert await error_of(answer) == (410, "passkey_expired")
    assert (await visitor.sign_in()).status == 200


async def test_challenge_of_another_browser_is_refused(
    visitor: Visitor,
) -> None:
    """Who only has a response, and not the cookie, can't use it."""
    assert (await visitor.add()).status == 201
    fields = visitor.device.get(await visitor.options(ENTER))
    for text in ("", visitor.challenge[::-1]):
        visitor.challenge = text
        answer = await visitor.post(ENTER, **fields)
        assert await error_of(answer) == (400, "passkey_not_started")
    await visitor.options(ENTER)
    answer = await visitor.post(ENTER, **fields)
    assert await error_of(answer) == (403, "passkey_refused")


async def test_forged_responses_are_refused(visitor: Visitor) -> None:
    assert (await visitor.add()).status == 201
    genuine, visitor.session = visitor.device, ""
    for forged in (
        replace(genuine, origin="https://evil.example"),
        replace(genuine, host="evil.example"),
        replace(genuine, key=Authenticator().key),
        replace(genuine, flags=PRESENT),
        replace(genuine, user_handle=encode(b"u" * 32)),
    ):
        visitor.device = forged
        answer = await visitor.sign_in()
        assert await error_of(answer) == (403, "passkey_refused")
    assert (await visitor.page()).status == 401


async def test_fields_that_are_missing_or_none_are_refused(
    visitor: Visitor,
) -> None:
    await visitor.options(ENTER)
    for form in ({}, {"id": "*"}, {"id": "AAAA"}, {"id": "A" * 9000}):
        answer = await visitor.post(ENTER, **form)
        status, _ = await error_of(answer)
        assert status == 403


async def test_removed_passkey_is_refused(visitor: Visitor) -> None:
    visitor.device.counts = False
    added = await (await visitor.add()).json()
    for _ in range(2):
        assert (await visitor.sign_in()).status == 200
    answer = await visitor.post(f"{PAGE}/remove", id=added["passkey_id"])
    assert answer.status == 200
    answer = await visitor.sign_in()
    assert await error_of(answer) == (403, "passkey_unknown")


async def test_copied_passkey_is_refused_and_logged(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    added = await (await visitor.add()).json()
    visitor.device.counter = 7
    assert (await visitor.sign_in()).status == 200
    copy = Visitor(visitor.store, device=replace(visitor.device, counter=7))
    assert (await visitor.sign_in()).status == 200
    answer = await copy.sign_in()
    assert await error_of(answer) == (403, "passkey_copied")
    assert f"PasskeyCopied, passkey {added['passkey_id']}" in caplog.text
    assert (await visitor.sign_in()).status == 200


async def test_row_that_the_store_did_not_write_is_refused(
    visitor: Visitor, studio: Studio
) -> None:
    """Write access to the database is not enough to sign in."""
    assert (await visitor.add()).status == 201
    async with studio.ledger.read_transaction(5) as connection:
        known = await connection.scalar(select(passkeys.c.tag))
    # Another operator's, and one from before a change of NONCE.
    for change in ({"operator_id": "0123456789ab"}, {"tag": "A" * 24}):
        async with studio.ledger.write_transaction() as connection:
            await connection.execute(update(passkeys).values(**change))
        answer = await visitor.sign_in()
        assert await error_of(answer) == (403, "passkey_unknown")
        async with studio.ledger.write_transaction() as connection:
            await connection.execute(
                update(passkeys).values(operator_id="", tag=known)
            )
    assert (await visitor.sign_in()).status == 200


async def test_sign_ins_are_limited_by_network(
    visitor: Visitor, clock: Clock
) -> None:
    assert (await visitor.add()).status == 201
    for _ in range(20):
        assert (await visitor.post(ENTER, id="AAAA")).status == 400
    answer = await visitor.post(ENTER, id="AAAA")
    assert await error_of(answer) == (429, "too_many_sign_ins")
    assert int(answer.headers["Retry-After"]) == 3
    clock.now += 3
    assert (await visitor.sign_in()).status == 200


async def test_sign_in_without_the_database_says_so(
    offline_studio: Studio, link: str
) -> None:
    offline = Visitor(offline_studio.store)
    answer = await offline.post(f"{ENTER}/options")
    assert await error_of(answer) == (503, "ledger_resting")
    assert "Retry-After" in answer.headers
    answer = await offline.store.post(link, allow_redirects=False)
    assert answer.status == 303


async def test_sign_in_while_the_database_fails_says_so(
    visitor: Visitor, studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await visitor.add()).status == 201
    fields = visitor.device.get(await visitor.options(ENTER))
    monkeypatch.setattr(studio.ledger, "read_transaction", _unavailable)
    answer = await visitor.post(ENTER, **fields)
    assert await error_of(answer) == (503, "ledger_resting")
    monkeypatch.undo()
    assert (await visitor.post(ENTER, **fields)).status == 200


async def test_nothing_of_a_passkey_is_logged(
    visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    caplog.set_level(logging.DEBUG, logger="msrv")
    options = await visitor.options(PAGE)
    fields = visitor.device.create(options)
    first = visitor.challenge
    answer = await visitor.post(PAGE, name="My own phone", **fields)
    assert answer.status == 201
    responses = visitor.device.get(await visitor.options(ENTER))
    assert (await visitor.post(ENTER, **responses)).status == 200
    assert (await visitor.post(ENTER, **responses)).status == 410
    assert (await visitor.sign_in(signature="AAAA")).status == 403
    assert "signed in with a passkey" in caplog.text
    for secret in (
        *(text for text in fields.values() if " " not in text),
        *responses.values(),
        first,
        visitor.challenge,
        options["challenge"],
        options["user"]["id"],
        "My own phone",
    ):
        assert secret not in caplog.text


async def test_plain_http_and_addresses_have_no_passkeys(
    start_store: StartStore, settings: Settings
) -> None:
    store = await start_store(settings.model_copy(update={"public_url": None}))
    text = await (await store.get("/studio")).text()
    assert "Sign in with a passkey" not in text
    answer = await store.post(f"{ENTER}/options")
    assert answer.status == 501


def _unavailable(_: float) -> None:
    raise DatabaseUnavailable("the database is away")
