# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Fixtures: a store with a session, on SQLite or on a real MariaDB."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import ClientResponse
from pydantic import SecretStr

from msrv.ledger.db.projection import apply_events
from msrv.ledger.events import Event
from msrv.ledger.ledger import Ledger
from msrv.proofs import sign_in
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.web.store import STORE
from msrv.web.studio.auth import COOKIE
from tests.conftest import Client, Clock, StartStore
from tests.ledger.lent_ledgers import LentLedgers
from tests.polling import wait_until

JSON = {"Accept": "application/json"}


@dataclass(slots=True)
class Studio:
    """A client of a store's studio, with a session."""

    store: Client
    cookie: str

    async def get(self, path: str, **headers: str) -> ClientResponse:
        """Request a page."""
        return await self.store.get(path, headers=self._with(headers))

    async def text(self, path: str) -> str:
        """Return the text of a page that exists."""
        answer = await self.get(path)
        assert answer.status == 200, await answer.text()
        return await answer.text()

    async def data(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of a page that exists."""
        answer = await self.get(path, **JSON)
        assert answer.status == 200, await answer.text()
        return await answer.json()

    async def post(
        self, path: str, headers: dict[str, str] | None = None, /, **form: str
    ) -> ClientResponse:
        """Submit a form."""
        return await self.store.post(
            path,
            data=form,
            headers=self._with(headers or {}),
            allow_redirects=False,
        )

    async def wait_until_synced(self) -> None:
        """Wait until every event is in the ledger's tables."""
        ledger = self.ledger
        await ledger.wait_until_synced()
        await wait_until(lambda: ledger.is_database_ready)

    async def store_events(self, *events: Event) -> None:
        """Store events in the ledger's tables."""
        async with self.ledger.write_transaction() as connection:
            await apply_events(connection, events)

    @property
    def ledger(self) -> Ledger:
        """The store's ledger."""
        assert self.store.app is not None
        found = self.store.app[STORE].ledger
        assert isinstance(found, Ledger)
        return found

    def _with(self, headers: dict[str, str]) -> dict[str, str]:
        return {"Cookie": f"{COOKIE}={self.cookie}", **headers}


@pytest.fixture
def session(keyring: Keyring, clock: Clock) -> str:
    """A session that has just started."""
    return sign_in.issue(
        keyring, sign_in.TicketKind.SESSION, clock.now, secrets.token_bytes
    )


@pytest.fixture
async def store(start_store: StartStore, settings: Settings) -> Client:
    """A store on SQLite whose database is ready."""
    found = await start_store(settings)
    await Studio(found, "").wait_until_synced()
    return found


@pytest.fixture
def studio(store: Client, session: str) -> Studio:
    """The studio of that store."""
    return Studio(store, session)


@pytest.fixture(params=["sqlite", "mariadb", "postgresql"])
def database(
    request: pytest.FixtureRequest, settings: Settings
) -> Iterator[Settings]:
    """Settings with the file in the data folder, or with a server."""
    if request.param == "sqlite":
        yield settings
        return
    ledgers = request.getfixturevalue(f"{request.param}_ledgers")
    assert isinstance(ledgers, LentLedgers)
    with ledgers.borrowed() as url:
        yield settings.model_copy(update={"database": SecretStr(url)})


@pytest.fixture
async def any_studio(
    database: Settings, start_store: StartStore, session: str
) -> Studio:
    """A studio on any_studio database."""
    found = Studio(await start_store(database), session)
    await found.wait_until_synced()
    return found


@pytest.fixture
async def offline_studio(
    start_store: StartStore, settings: Settings, session: str
) -> Studio:
    """A studio whose database is unavailable."""
    away = settings.model_copy(
        update={"database": SecretStr("mysql://a:b@127.0.0.1:1/x")}
    )
    found = Studio(await start_store(away), session)
    await wait_until(lambda: found.ledger.status().troubles)
    return found


@pytest.fixture
def link(keyring: Keyring, clock: Clock) -> str:
    """Path of a sign-in link, as `msrv studio` prints it."""
    return link_of(keyring, clock.now)


def link_of(keyring: Keyring, at: int) -> str:
    """Return the path of a sign-in link issued at a time."""
    ticket = sign_in.issue(
        keyring, sign_in.TicketKind.LINK, at, secrets.token_bytes
    )
    return f"/studio/enter/{ticket}"


async def submit(store: Client, link: str) -> ClientResponse:
    """Submit the form of a sign-in link."""
    return await store.post(link, allow_redirects=False)


async def page(store: Client, session: str) -> int:
    """Return the status of the studio's first page with a session."""
    cookie = {"Cookie": f"{COOKIE}={session}"}
    return (await store.get("/studio", headers=cookie)).status


async def buy(store: Client, *items: str) -> dict[str, Any]:
    """Place an order; return its JSON."""
    answer = await store.post(
        "/purchases", data=[("item", item) for item in items], headers=JSON
    )
    assert answer.status == 201
    found: dict[str, Any] = await answer.json()
    return found
