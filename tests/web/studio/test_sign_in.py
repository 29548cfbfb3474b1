# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Sign-in to the studio, and its page without a session."""

import asyncio
import itertools
import logging
import re
from dataclasses import replace

import pytest
from multidict import CIMultiDict

from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.web.store import STORE
from msrv.web.studio import routes
from msrv.web.studio.auth import COOKIE
from tests.conftest import NONCE, Client, Clock
from tests.ledger.sample_events import order_id
from tests.web.studio.conftest import JSON, Studio, link_of, page, submit


async def test_only_the_button_uses_up_a_link(
    store: Client, link: str
) -> None:
    """Opening the link, as a preview does, changes nothing."""
    for _ in range(3):
        answer = await store.get(link)
        assert answer.status == 200
        assert "Sign in to the studio" in await answer.text()
        assert not answer.cookies
        assert answer.headers["Cache-Control"] == "private, no-store"
    answer = await submit(store, link)
    assert (answer.status, answer.headers["Location"]) == (303, "/studio")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert await page(store, answer.cookies[COOKIE].value) == 200


async def test_session_cookie_is_secure_strict_and_lasts_twelve_hours(
    store: Client, link: str
) -> None:
    answer = await submit(store, link)
    cookie = answer.cookies[COOKIE]
    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["samesite"] == "Strict"
    assert cookie["path"] == "/studio"
    assert cookie["max-age"] == "43200"
    assert cookie["domain"] == ""


async def test_session_ends_after_an_hour_without_use(
    store: Client, link: str, clock: Clock
) -> None:
    session = (await submit(store, link)).cookies[COOKIE].value
    clock.now += 3599
    assert await page(store, session) == 200
    clock.now += 1
    assert await page(store, session) == 401


async def test_session_in_use_is_renewed_for_twelve_hours(
    store: Client, link: str, clock: Clock
) -> None:
    session = (await submit(store, link)).cookies[COOKIE].value
    until, renewed = clock.now + 12 * 3600, 0
    while clock.now + 1800 < until:
        clock.now += 1800
        answer = await store.get(
            "/studio", headers={"Cookie": f"{COOKIE}={session}"}
        )
        assert answer.status == 200
        cookie = answer.cookies[COOKIE]
        assert int(cookie["max-age"]) == until - clock.now
        assert (cookie["httponly"], cookie["secure"]) == (True, True)
        session, renewed = cookie.value, renewed + 1
    assert renewed == 23
    clock.now = until
    assert await page(store, session) == 401


async def test_json_client_can_sign_in(store: Client, link: str) -> None:
    answer = await store.post(link, headers=JSON)
    assert answer.status == 200
    assert (await answer.json())["expires_at"] == 1_800_043_200
    assert COOKIE in answer.cookies


async def test_unacceptable_request_does_not_use_up_a_link(
    store: Client, link: str
) -> None:
    answer = await store.post(link, headers={"Accept": "image/png"})
    assert answer.status == 406
    assert (await submit(store, link)).status == 303


async def test_used_link_is_refused_and_logged(
    store: Client, link: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await submit(store, link)).status == 303
    for answer in (await submit(store, link), await store.get(link)):
        assert answer.status == 410
        assert "already been used" in await answer.text()
        assert not answer.cookies
        assert "no-store" in answer.headers["Cache-Control"]
    told = await (await store.get(link, headers=JSON)).json()
    assert told["error"] == "sign_in_used"
    assert "a sign-in link: already used" in caplog.text
    assert link.rpartition("/")[2] not in caplog.text


async def test_expired_link_is_refused_and_logged(
    store: Client, link: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    clock.now += 600
    for answer in (await submit(store, link), await store.get(link)):
        assert answer.status == 410
        text = await answer.text()
        assert "has expired" in text
        assert "msrv studio" in text
        assert not answer.cookies
    assert "refused a sign-in link: expired" in caplog.text


async def test_link_of_another_nonce_is_refused_and_logged(
    store: Client, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    other = link_of(Keyring.from_nonces("another"), clock.now)
    for answer in (await submit(store, other), await store.get(other)):
        assert answer.status == 404
        assert not answer.cookies
    assert "not signed by this store's NONCE" in caplog.text
    assert other.rpartition("/")[2] not in caplog.text


async def test_changing_nonce_signs_everyone_out(
    studio: Studio, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await studio.get("/studio")).status == 200
    changed = Keyring.from_nonces("the new one", NONCE)
    assert studio.store.app is not None
    found = replace(studio.store.app[STORE], keyring=changed)
    monkeypatch.setitem(studio.store.app._state, STORE, found)
    assert (await studio.get("/studio")).status == 401
    link = link_of(Keyring.from_nonces(NONCE), clock.now)
    assert (await submit(studio.store, link)).status == 404


async def test_concurrent_sign_ins_use_a_link_once(
    store: Client, link: str
) -> None:
    answers = await asyncio.gather(*(submit(store, link) for _ in range(5)))
    assert sorted(each.status for each in answers) == [303, 410, 410, 410, 410]


PATHS = [
    "/studio",
    "/studio/",
    "/studio/orders",
    f"/studio/orders/{order_id(1)}",
    f"/studio/orders/{order_id(1)}/revoke",
    "/studio/orders.csv",
    "/studio/health",
    "/studio/leave",
    "/studio/enter",
    "/studio/nowhere/at/all",
]


def comparable(headers: "CIMultiDict[str]") -> dict[str, str]:
    """Return a response's headers without the date and the length."""
    changing = {"Date", "Content-Length"}
    return {
        name: value for name, value in headers.items() if name not in changing
    }


def without_address(text: str, path: str) -> str:
    """Return a page without the link to its own address."""
    shown = text.replace(f'href="{path}"', "href")
    return re.sub('name="back" value="[^"]*"', "", shown)


METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
STRANGERS: tuple[dict[str, str], ...] = (
    {},
    {"Cookie": f"{COOKIE}=nonsense"},
    {"Cookie": f"{COOKIE}={'A' * 48}"},
    JSON,
    {"Accept": "image/png"},
)


async def test_addresses_are_alike_without_a_session(store: Client) -> None:
    """What exists under /studio is not told to a stranger."""
    for method, headers in itertools.product(METHODS, STRANGERS):
        nowhere = await store.request(
            method, "/studio/nowhere", headers=headers
        )
        expected = without_address(await nowhere.text(), "/studio/nowhere")
        for path in PATHS:
            answer = await store.request(method, path, headers=headers)
            assert answer.status == nowhere.status
            assert without_address(await answer.text(), path) == expected
            assert comparable(CIMultiDict(answer.headers)) == comparable(
                CIMultiDict(nowhere.headers)
            )


async def test_page_without_a_session_says_how_to_sign_in(
    store: Client,
) -> None:
    answer = await store.get("/studio/orders?q=%22%3E")
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "SignInLink"
    assert answer.headers["Cache-Control"] == "private, no-store"
    text = await answer.text()
    assert '<code dir="ltr">msrv studio</code>' in text
    assert 'href="/studio/orders?q=%22%3E"' in text
    assert "http-equiv" not in text
    told = await (await store.get("/studio", headers=JSON)).json()
    assert told["error"] == "signed_out"


@pytest.mark.parametrize(
    ("path", "headers", "opens"),
    [
        ("/studio/orders?q=A", {}, True),
        ("/studio/orders", {"Sec-Fetch-Site": "same-origin"}, False),
        ("/studio/orders", {"Sec-Fetch-Site": "none"}, False),
        ("/studio/orders", {"Sec-Fetch-Dest": "iframe"}, False),
        ("/studio/orders", {"Sec-Fetch-Mode": "no-cors"}, False),
        ("/studio/orders.csv", {}, False),
    ],
)
async def test_link_from_another_site_opens_again_within_the_site(
    store: Client,
    path: str,
    headers: dict[str, str],
    opens: bool,  # noqa: FBT001 - a table
) -> None:
    """Once, and only as a page: the second request is of the same origin."""
    sent = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
        **headers,
    }
    text = await (await store.get(path, headers=sent)).text()
    assert (f'content="0; url={path}"' in text) is opens
    assert ("http-equiv" in text) is opens


async def test_link_ticket_is_not_a_session(store: Client, link: str) -> None:
    assert await page(store, link.rpartition("/")[2]) == 401


async def test_request_without_a_session_does_not_query_the_database(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    async def look(self: object) -> int:
        asked.append(self)
        return 0

    assert store.app is not None
    monkeypatch.setattr(
        type(store.app[STORE].sign_ins), "all_signed_out_at", look
    )
    assert await page(store, "A" * 48) == 401
    assert (await store.get(f"/studio/enter/{'A' * 48}")).status == 404
    assert asked == []


async def test_sign_in_works_while_the_database_is_unavailable(
    offline_studio: Studio, keyring: Keyring, clock: Clock
) -> None:
    link = link_of(keyring, clock.now)
    assert (await submit(offline_studio.store, link)).status == 303
    assert (await submit(offline_studio.store, link)).status == 410


async def test_full_disk_refuses_sign_in_and_keeps_the_link_valid(
    offline_studio: Studio, keyring: Keyring, clock: Clock, settings: Settings
) -> None:
    (settings.data / "studio").mkdir(exist_ok=True)
    (settings.data / "studio" / "used").write_text("", encoding="ascii")
    answer = await submit(offline_studio.store, link_of(keyring, clock.now))
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "60"
    assert not answer.cookies


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "null", "Sec-Fetch-Site": "same-origin"}, 303),
        # A browser from before that header: the cookie is SameSite=Strict.
        ({"Origin": "null"}, 303),
    ],
)
async def test_post_from_another_site_is_refused(
    studio: Studio, headers: dict[str, str], status: int
) -> None:
    answer = await studio.post(f"/studio/orders/{order_id(1)}/revoke", headers)
    assert answer.status == status


async def test_log_contains_no_ticket(
    store: Client, link: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        await store.get(link)
        session = (await submit(store, link)).cookies[COOKIE].value
        await page(store, session)
    said = "\n".join(
        each.getMessage()
        for each in caplog.records
        # The access log of this test's server is aiohttp's own.
        if each.name != "aiohttp.access"
    )
    assert link.rpartition("/")[2] not in said
    assert session not in said
    assert "signed in from 127.0.0.1" in said


async def test_every_studio_route_needs_a_session() -> None:
    for route in routes.STUDIO:
        assert route.path.startswith("/studio")
        assert str(route.kwargs["name"]).startswith("studio")
