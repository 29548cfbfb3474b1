"""The studio's door, as a browser and as a stranger find it."""

import asyncio
import itertools
import logging
import secrets
from dataclasses import replace

import pytest
from aiohttp import ClientResponse
from multidict import CIMultiDict

from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.web.store import STORE
from msrv.web.studio import routes
from msrv.web.studio.auth import COOKIE
from tests.conftest import NONCE, Client, Clock
from tests.ledger.sample_events import order_id
from tests.web.studio.conftest import JSON, Studio


@pytest.fixture
def link(keyring: Keyring, clock: Clock) -> str:
    """The path of a sign-in link, as `python -m msrv studio` prints it."""
    return link_of(keyring, clock.now)


def link_of(keyring: Keyring, at: int) -> str:
    """The path of a sign-in link that was printed at a time."""
    ticket = sign_in.issue(
        keyring, sign_in.TicketKind.LINK, at, secrets.token_bytes
    )
    return f"/studio/enter/{ticket}"


async def press(store: Client, link: str) -> ClientResponse:
    """Press the button behind a link."""
    return await store.post(link, allow_redirects=False)


async def page(store: Client, session: str) -> int:
    """Open the studio with a session; the status."""
    cookie = {"Cookie": f"{COOKIE}={session}"}
    return (await store.get("/studio", headers=cookie)).status


async def test_a_link_signs_in_by_its_button(store: Client, link: str) -> None:
    """A preview of a mail uses the link up, and its reader stays outside."""
    for _ in range(3):
        answer = await store.get(link)
        assert answer.status == 200
        assert "Sign in to the studio" in await answer.text()
        assert not answer.cookies
        assert answer.headers["Cache-Control"] == "private, no-store"
    answer = await press(store, link)
    assert (answer.status, answer.headers["Location"]) == (303, "/studio")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert await page(store, answer.cookies[COOKIE].value) == 200


async def test_the_cookie_is_for_this_browser_and_twelve_hours(
    store: Client, link: str
) -> None:
    """A script, plain HTTP, or another site gets hold of the session."""
    answer = await press(store, link)
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
    session = (await press(store, link)).cookies[COOKIE].value
    clock.now += 3599
    assert await page(store, session) == 200
    clock.now += 1
    assert await page(store, session) == 404


async def test_session_in_use_is_renewed_for_twelve_hours(
    store: Client, link: str, clock: Clock
) -> None:
    session = (await press(store, link)).cookies[COOKIE].value
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
    assert await page(store, session) == 404


async def test_a_program_signs_in(store: Client, link: str) -> None:
    """A script that fetches the books has to pretend to be a browser."""
    answer = await store.post(link, headers=JSON)
    assert answer.status == 200
    assert (await answer.json())["expires_at"] == 1_800_043_200
    assert COOKIE in answer.cookies


async def test_who_can_not_be_answered_uses_nothing_up(
    store: Client, link: str
) -> None:
    """A program that asks for a picture has thrown its link away."""
    answer = await store.post(link, headers={"Accept": "image/png"})
    assert answer.status == 406
    assert (await press(store, link)).status == 303


async def test_a_link_that_was_used(
    store: Client, link: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A link from a terminal's history opens the books a second time."""
    assert (await press(store, link)).status == 303
    for answer in (await press(store, link), await store.get(link)):
        assert answer.status == 410
        assert "already been used" in await answer.text()
        assert not answer.cookies
        assert "no-store" in answer.headers["Cache-Control"]
    told = await (await store.get(link, headers=JSON)).json()
    assert told["error"] == "sign_in_used"
    assert "a sign-in link: already used" in caplog.text
    assert link.rpartition("/")[2] not in caplog.text


async def test_a_link_that_is_late(
    store: Client, link: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A link that lay about for a day opens the books."""
    clock.now += 600
    for answer in (await press(store, link), await store.get(link)):
        assert answer.status == 410
        text = await answer.text()
        assert "has expired" in text
        assert "python -m msrv studio" in text
        assert not answer.cookies
    assert "refused a sign-in link: expired" in caplog.text


async def test_a_link_of_another_nonce(
    store: Client, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Who runs a store can sign in to another; or nobody can tell why not."""
    other = link_of(Keyring.from_nonces("another"), clock.now)
    for answer in (await press(store, other), await store.get(other)):
        assert answer.status == 404
        assert not answer.cookies
    assert "not signed by this store's NONCE" in caplog.text
    assert other.rpartition("/")[2] not in caplog.text


async def test_changing_nonce_signs_everyone_out(
    studio: Studio, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NONCE got out and was changed, and its finder is still signed in."""
    assert (await studio.get("/studio")).status == 200
    changed = Keyring.from_nonces("the new one", NONCE)
    assert studio.store.app is not None
    found = replace(studio.store.app[STORE], keyring=changed)
    monkeypatch.setitem(studio.store.app._state, STORE, found)
    assert (await studio.get("/studio")).status == 404
    link = link_of(Keyring.from_nonces(NONCE), clock.now)
    assert (await press(studio.store, link)).status == 404


async def test_two_presses_at_once_are_one(store: Client, link: str) -> None:
    """Two who saw the link are both inside."""
    answers = await asyncio.gather(*(press(store, link) for _ in range(5)))
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
    "/studio/enter/AAAA",
    f"/studio/enter/{'A' * 48}",
    "/studio/nowhere/at/all",
]


def telling(headers: "CIMultiDict[str]") -> dict[str, str]:
    """What an answer's headers tell, but for the time."""
    return {name: value for name, value in headers.items() if name != "Date"}


METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
STRANGERS: tuple[dict[str, str], ...] = (
    {},
    {"Cookie": f"{COOKIE}=nonsense"},
    {"Cookie": f"{COOKIE}={'A' * 48}"},
    JSON,
    {"Accept": "image/png"},
)


@pytest.mark.parametrize("path", PATHS)
async def test_to_a_stranger_there_is_no_studio(
    store: Client, path: str
) -> None:
    """A stranger learns that there is a door, and where."""
    for method, headers in itertools.product(METHODS, STRANGERS):
        answer = await store.request(method, path, headers=headers)
        nowhere = await store.request(method, "/nowhere", headers=headers)
        assert answer.status == nowhere.status == 404
        assert await answer.read() == await nowhere.read()
        assert telling(CIMultiDict(answer.headers)) == telling(
            CIMultiDict(nowhere.headers)
        )


async def test_a_link_in_the_cookie_opens_nothing(
    store: Client, link: str
) -> None:
    """A link that can't be used twice is used as a cookie instead."""
    assert await page(store, link.rpartition("/")[2]) == 404


async def test_a_stranger_asks_the_database_nothing(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stranger keeps the database busy by asking for the studio."""
    asked: list[object] = []

    async def look(self: object) -> int:
        asked.append(self)
        return 0

    assert store.app is not None
    monkeypatch.setattr(
        type(store.app[STORE].sign_ins), "all_signed_out_at", look
    )
    assert await page(store, "A" * 48) == 404
    assert (await store.get(f"/studio/enter/{'A' * 48}")).status == 404
    assert asked == []


async def test_signing_out_here(studio: Studio) -> None:
    """Who leaves a shared computer stays signed in on it."""
    answer = await studio.post("/studio/leave")
    assert answer.status == 200
    assert answer.cookies[COOKIE]["max-age"] == "0"
    assert answer.cookies[COOKIE]["path"] == "/studio"
    assert "You are signed out on every replica" in await answer.text()


async def test_copy_of_the_cookie_ends_with_the_session(
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
    assert await page(studio.store, studio.cookie) == 404
    assert await page(studio.store, renewed) == 404


async def test_signing_out_says_whom_it_reached(resting: Studio) -> None:
    answer = await resting.post("/studio/leave")
    assert "other replicas could not be told" in await answer.text()
    assert (await resting.get("/studio")).status == 404


async def test_signing_out_everywhere(
    studio: Studio, keyring: Keyring, clock: Clock
) -> None:
    """Who was signed out by someone else goes on."""
    early = link_of(keyring, clock.now - 5)
    answer = await studio.post("/studio/leave", everywhere="1")
    assert "Everyone is signed out, on every replica." in await answer.text()
    assert (await studio.get("/studio")).status == 404
    # A link that was printed before ends with it; a new one works at once.
    assert (await press(studio.store, early)).status == 410
    answer = await press(studio.store, link_of(keyring, clock.now))
    assert await page(studio.store, answer.cookies[COOKIE].value) == 200


async def test_signing_out_everywhere_says_whom_it_reached(
    resting: Studio,
) -> None:
    """An operator believes that a thief is out, who is not."""
    answer = await resting.post("/studio/leave", everywhere="1")
    assert answer.status == 200
    assert "other replicas could not be told" in await answer.text()
    assert (await resting.get("/studio")).status == 404


async def test_while_the_ledger_rests_one_can_sign_in(
    resting: Studio, keyring: Keyring, clock: Clock
) -> None:
    """When something is wrong, nobody can look at what."""
    link = link_of(keyring, clock.now)
    assert (await press(resting.store, link)).status == 303
    assert (await press(resting.store, link)).status == 410


async def test_where_nothing_can_be_written_the_door_stays_shut(
    resting: Studio, keyring: Keyring, clock: Clock, settings: Settings
) -> None:
    """On a full disk, a link is good for as often as one likes."""
    (settings.data / "studio").mkdir(exist_ok=True)
    (settings.data / "studio" / "used").write_text("", encoding="ascii")
    answer = await press(resting.store, link_of(keyring, clock.now))
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
async def test_another_site_can_press_no_button(
    studio: Studio, headers: dict[str, str], status: int
) -> None:
    """A page somewhere takes a sale back while the operator reads it."""
    answer = await studio.post(f"/studio/orders/{order_id(1)}/revoke", headers)
    assert answer.status == status


async def test_no_ticket_is_in_the_log(
    store: Client, link: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Who reads the log signs in by what it says."""
    with caplog.at_level(logging.DEBUG):
        await store.get(link)
        session = (await press(store, link)).cookies[COOKIE].value
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


async def test_every_route_of_the_studio_is_behind_the_door() -> None:
    """A new page is forgotten at the door."""
    for route in routes.STUDIO:
        assert route.path.startswith("/studio")
        assert str(route.kwargs["name"]).startswith("studio")
