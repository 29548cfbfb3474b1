# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sign-out of the studio: of one session, and of all."""

from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from msrv.web.studio.auth import COOKIE
from tests.conftest import Clock
from tests.web.studio.conftest import Studio, link_of, page, submit


async def test_sign_out_deletes_the_cookie(studio: Studio) -> None:
    answer = await studio.post("/studio/leave")
    assert answer.status == 200
    assert answer.cookies[COOKIE]["max-age"] == "0"
    assert answer.cookies[COOKIE]["path"] == "/studio"
    assert "You are signed out on every replica" in await answer.text()


async def test_copied_cookie_ends_with_the_session(
    studio: Studio, keyring: Keyring, clock: Clock
) -> None:
    """Signing out ends the session itself, renewed copies included."""
    session = sign_in.read(
        keyring, sign_in.TicketKind.SESSION, studio.cookie, clock.now
    )
    renewed = sign_in.renew(keyring, session, clock.now + 100)
    clock.now += 100
    assert await page(studio.store, renewed) == 200
    assert (await studio.post("/studio/leave")).status == 200
    assert await page(studio.store, studio.cookie) == 401
    assert await page(studio.store, renewed) == 401


async def test_sign_out_reports_unreached_replicas(
    offline_studio: Studio,
) -> None:
    answer = await offline_studio.post("/studio/leave")
    assert "other replicas could not be told" in await answer.text()
    assert (await offline_studio.get("/studio")).status == 401


async def test_sign_out_everywhere_ends_all_sessions(
    studio: Studio, keyring: Keyring, clock: Clock
) -> None:
    early = link_of(keyring, clock.now - 5)
    answer = await studio.post("/studio/leave", everywhere="1")
    assert "Everyone is signed out, on every replica." in await answer.text()
    assert (await studio.get("/studio")).status == 401
    # A link that was printed before ends with it; a new one works at once.
    assert (await submit(studio.store, early)).status == 410
    answer = await submit(studio.store, link_of(keyring, clock.now))
    assert await page(studio.store, answer.cookies[COOKIE].value) == 200


async def test_sign_out_everywhere_reports_unreached_replicas(
    offline_studio: Studio,
) -> None:
    answer = await offline_studio.post("/studio/leave", everywhere="1")
    assert answer.status == 200
    assert "other replicas could not be told" in await answer.text()
    assert (await offline_studio.get("/studio")).status == 401
